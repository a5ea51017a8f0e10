// qopt: compiles a model. Here only the command line is read.

#include "mlir/Transforms/Passes.h"
#include "qopt/passes/Passes.h"
#include "qopt/passes/Pipelines.h"
#include "qopt/tools/qopt/Compile.h"
#include "qopt/tools/qopt/Device.h"
#include "qopt/tools/qopt/Info.h"
#include "qopt/tools/qopt/Recipe.h"
#include "qopt/tools/qopt/Report.h"
#include "qopt/tools/qopt/Train.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace qopt::driver;
namespace cl = llvm::cl;

/// lib/qopt beside the bin that this program lies in.
static std::string bundleOf(const char *program) {
  std::string self = llvm::sys::fs::getMainExecutable(
      program, reinterpret_cast<void *>(&bundleOf));
  llvm::StringRef root =
      llvm::sys::path::parent_path(llvm::sys::path::parent_path(self));
  return (root + "/lib/qopt").str();
}

int main(int argc, char **argv) {
  // The libraries' own options are not ours, and one has the name of one of
  // ours.
  cl::ResetCommandLineParser();
  llvm::InitLLVM init(argc, argv);
  cl::OptionCategory inputs("Input"), outputs("Output"), recipes("Recipe"),
      training("Training"), target("Target"), reports("Report"), debug("Debug");
  Options options;
  cl::opt<std::string> input(cl::Positional, cl::cat(inputs),
                             cl::desc("<model.onnx | folder | program.mlir>"));
  cl::opt<std::string> tokenizer(
      "tokenizer", cl::cat(inputs), cl::value_desc("FILE"),
      cl::desc("tokenizer to compile in (default: the one beside the model)"));
  cl::list<std::string> adapters(
      "adapter", cl::cat(inputs), cl::value_desc("DIR"),
      cl::desc("PEFT adapter to compile in; of several the first is active"));
  cl::opt<std::string> state(
      "state", cl::cat(inputs), cl::value_desc("FILE"),
      cl::desc("trained weights, as train --state writes them, instead of the "
               "model's"));
  cl::opt<std::string> initSeed(
      "init", cl::cat(inputs), cl::value_desc("SEED"),
      cl::desc("begin with random weights, by role, instead of the model's"));
  cl::opt<std::string> output(
      "o", cl::cat(outputs), cl::value_desc("FILE"),
      cl::desc("result (default: the input's stem here); - prints text"));
  cl::opt<Emit> emit(
      "emit", cl::cat(outputs), cl::init(Emit::exe), cl::desc("what to make:"),
      cl::values(clEnumValN(Emit::exe, "exe", "an executable (default)"),
                 clEnumValN(Emit::lib, "lib", "a shared library and qopt.h"),
                 clEnumValN(Emit::obj, "obj", "an object, without weights"),
                 clEnumValN(Emit::llvm, "llvm", "LLVM IR"),
                 clEnumValN(Emit::ptx, "ptx", "PTX of a chip's kernels"),
                 clEnumValN(Emit::cubin, "cubin", "their machine code")));
  cl::opt<Stage> stopAfter(
      "stop-after", cl::cat(outputs), cl::init(Stage::link),
      cl::desc("print the program as it is after a stage:"),
      cl::values(clEnumValN(Stage::import, "import", "as the model says it"),
                 clEnumValN(Stage::raise, "raise", "patterns recognised"),
                 clEnumValN(Stage::adapt, "adapt", "changed by the recipe"),
                 clEnumValN(Stage::train, "train", "with its gradients"),
                 clEnumValN(Stage::kernels, "kernels", "kernels and launches"),
                 clEnumValN(Stage::generate, "generate", "the code"),
                 clEnumValN(Stage::link, "link", "all (default)")));
  cl::opt<bool> elide("elide-weights", cl::cat(outputs),
                      cl::desc("leave large weights out of printed programs"));
  cl::list<std::string> cpus(
      "mcpu", cl::cat(target), cl::CommaSeparated, cl::value_desc("A,B"),
      cl::desc("CPUs to compile for (default: native); help lists them"));
  cl::opt<std::string> emulate(
      "emulate-isa", cl::cat(target), cl::ValueOptional, cl::value_desc("CPU"),
      cl::desc("plain code for what that CPU (default: this one) lacks: the "
               "same numbers, slowly"));
  DeviceFlags device(target);
  cl::opt<int64_t> maxBatch("max-batch", cl::cat(target), cl::init(8),
                            cl::desc("largest batch (sequences)"));
  cl::opt<int64_t> maxSeq("max-seq", cl::cat(target), cl::init(2048),
                          cl::desc("longest sequence (tokens)"));
  ReportFlags report(reports);
  RecipeFlags recipe(recipes, debug);
  TrainFlags train(training);
  CalibrationFlags calibration(recipes);
  cl::opt<unsigned> threads("threads", cl::cat(debug), cl::init(0),
                            cl::desc("threads to compile with (default: all)"));
  cl::opt<std::string> bundle(
      "bundle", cl::cat(debug), cl::Hidden, cl::value_desc("DIR"),
      cl::desc("startup files and runtime (default: lib/qopt beside bin)"));
  cl::HideUnrelatedOptions(
      {&inputs, &outputs, &recipes, &training, &target, &reports, &debug});
  cl::SetVersionPrinter([](llvm::raw_ostream &out) {
    out << "qopt " << version << " (LLVM " << LLVM_VERSION_STRING
        << "), for x86-64 CPUs\n";
  });
  if (!cl::ParseCommandLineOptions(
          argc, argv, "qopt: makes one executable from a transformer\n",
          &llvm::errs()))
    return 2;

  mlir::registerTransformsPasses();
  qopt::registerQoptPasses();
  qopt::registerPipelines();
  auto refuse = [](llvm::StringRef message) {
    llvm::errs() << "qopt: error: " << message << "\n";
    return 2;
  };
  if (std::string message; failed(train.finish(options.train, message)))
    return refuse(message);
  if (std::optional<int> code = recipe.finish(options.recipe))
    return *code;
  if (llvm::is_contained(cpus, "help")) {
    llvm::outs() << "native, avx512bf16, avx512vnni, avx512, avxvnni, avx2, "
                    "plain, or a name of LLVM's such as x86-64-v3, znver4\n";
    return 0;
  }
  if (std::string message;
      failed(calibration.finish(options.recipe, train.trains(), adapters.size(),
                                options.calibration, message)))
    return refuse(message);
  if (std::optional<int> code =
          recipe.show(options.recipe, options.train, stopAfter))
    return *code;
  if (std::string message;
      failed(calibration.checkData(options.recipe, message)))
    return refuse(message);
  if (input.empty())
    return refuse("expects a model: qopt model.onnx; see --help");
  if (maxBatch < 1 || maxSeq < 1)
    return refuse("expects --max-batch and --max-seq to be at least 1");
  if (int64_t seed; initSeed.getNumOccurrences()) {
    if (llvm::StringRef(initSeed).getAsInteger(10, seed) || seed < 0)
      return refuse("expects --init to be a whole number from 0 to 2^63 - 1, "
                    "got '" +
                    initSeed + "'");
    options.init = seed;
  }
  options.emit = emit;
  options.input = input;
  options.output = output;
  options.adapters.assign(adapters.begin(), adapters.end());
  options.tokenizer = tokenizer;
  options.state = state;
  options.teacher = train.teacherFile();
  options.bundle = bundle.empty() ? bundleOf(argv[0]) : bundle;
  options.stopAfter = stopAfter;
  options.cpus.assign(cpus.begin(), cpus.end());
  if (cpus.empty())
    options.cpus = {"native"};
  if (emulate.getNumOccurrences())
    options.instructions = emulate.empty() ? "native" : emulate.getValue();
  options.maxBatch = maxBatch;
  options.maxSeq = maxSeq;
  options.threads = threads;
  options.elideWeights = elide;
  if (std::string message; failed(report.finish(options, message)))
    return refuse(message);
  if (std::string message; failed(device.finish(options, message)))
    return refuse(message);
  // LLD registers options of these names too.
  cl::ResetCommandLineParser();
  return compile(options);
}
