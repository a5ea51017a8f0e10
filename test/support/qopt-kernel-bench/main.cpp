// qopt-kernel-bench: runs each kernel of a program at the kernel stage on
// random numbers, compares with the interpreter, and times it beside the
// machine's limits.

#include "mlir/Parser/Parser.h"
#include "qopt/codegen/cpu/Cpu.h"
#include "qopt/codegen/interpreter/Interpreter.h"
#include "qopt/dialects/Dialects.h"
#include "qopt/dialects/nn/Dims.h"
#include "qopt/test/support/qopt-kernel-bench/Cases.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/xxhash.h"

#include <cmath>

using namespace mlir;
using namespace qopt;
using interpreter::Tensor;
namespace cl = llvm::cl;

namespace {

/// One kernel with values for its symbols.
struct Case {
  kernel::FuncOp kernel;
  bench::Loaded code;
  SmallVector<int64_t> symbols;
  int64_t ids; ///< integers are below

  nn::Dims dims() {
    auto maps =
        llvm::to_vector(kernel.getDims().getAsValueRange<AffineMapAttr>());
    return nn::Dims(kernel.getBlock(), maps);
  }
};

} // namespace

/// Calls `work` for each launch of the kernel: its tasks are independent. The
/// arguments are extended by workspace and round.
static void eachLaunch(Case &test, SmallVectorImpl<int64_t> &args,
                       char *workspace,
                       function_ref<void(qopt_kernel, int64_t)> work) {
  size_t count = args.size();
  args.append({reinterpret_cast<int64_t>(workspace), 0});
  AffineExpr rounds = test.code.rounds;
  for (int64_t n = rounds ? bench::evaluate(rounds, test.symbols) : 1,
               round = 0;
       round < n; ++round) {
    args.back() = round;
    for (const bench::Loaded::Launch &launch : test.code.launches)
      work(launch.run, bench::evaluate(launch.tasks, test.symbols));
  }
  args.truncate(count);
}

static bench::Buffer workspaceOf(Case &test) {
  AffineExpr bytes = test.code.workspace;
  return bench::Buffer(bytes ? bench::evaluate(bytes, test.symbols) : 0);
}

/// What tasks of several threads leave, one thread leaves in one call.
static bool isOneCallEqual(Case &test, SmallVectorImpl<int64_t> &args,
                           ArrayRef<std::pair<char *, size_t>> results) {
  std::vector<std::string> before;
  for (auto [data, bytes] : results) {
    before.emplace_back(data, bytes);
    std::memset(data, 0x7f, bytes);
  }
  bench::Buffer scratch(QOPT_SCRATCH_BYTES);
  bench::Buffer workspace = workspaceOf(test);
  eachLaunch(test, args, workspace.data, [&](qopt_kernel run, int64_t tasks) {
    run(args.data(), 0, tasks, reinterpret_cast<uint8_t *>(scratch.data));
  });
  std::free(workspace.data);
  std::free(scratch.data);
  return llvm::all_of(llvm::zip(results, before), [](auto both) {
    auto [result, old] = both;
    return std::memcmp(result.first, old.data(), result.second) == 0;
  });
}

static FailureOr<double> check(Case &test, bool special, bool digest) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(test.kernel.getLoc());
  func::FuncOp function = bench::functionOf(test.kernel, *module);
  bench::Arguments arguments =
      bench::argumentsOf(test.kernel, test.symbols, {special, test.ids});
  std::vector<bench::Buffer> &buffers = arguments.buffers;
  size_t firstResult = buffers.size();
  interpreter::Interpreter interpreter;
  addAll(interpreter);
  auto want = interpreter.run(function, arguments.tensors);
  if (failed(want))
    return failure();
  SmallVector<size_t> sizes; // of the results, in bytes
  for (auto [i, value] : llvm::enumerate(test.kernel.getResultValues())) {
    sizes.push_back(bench::bytesOf((*want)[i], getElementTypeOrSelf(value),
                                   test.kernel.getResultLayout(i)));
    buffers.emplace_back(sizes.back());
  }
  SmallVector<int64_t> args;
  for (bench::Buffer &buffer : buffers)
    args.push_back(reinterpret_cast<int64_t>(buffer.data));
  llvm::append_range(args, test.symbols);
  bench::Buffer scratch(QOPT_SCRATCH_BYTES);
  bench::Buffer workspace = workspaceOf(test);
  eachLaunch(test, args, workspace.data, [&](qopt_kernel run, int64_t tasks) {
    for (int64_t t = 0; t < tasks; ++t)
      run(args.data(), t, t + 1, reinterpret_cast<uint8_t *>(scratch.data));
  });
  double worst = 0;
  SmallVector<std::pair<char *, size_t>> results;
  for (auto [i, value] : llvm::enumerate(test.kernel.getResultValues())) {
    const Tensor &tensor = (*want)[i];
    const char *got = buffers[firstResult + i].data;
    size_t bytes = sizes[i];
    worst =
        std::max(worst, bench::errorOf(tensor, got, getElementTypeOrSelf(value),
                                       test.kernel.getResultLayout(i)));
    results.push_back({buffers[firstResult + i].data, bytes});
    if (digest)
      llvm::outs() << test.kernel.getSymName() << " with " << test.symbols[0]
                   << " rows: "
                   << llvm::format_hex(llvm::xxHash64(StringRef(got, bytes)),
                                       18)
                   << "\n";
    // Nothing behind the result may have been written.
    for (size_t j = 0; j < 64; ++j)
      if (got[bytes + j] != 0x7f)
        worst = INFINITY;
  }
  if (!isOneCallEqual(test, args, results))
    worst = INFINITY;
  for (bench::Buffer &buffer : buffers)
    std::free(buffer.data);
  std::free(scratch.data);
  std::free(workspace.data);
  return worst;
}

/// Numbers that are multiplied and added, 2 for each pair.
static double multiplyAdds(Case &test, Operation *op) {
  nn::Dims dims = test.dims();
  AffineExpr terms;
  if (auto matmul = dyn_cast<nn::MatmulOp>(op))
    terms = dims.of(matmul.getLhs()).end()[matmul.getTransposeLhs() ? -2 : -1];
  else if (isa<nn::LinearOp, lowbit::LinearOp, train::PackedLinearGradOp>(op))
    terms = dims.of(op->getOperand(0)).back();
  else if (auto grad = dyn_cast<train::AttentionGradOp>(op))
    // Two products with values, three with keys or queries.
    return (grad.getCausal() ? 0.5 : 1.0) *
           bench::evaluate(dims.of(grad.getKey())[2], test.symbols) *
           (6.0 *
                bench::evaluate(dims.elements(grad.getQuery()), test.symbols) +
            4.0 * bench::evaluate(dims.elements(grad.getDy()), test.symbols));
  else if (isa<train::ClassifierLossOp, train::ClassifierLossGradOp>(op)) {
    bool isGrad = isa<train::ClassifierLossGradOp>(op);
    auto weight = cast<RankedTensorType>(op->getOperand(1 + isGrad).getType());
    return (isGrad ? 6.0 : 2.0) * weight.getDimSize(0) *
           bench::evaluate(dims.elements(op->getOperand(isGrad)), test.symbols);
  } else if (auto grad = dyn_cast<train::LinearWeightGradOp>(op))
    terms = dims.elements(grad.getDy()).floorDiv(dims.of(grad.getDy()).back());
  else
    return 0;
  return 2.0 * bench::evaluate(dims.elements(op->getResult(0)), test.symbols) *
         bench::evaluate(terms, test.symbols);
}

/// Whether the argument is the weight of a linear layer, maybe turned.
static bool isWeight(Case &test, BlockArgument argument) {
  if (test.kernel.getLayout(argument).getPanel() > 0)
    return true;
  Value value = argument;
  for (Operation *user : argument.getUsers())
    if (auto transpose = dyn_cast<nn::TransposeOp>(user))
      value = transpose.getResult();
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    auto linear = dyn_cast<nn::LinearOp>(user);
    return linear && linear.getWeight() == value;
  });
}

/// Times the kernel on rotating weights, none of which is still in a cache.
static void time(Case &test, const Target &target, int threads, int rounds) {
  Block &body = test.kernel.getBlock();
  std::vector<std::vector<char *>> sets;
  double weightBytes = 0, otherBytes = 0, flops = 0;
  bool integers = false;
  size_t count = 1;
  for (BlockArgument argument : body.getArguments())
    if (isWeight(test, argument)) {
      auto type = cast<RankedTensorType>(argument.getType());
      weightBytes += bench::alignedBytes(test.kernel.getLayout(argument), type);
    }
  body.walk([&](Operation *op) {
    flops += multiplyAdds(test, op);
    if (auto linear = dyn_cast<lowbit::LinearOp>(op))
      integers |= linear.getInputScales() != nullptr;
  });
  count = 1 + size_t(256e6 / std::max(weightBytes, 1e6));
  // One block: what is measured beside it is one, too.
  char *weights = bench::Buffer(size_t(weightBytes) * count).data;
  std::memset(weights, 0x11, size_t(weightBytes) * count); // small numbers
  for (size_t set = 0; set < count; ++set) {
    std::vector<char *> &args = sets.emplace_back();
    char *next = weights + set * size_t(weightBytes);
    auto shared = [&](RankedTensorType type, int64_t elements) {
      if (set > 0) {
        args.push_back(sets[0][args.size()]);
        return;
      }
      int64_t bytes = elements * bench::bytesOf(type.getElementType());
      otherBytes += bytes;
      bench::Buffer buffer(bytes);
      std::memset(buffer.data, 0x11, bytes);
      args.push_back(buffer.data);
    };
    for (auto [i, argument] : llvm::enumerate(body.getArguments())) {
      auto type = cast<RankedTensorType>(argument.getType());
      kernel::LayoutAttr layout = test.kernel.getLayout(argument);
      auto map = cast<AffineMapAttr>(test.kernel.getDims()[i]).getValue();
      if (!isWeight(test, argument)) {
        shared(type, llvm::product_of(bench::evaluate(map, test.symbols)));
        continue;
      }
      args.push_back(next);
      next += bench::alignedBytes(layout, type);
    }
    nn::Dims dims = test.dims();
    for (Value result : test.kernel.getResultValues())
      shared(cast<RankedTensorType>(result.getType()),
             bench::evaluate(dims.elements(result), test.symbols));
  }
  std::vector<char *> scratch;
  for (int i = 0; i < threads; ++i)
    scratch.push_back(bench::Buffer(QOPT_SCRATCH_BYTES).data);
  std::vector<SmallVector<int64_t>> args;
  for (std::vector<char *> &set : sets) {
    SmallVector<int64_t> &own = args.emplace_back();
    for (char *pointer : set)
      own.push_back(reinterpret_cast<int64_t>(pointer));
    llvm::append_range(own, test.symbols);
  }
  // One launch after the other, without waiting between: the cost of a launch
  // is the runtime's. Rounds are short, so that some of many are left alone on
  // a busy machine, and go on with the weights where the one before ended.
  if (weightBytes == 0) // not a layer: all that is read and written
    weightBytes = otherBytes;
  double work = std::max(weightBytes / 48e6, flops / (integers ? 4e9 : 4e8));
  int64_t launches = std::max<int64_t>(1, int64_t(1 / std::max(work, 1e-6)));
  int64_t next = 0;
  double best = 1e9, bandwidth = 0, peak = 0;
  bench::Buffer workspace = workspaceOf(test);
  bool phases = test.code.launches.size() > 1 || test.code.rounds;
  if (phases)
    launches = 1;
  for (int round = 0; round < rounds; ++round) {
    double seconds = 0;
    auto run = [&](qopt_kernel run, int64_t tasks) {
      seconds += bench::timed(
          threads, tasks * launches, [&](int64_t task, int thread) {
            run(args[(next + task / tasks) % count].data(), task % tasks,
                task % tasks + 1, reinterpret_cast<uint8_t *>(scratch[thread]));
          });
    };
    eachLaunch(test, args[next % count], workspace.data, run);
    best = std::min(best, seconds);
    next += launches;
    bandwidth = std::max(bandwidth, bench::readBandwidth(threads));
    peak = std::max(
        peak, integers ? bench::bytePeak(threads, target)
                       : bench::multiplyAddPeak(threads, target.vectorBytes));
  }
  best /= launches;
  llvm::outs() << llvm::format(
      "%-24s M %4lld threads %d: %9.1f us, %6.2f GB/s = %5.1f%% of reading, "
      "%7.1f G%s/s = %5.1f%% of %s\n",
      test.kernel.getSymName().str().c_str(), (long long)test.symbols[0],
      threads, best * 1e6, weightBytes / best / 1e9,
      100 * weightBytes / best / bandwidth, flops / best / 1e9,
      integers ? "OP" : "FLOP", 100 * flops / best / peak,
      integers ? "dot products of bytes" : "multiply-adds");
  llvm::outs().flush();
  std::free(weights);
  std::free(workspace.data);
  for (char *pointer : scratch)
    std::free(pointer);
}

int main(int argc, char **argv) {
  cl::opt<std::string> input(cl::Positional, cl::Required,
                             cl::desc("<program>"));
  cl::opt<std::string> mcpu("mcpu", cl::init("native"), cl::desc("CPU"));
  cl::opt<std::string> emulate("emulate-isa", cl::ValueOptional,
                               cl::desc("use the instructions of this CPU "
                                        "only (default: native)"));
  cl::opt<bool> digest("digest", cl::desc("print a hash of each result"));
  cl::list<std::string> names("kernels", cl::CommaSeparated,
                              cl::desc("those alone (default: all)"));
  cl::list<int64_t> rows("rows", cl::CommaSeparated,
                         cl::desc("values of every kernel's symbols"));
  cl::opt<double> within("within", cl::init(1e-5),
                         cl::desc("largest error relative to the result's "
                                  "largest element, or to 1"));
  cl::opt<bool> special("special", cl::desc("plant NaN and infinity"));
  cl::opt<int64_t> ids("ids", cl::init(2), cl::desc("integers are below"));
  cl::opt<std::string> save("save", cl::desc("file for the object"));
  cl::opt<bool> timing("time", cl::desc("time instead of compare"));
  cl::opt<int> rounds("rounds", cl::init(40), cl::desc("the best counts"));
  cl::list<int> threads("thread-counts", cl::CommaSeparated,
                        cl::desc("numbers of threads to time"));
  cl::ParseCommandLineOptions(argc, argv, "qopt kernel bench\n");

  MLIRContext context;
  loadDialects(context);
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler handler(sources, &context);
  auto program = parseSourceFile<ModuleOp>(input, sources, &context);
  std::string message;
  FailureOr<Target> target = cpu::targetNamed(mcpu, message);
  FailureOr<FeatureSet> instructions = cpu::featuresNamed(
      emulate.empty() ? "native" : emulate.getValue(), message);
  if (!program || failed(target) || failed(instructions)) {
    llvm::errs() << message << "\n";
    return 1;
  }
  for (auto kernel :
       llvm::make_early_inc_range(program->getOps<kernel::FuncOp>()))
    if (!names.empty() && !llvm::is_contained(names, kernel.getSymName()))
      kernel.erase();
  if (emulate.getNumOccurrences())
    target = cpu::emulate(*target, *instructions);
  if (timing && target->isEmulated()) {
    llvm::errs() << "code for " << target->name
                 << " is emulated: its speed says nothing\n";
    return 1;
  }
  auto loaded = bench::load(*program, *target, save);
  if (failed(loaded))
    return 1;
  if (target->instructions & ~cpu::hostFeatures()) {
    llvm::errs() << "compiled, but this CPU cannot run code for "
                 << target->name << " without --emulate-isa\n";
    return 1;
  }
  int cases = 0, wrong = 0;
  for (auto kernel : program->getOps<kernel::FuncOp>())
    for (int64_t count : rows) {
      Case test{kernel, loaded->at(kernel.getSymName()), {}, ids};
      test.symbols.assign(kernel.getNumSymbols(), count);
      if (timing) {
        for (int number : threads)
          time(test, *target, number, rounds);
        continue;
      }
      FailureOr<double> error = check(test, special, digest);
      if (failed(error))
        return 1;
      ++cases;
      if (!(*error <= within)) {
        ++wrong;
        llvm::errs() << kernel.getSymName() << " with " << count
                     << " rows: error " << *error << ", expects at most "
                     << double(within) << "\n";
      }
    }
  if (!timing)
    llvm::outs() << cases << " cases, " << wrong << " wrong\n";
  return wrong > 0 || (cases == 0 && !timing);
}
