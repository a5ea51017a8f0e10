// Compiles programs in memory: the passes of the kernel stage, the generator,
// an object, and its weights in a buffer.
//
// Layers of a model are equal but for their weights, and code reaches weights
// through a pointer: programs whose kernels and launches read alike share the
// code.

#include "qopt/codegen/executor/Executor.h"

#include <atomic>

#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Threading.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "qopt/codegen/cpu/Cpu.h"
#include "qopt/codegen/cpu/Load.h"
#include "qopt/codegen/interpreter/Interpreter.h"
#include "qopt/codegen/link/Output.h"
#include "qopt/passes/Executor.h"
#include "qopt/passes/Passes.h"
#include "qopt/passes/kernel/Layouts.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using qopt::cpu::LoadedCode;
using qopt::cpu::Memory;

namespace qopt {

namespace {

/// The threads of a context, as generated code calls them.
struct ContextPool : qopt_pool {
  explicit ContextPool(MLIRContext *context)
      : qopt_pool{run}, context(context) {
    unsigned threads = context->isMultithreadingEnabled()
                           ? context->getThreadPool().getMaxConcurrency()
                           : 1;
    for (unsigned i = 0; i < threads; ++i)
      scratch.emplace_back(QOPT_SCRATCH_BYTES);
  }

  static void run(qopt_pool *pool, qopt_kernel kernel, const int64_t *args,
                  int64_t tasks) {
    auto &self = *static_cast<ContextPool *>(pool);
    size_t threads = std::min<size_t>(self.scratch.size(), tasks);
    if (threads <= 1)
      return kernel(args, 0, tasks, self.scratch[0].data);
    std::atomic<int64_t> next{0};
    parallelFor(self.context, 0, threads, [&](size_t thread) {
      for (int64_t task; (task = next++) < tasks;)
        kernel(args, task, task + 1, self.scratch[thread].data);
    });
  }

  MLIRContext *context;
  std::vector<Memory> scratch; ///< of each thread
};

/// Code that is loaded, and what it is the code of.
struct Code {
  std::unique_ptr<LoadedCode> loaded;
  const qopt_entry *entry;
};

class CpuExecutable final : public Executable {
public:
  CpuExecutable(std::shared_ptr<Code> code, std::shared_ptr<ContextPool> pool,
                int64_t weightBytes)
      : code(std::move(code)), pool(std::move(pool)), weights(weightBytes) {}

  LogicalResult run(ArrayRef<int64_t> symbols, ArrayRef<const void *> arguments,
                    ArrayRef<void *> results) override {
    const qopt_entry &entry = *code->entry;
    if (symbols.size() != entry.symbol_count ||
        arguments.size() != entry.input_count ||
        results.size() != entry.output_count)
      return failure();
    size_t bytes = entry.arena_bytes(symbols.data());
    if (!arena || bytes > arenaBytes) {
      arena.emplace(bytes);
      arenaBytes = bytes;
    }
    qopt_call call = {weights.data,     arena->data,    symbols.data(),
                      arguments.data(), results.data(), nullptr,
                      pool.get(),       nullptr};
    entry.run(&call);
    return success();
  }

  std::shared_ptr<Code> code;
  std::shared_ptr<ContextPool> pool;
  Memory weights;

private:
  std::optional<Memory> arena;
  size_t arenaBytes = 0;
};

class CpuExecutor final : public Executor {
public:
  FailureOr<std::unique_ptr<Executable>> compile(OwningOpRef<ModuleOp> program,
                                                 StringRef folder) override;
  FailureOr<std::vector<float>> evaluate(Value weight,
                                         StringRef folder) override;

private:
  FailureOr<std::shared_ptr<Code>> codeOf(ModuleOp kernels, const Target &host);

  llvm::StringMap<std::shared_ptr<Code>> codes; ///< by their text
  std::shared_ptr<ContextPool> pool;
};

} // namespace

static LogicalResult toKernels(ModuleOp program, const Target &host) {
  PassManager passes(program.getContext());
  passes.enableVerifier(false);
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  OutlineWeightsOptions layouts;
  layouts.lanes = cpu::layoutFacts(host).lanes;
  passes.addPass(createOutlineWeights(layouts));
  OutlineKernelsOptions made;
  made.lanes = layouts.lanes;
  passes.addPass(createOutlineKernels(made));
  passes.addPass(createPlanMemory());
  return passes.run(program);
}

/// What the code depends on: all but the names and chains of the weights.
static std::string textOf(ModuleOp kernels) {
  SymbolTable symbols(kernels);
  std::string text;
  llvm::raw_string_ostream out(text);
  for (auto [i, weight] :
       llvm::enumerate(llvm::to_vector(kernels.getOps<kernel::WeightOp>()))) {
    auto name =
        StringAttr::get(kernels.getContext(), "weight." + std::to_string(i));
    if (failed(symbols.rename(weight, name)))
      return {};
    out << weight.getLayout() << weight.getResultType() << weight.getOffset()
        << "\n";
  }
  for (Operation &op : *kernels.getBody())
    if (!isa<kernel::WeightOp, ml_program::GlobalOp>(op))
      out << op << "\n";
  return text;
}

FailureOr<std::shared_ptr<Code>> CpuExecutor::codeOf(ModuleOp kernels,
                                                     const Target &host) {
  std::string text = textOf(kernels);
  if (auto found = codes.find(text); found != codes.end())
    return found->second;
  auto generated = cpu::generate(kernels, host, {});
  if (!generated)
    return failure();
  auto object = cpu::compileObject(*generated);
  if (failed(object))
    return failure();
  auto loaded = LoadedCode::load(*object);
  if (!loaded)
    return kernels.emitError("cannot load its code: ")
           << llvm::toString(loaded.takeError());
  auto code = std::make_shared<Code>();
  code->loaded = std::move(*loaded);
  code->entry = code->loaded->variant()->entries;
  return codes[text] = code;
}

FailureOr<std::unique_ptr<Executable>>
CpuExecutor::compile(OwningOpRef<ModuleOp> program, StringRef folder) {
  if (!pool)
    pool = std::make_shared<ContextPool>(program->getContext());
  std::string message;
  FailureOr<Target> host = cpu::targetNamed("native", message);
  if (failed(host))
    return program->emitError(message);
  if (failed(toKernels(*program, *host)))
    return failure();
  auto code = codeOf(*program, *host);
  if (failed(code))
    return failure();
  auto executable =
      std::make_unique<CpuExecutable>(*code, pool, weightBytes(*program));
  uint8_t *next = executable->weights.data;
  nn::WeightFiles files(folder);
  if (failed(link::writeWeights(*program, files, [&](ArrayRef<char> part) {
        std::memcpy(next, part.data(), part.size());
        next += part.size();
        return success();
      })))
    return failure();
  return std::unique_ptr<Executable>(std::move(executable));
}

/// The ops that a weight is computed by, operands first.
static void collectChain(Value value, llvm::SetVector<Operation *> &chain) {
  for (Value operand : value.getDefiningOp()->getOperands())
    collectChain(operand, chain);
  chain.insert(value.getDefiningOp());
}

FailureOr<std::vector<float>> CpuExecutor::evaluate(Value weight,
                                                    StringRef folder) {
  // The interpreter runs functions: the chain is one for a moment.
  auto program = weight.getDefiningOp()->getParentOfType<ModuleOp>();
  OpBuilder b = OpBuilder::atBlockEnd(program.getBody());
  auto function =
      func::FuncOp::create(b, weight.getLoc(), "evaluated.weight",
                           b.getFunctionType({}, {weight.getType()}));
  b.setInsertionPointToEnd(function.addEntryBlock());
  llvm::SetVector<Operation *> chain;
  collectChain(weight, chain);
  IRMapping mapping;
  for (Operation *op : chain)
    b.clone(*op, mapping);
  func::ReturnOp::create(b, weight.getLoc(), mapping.lookup(weight));
  interpreter::Interpreter interpreter;
  addAll(interpreter);
  nn::WeightFiles files(folder);
  interpreter::RunOptions options;
  options.files = &files;
  auto values = interpreter.run(function, {}, options);
  function.erase();
  if (failed(values))
    return failure();
  const std::vector<double> &data = values->front().data;
  return std::vector<float>(data.begin(), data.end());
}

void registerExecutor(DialectRegistry &registry) {
  registry.insert<nn::NnDialect>();
  registry.addExtension(+[](MLIRContext *context, nn::NnDialect *dialect) {
    // Passes run while no dialect may be loaded.
    context->loadDialect<arith::ArithDialect, cf::ControlFlowDialect,
                         func::FuncDialect, LLVM::LLVMDialect,
                         math::MathDialect, memref::MemRefDialect,
                         ml_program::MLProgramDialect, scf::SCFDialect,
                         tensor::TensorDialect, vector::VectorDialect>();
    context->loadDialect<kernel::KernelDialect, lowbit::LowbitDialect>();
    dialect->addInterface<ExecutorInterface>(std::make_unique<CpuExecutor>());
  });
}

} // namespace qopt
