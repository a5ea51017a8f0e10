// qopt-kernel-simulate: generates each kernel of a program at the kernel stage
// for CUDA, runs it in the simulator on random numbers, and compares with the
// interpreter. Any fault that the simulator finds is an error.

#include "mlir/Dialect/DLTI/DLTI.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Parser/Parser.h"
#include "qopt/codegen/cuda/KernelFamily.h"
#include "qopt/codegen/simt/Simulator.h"
#include "qopt/dialects/Dialects.h"
#include "qopt/test/support/qopt-kernel-bench/Cases.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/SourceMgr.h"

#include <cmath>

using namespace mlir;
using namespace qopt;
using interpreter::Tensor;
namespace cl = llvm::cl;

namespace {

/// Some of the launches of the program: those of a kernel.
struct Launches {
  cuda::Phases phases;
  uint64_t first; ///< ordinal
};

/// A result in the memory of the device.
struct Result {
  simt::Allocation *buffer;
  Type element;
  kernel::LayoutAttr layout;
  const Tensor *want;
};

} // namespace

/// The program as text and back, so that a report can name its lines.
static OwningOpRef<ModuleOp> withLines(ModuleOp generated, StringRef path,
                                       llvm::SourceMgr &sources) {
  std::string text;
  llvm::raw_string_ostream(text) << generated;
  if (!path.empty()) {
    std::error_code error;
    llvm::raw_fd_ostream(path, error) << text;
    if (error) {
      llvm::errs() << "cannot write '" << path << "'\n";
      return {};
    }
  }
  sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(
                                 text, path.empty() ? "generated" : path),
                             llvm::SMLoc());
  return parseSourceFile<ModuleOp>(sources, generated.getContext());
}

/// Launches all phases, in every round.
static LogicalResult launch(simt::Simulator &simulator, kernel::FuncOp kernel,
                            const Launches &launches, ArrayRef<int64_t> symbols,
                            SmallVector<uint64_t> words) {
  const cuda::Phases &plan = launches.phases;
  if (plan.workspace)
    words.push_back(simulator.memory()
                        .allocate("workspace",
                                  bench::evaluate(plan.workspace, symbols),
                                  simt::Contents::fresh)
                        .address);
  else if (plan.rounds)
    words.push_back(0);
  int64_t rounds = plan.rounds ? bench::evaluate(plan.rounds, symbols) : 1;
  if (plan.rounds)
    words.push_back(0);
  for (int64_t round = 0; round < rounds; ++round) {
    if (plan.rounds)
      words.back() = round;
    for (auto [i, phase] : llvm::enumerate(plan.phases)) {
      uint64_t blocks = bench::evaluate(phase.blocks, symbols);
      if (blocks &&
          failed(simulator.launch(kernel, simulator.kernel(launches.first + i),
                                  words, {blocks, uint64_t(phase.threads), 0})))
        return failure();
    }
  }
  return success();
}

/// The error of the results, as qopt-kernel-bench measures it.
static FailureOr<double>
check(ModuleOp program, kernel::FuncOp kernel, const Launches &launches,
      ArrayRef<int64_t> symbols, const bench::Numbers &numbers,
      const simt::Options &options, uint64_t &laneSteps) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(kernel.getLoc());
  func::FuncOp function = bench::functionOf(kernel, *module);
  bench::Arguments arguments = bench::argumentsOf(kernel, symbols, numbers);
  interpreter::Interpreter interpreter;
  addAll(interpreter);
  auto want = interpreter.run(function, arguments.tensors);
  if (failed(want))
    return failure();

  simt::Simulator simulator(program, options);
  SmallVector<uint64_t> words;
  for (size_t i = 0; i < arguments.buffers.size(); ++i) {
    simt::Allocation &place = simulator.memory().allocate(
        ("argument" + Twine(i)).str(), arguments.bytes[i],
        simt::Contents::constant);
    std::memcpy(place.data, arguments.buffers[i].data, arguments.bytes[i]);
    std::free(arguments.buffers[i].data);
    words.push_back(place.address);
  }
  std::vector<Result> results;
  for (auto [i, value] : llvm::enumerate(kernel.getResultValues())) {
    Type element = getElementTypeOrSelf(value.getType());
    const Tensor &tensor = (*want)[i];
    kernel::LayoutAttr layout = kernel.getResultLayout(i);
    uint64_t bytes = bench::bytesOf(tensor, element, layout);
    simt::Allocation &place = simulator.memory().allocate(
        ("result" + Twine(i)).str(), bytes, simt::Contents::fresh);
    words.push_back(place.address);
    results.push_back({&place, element, layout, &tensor});
  }
  llvm::append_range(words, symbols);
  if (failed(launch(simulator, kernel, launches, symbols, words)))
    return failure();
  laneSteps += simulator.statistics().laneSteps;
  double worst = 0;
  for (const Result &result : results) {
    uint64_t unwritten =
        result.buffer->shadow->firstUnwritten(result.buffer->bytes);
    if (unwritten < result.buffer->bytes)
      return kernel.emitError("expects all of ")
             << result.buffer->name << " to be written, but byte " << unwritten
             << " of " << result.buffer->bytes << " was not";
    worst = std::max(worst, bench::errorOf(*result.want, result.buffer->data,
                                           result.element, result.layout));
  }
  return worst;
}

int main(int argc, char **argv) {
  cl::opt<std::string> input(cl::Positional, cl::Required,
                             cl::desc("<program>"));
  cl::list<std::string> names("kernels", cl::CommaSeparated,
                              cl::desc("those alone (default: all)"));
  cl::list<int64_t> rows("rows", cl::CommaSeparated,
                         cl::desc("values of every kernel's symbols"));
  cl::opt<double> within("within", cl::init(1e-5),
                         cl::desc("largest error relative to the result's "
                                  "largest element, or to 1"));
  cl::opt<bool> special("special", cl::desc("plant NaN and infinity"));
  cl::opt<int64_t> ids("ids", cl::init(2), cl::desc("integers are below"));
  cl::opt<uint64_t> seed("seed", cl::init(0), cl::desc("of the warps' order"));
  cl::opt<std::string> save("save",
                            cl::desc("file for the generated program, whose "
                                     "lines reports name"));
  cl::opt<std::string> instead("program",
                               cl::desc("run this generated program, which "
                                        "--save wrote, instead"));
  cl::ParseCommandLineOptions(argc, argv, "qopt kernel simulate\n");

  MLIRContext context;
  context.printOpOnDiagnostic(false);
  loadDialects(context);
  context.loadDialect<gpu::GPUDialect, LLVM::LLVMDialect, NVVM::NVVMDialect,
                      DLTIDialect>();
  llvm::SourceMgr sources, generatedSources;
  SourceMgrDiagnosticHandler handler(sources, &context);
  auto program = parseSourceFile<ModuleOp>(input, sources, &context);
  if (!program)
    return 1;
  for (auto kernel :
       llvm::make_early_inc_range(program->getOps<kernel::FuncOp>()))
    if (!names.empty() && !llvm::is_contained(names, kernel.getSymName()))
      kernel.erase();
  // Kernels are launched one by one, and not as entries would.
  for (auto entry : llvm::make_early_inc_range(program->getOps<func::FuncOp>()))
    entry.erase();
  OwningOpRef<ModuleOp> device;
  if (!instead.empty()) {
    device = parseSourceFile<ModuleOp>(instead, generatedSources, &context);
  } else {
    auto generated = cuda::generate(*program, {}, {});
    if (!generated)
      return 1;
    device = withLines(*generated, save, generatedSources);
  }
  if (!device)
    return 1;

  int cases = 0, wrong = 0;
  uint64_t ordinal = 0, laneSteps = 0;
  for (auto kernel : program->getOps<kernel::FuncOp>()) {
    const cuda::KernelFamily &family =
        **llvm::find_if(cuda::families(), [&](const cuda::KernelFamily *one) {
          return one->accepts(kernel);
        });
    Launches launches{family.phases(kernel), ordinal};
    ordinal += launches.phases.phases.size();
    if (!kernel.getStates().empty()) {
      llvm::outs() << kernel.getSymName() << " (" << family.name
                   << ") is left out: it appends to a cache\n";
      continue;
    }
    for (int64_t count : rows) {
      SmallVector<int64_t> symbols(kernel.getNumSymbols(), count);
      simt::Options options;
      options.seed = seed;
      FailureOr<double> error = check(*device, kernel, launches, symbols,
                                      {special, ids}, options, laneSteps);
      ++cases;
      if (failed(error) || !(*error <= within)) {
        ++wrong;
        llvm::errs() << kernel.getSymName() << " (" << family.name << ") with "
                     << count << " rows: ";
        if (failed(error))
          llvm::errs() << "a fault\n";
        else
          llvm::errs() << "error " << *error << ", expects at most "
                       << double(within) << "\n";
      }
    }
  }
  llvm::outs() << cases << " cases, " << wrong << " wrong, " << laneSteps
               << " instructions of lanes\n";
  return wrong > 0 || cases == 0;
}
