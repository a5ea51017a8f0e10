// Takes a model through the stages.

#include "qopt/tools/qopt/Compile.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "qopt/codegen/cpu/Cpu.h"
#include "qopt/codegen/cuda/KernelFamily.h"
#include "qopt/codegen/executor/Executor.h"
#include "qopt/codegen/link/Output.h"
#include "qopt/dialects/Dialects.h"
#include "qopt/dialects/lowbit/Lowbit.h"
#include "qopt/dialects/nn/WeightWriter.h"
#include "qopt/frontends/onnx/Import.h"
#include "qopt/frontends/peft/Attach.h"
#include "qopt/frontends/state/State.h"
#include "qopt/frontends/tokenizer/Tokenizer.h"
#include "qopt/passes/Passes.h"
#include "qopt/passes/kernel/Layouts.h"
#include "qopt/tools/qopt/Compare.h"
#include "qopt/tools/qopt/Device.h"
#include "qopt/tools/qopt/Info.h"
#include "qopt/tools/qopt/Report.h"
#include "qopt/tools/qopt/Teacher.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
namespace path = llvm::sys::path;
namespace fs = llvm::sys::fs;

namespace qopt::driver {

static LogicalResult fail(const Twine &message) {
  llvm::errs() << "qopt: error: " << message << "\n";
  return failure();
}

static LogicalResult check(llvm::Error error) {
  return error ? fail(toString(std::move(error))) : success();
}

namespace {

/// One run of the compiler.
class Compilation {
public:
  explicit Compilation(const Options &options)
      : options(options), progress(options.progress) {
    context.printOpOnDiagnostic(false);
    summary.remarks.listenTo(context);
    DialectRegistry registry;
    registerExecutor(registry);
    context.appendDialectRegistry(registry);
    loadDialects(context);
    context.loadDialect<LLVM::LLVMDialect>();
    if (options.threads == 1) {
      context.disableMultithreading();
    } else if (options.threads > 1) {
      context.disableMultithreading();
      llvm::ThreadPoolStrategy strategy;
      strategy.ThreadsRequested = options.threads;
      threads = std::make_unique<llvm::DefaultThreadPool>(strategy);
      context.setThreadPool(*threads);
    }
  }

  LogicalResult run();
  void finishCalibration();

private:
  LogicalResult findInput();
  LogicalResult nameOutput();
  LogicalResult load();
  LogicalResult findTargets();
  LogicalResult prepareParameters();
  LogicalResult readTokenizer();
  LogicalResult prepareCalibration();
  LogicalResult generate();
  LogicalResult moveWeights();
  LogicalResult writeProgram(ModuleOp program);
  LogicalResult
      writeText(llvm::function_ref<LogicalResult(llvm::raw_ostream &)>);
  LogicalResult writeResult();
  LogicalResult foresee();
  LogicalResult explain();
  LogicalResult report();
  void begin(Stage stage) {
    progress.at(int(stage) + 1, stageCount, stageName(stage));
  }

  const Options &options;
  Progress progress;
  Report summary; ///< outlives the context, whose passes fill it
  std::unique_ptr<llvm::DefaultThreadPool> threads;
  MLIRContext context;
  llvm::SourceMgr sources;
  std::string input, folder, output, tokenizer, info;
  OwningOpRef<ModuleOp> program, original, generated;
  SmallVector<Target> targets;
  SmallVector<cuda::Target> chips;   ///< none: the CPU runs the kernels
  std::optional<state::State> state; ///< trained weights
  uint64_t parameters = 0;
  calibrate::SettingsInterface *calibration = nullptr; ///< null: none
  llvm::FileRemover tokens;                            ///< of a text
};

} // namespace

LogicalResult Compilation::findInput() {
  input = options.input;
  folder = path::parent_path(input).str();
  if (!fs::exists(input))
    return fail("cannot find '" + input + "'");
  if (fs::is_directory(input)) {
    folder = input;
    input += "/model.onnx";
    if (!fs::exists(input))
      return fail("'" + folder + "' holds no model.onnx: name the file");
  }
  if (folder.empty())
    folder = ".";
  if (path::extension(input) == ".onnx" || path::extension(input) == ".mlir")
    return success();
  return fail("'" + input +
              "' is no model: expects a file .onnx or .mlir, or "
              "a folder that holds model.onnx");
}

LogicalResult Compilation::nameOutput() {
  output = options.output;
  if (output.empty()) {
    SmallString<128> given(options.input);
    fs::make_absolute(given);
    path::remove_dots(given, /*remove_dot_dot=*/true);
    output = (given != options.input && fs::is_directory(given)) ||
                     fs::is_directory(options.input)
                 ? path::filename(given).str()
                 : path::stem(given).str();
    if (options.stopAfter != Stage::link)
      output += ".mlir";
    else if (options.emit == Emit::lib)
      output = "lib" + output + ".so";
    else if (options.emit == Emit::obj)
      output += ".o";
    else if (options.emit == Emit::llvm)
      output += ".ll";
    else if (options.emit == Emit::ptx)
      output += ".ptx";
    else if (options.emit == Emit::cubin)
      output += ".cubin";
  }
  bool same = false;
  if (!fs::equivalent(input, output, same) && same)
    return fail("the output '" + output +
                "' is the input: name another file "
                "with -o");
  bool text = options.stopAfter != Stage::link || options.emit == Emit::llvm ||
              options.emit == Emit::ptx;
  if (output == "-" && !text)
    return fail("an executable, library or object cannot go to stdout: name a "
                "file with -o");
  return success();
}

/// Whether a recipe has left its traces.
static bool isAdapted(ModuleOp program) {
  return program
      .walk([](Operation *op) {
        bool isTrace = isa<lowbit::LinearOp, lowbit::EmbeddingOp,
                           lowbit::HadamardOp, lowbit::LoraLinearOp>(op);
        return isTrace ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

LogicalResult Compilation::load() {
  program = path::extension(input) == ".onnx"
                ? onnx::importOnnx(input, context)
                : parseSourceFile<ModuleOp>(input, sources, &context);
  if (!program)
    return failure();
  if (stageOf(*program) >= Stage::generate)
    return fail("'" + input +
                "' is generated code: expects a program of an "
                "earlier stage");
  parameters = countParameters(*program);
  if (path::extension(input) == ".mlir" && !options.recipe.pipeline.empty() &&
      (stageOf(*program) > Stage::adapt || isAdapted(*program)))
    return fail("'" + input +
                "' has been through a recipe already: leave out --recipe, or "
                "begin with the model");
  if (options.init && stageOf(*program) > Stage::adapt)
    return fail("'" + input +
                "' has kernels already: leave out --init, or begin with the "
                "model");
  return success();
}

/// What is trained as one parameter is one before a recipe sees it, and when
/// random or trained weights take the place of the model's.
LogicalResult Compilation::prepareParameters() {
  if (options.state.empty() && options.train.empty() && !options.init)
    return success();
  PassManager passes(&context);
  passes.addPass(createTie());
  if (options.init) {
    InitParametersOptions random;
    random.seed = *options.init;
    passes.addPass(createInitParameters(random));
  }
  passes.addPass(createCanonicalizerPass());
  if (failed(passes.run(*program)))
    return failure();
  if (options.state.empty())
    return success();
  auto opened =
      state::State::open(options.state, hashOf(input), program->getLoc());
  if (failed(opened))
    return failure();
  state = std::move(*opened);
  return state->apply(*program);
}

LogicalResult Compilation::findTargets() {
  std::string message;
  std::optional<FeatureSet> instructions;
  if (!options.instructions.empty()) {
    auto found = cpu::featuresNamed(options.instructions, message);
    if (failed(found))
      return fail("--emulate-isa: " + message);
    instructions = *found;
  }
  for (const std::string &name : options.chips) {
    FailureOr<cuda::Target> chip = cuda::targetNamed(name, message);
    if (failed(chip))
      return fail("--cuda-arch: " + message);
    chips.push_back(*chip);
  }
  for (const std::string &name : options.cpus) {
    FailureOr<Target> target = cpu::targetNamed(name, message);
    if (failed(target))
      return fail("--mcpu: " + message);
    if (instructions)
      target = cpu::emulate(*target, *instructions);
    auto same = [&](const Target &other) { return other.name == target->name; };
    if (llvm::none_of(targets, same))
      targets.push_back(*target);
  }
  // At load, the first that the CPU can run is taken: the best comes first, and
  // what is emulated only where nothing else runs.
  llvm::sort(targets, [](const Target &a, const Target &b) {
    return std::pair(b.isEmulated(), a.features) >
           std::pair(a.isEmulated(), b.features);
  });
  return success();
}

LogicalResult Compilation::readTokenizer() {
  std::string file = options.tokenizer;
  if (file.empty())
    file = tokenizer::findTokenizer(folder);
  if (file.empty())
    return success();
  auto blob = tokenizer::compileTokenizer(file);
  if (!blob)
    return check(blob.takeError());
  tokenizer = std::move(*blob);
  return success();
}

/// Hands the data to the passes; whatever is wrong with it is said before the
/// work begins.
LogicalResult Compilation::prepareCalibration() {
  const CalibrationOptions &asked = options.calibration;
  if (asked.source.empty() || options.dryRun)
    return success();
  if (failed(readTokenizer()))
    return failure();
  bool isTemporary;
  auto file = tokensOf(asked.source, tokenizer, isTemporary);
  if (!file)
    return check(file.takeError());
  if (isTemporary)
    tokens.setFile(*file);
  calibrate::Settings settings{*file, asked.samples, asked.length,
                               output + ".calibration.safetensors",
                               asked.resume};
  if (output == "-")
    settings.spill.clear();
  calibration = &context.getLoadedDialect<nn::NnDialect>()
                     ->addInterface<calibrate::SettingsInterface>(settings);
  return success();
}

/// The result holds what was found.
void Compilation::finishCalibration() {
  if (!calibration)
    return;
  progress.clear();
  if (options.verbosity > 0)
    printCalibration(llvm::errs(), calibration->report);
  if (!calibration->settings.spill.empty())
    fs::remove(calibration->settings.spill);
}

LogicalResult Compilation::generate() {
  cpu::GenerateOptions how;
  how.maxBatch = options.maxBatch;
  how.maxSeq = options.maxSeq;
  how.vocabulary = vocabularyOf(*program);
  how.weightBytes = weightBytes(*program);
  info =
      describe(*program, targets, options, input, parameters, summary.tensors);
  // Code that is to be linked by others stands alone.
  if (options.emit == Emit::exe || options.emit == Emit::lib)
    how.infoHash = llvm::xxHash64(info);
  generated = chips.empty() ? cpu::generate(*program, targets, how)
                            : cuda::generate(*program, chips, how);
  return success(bool(generated));
}

LogicalResult Compilation::writeText(
    llvm::function_ref<LogicalResult(llvm::raw_ostream &)> write) {
  if (output == "-")
    return write(llvm::outs());
  return check(
      link::writeFile(output, 0666, [&](StringRef temporary) -> llvm::Error {
        std::error_code code;
        llvm::raw_fd_ostream out(temporary, code);
        bool fine = !code && succeeded(write(out));
        out.close();
        if (!code)
          code = out.error();
        out.clear_error();
        if (fine && !code)
          return llvm::Error::success();
        return llvm::createStringError("cannot write '" + output + "'" +
                                       (code ? ": " : "") +
                                       (code ? code.message() : std::string()));
      }));
}

/// The text may be read in another folder than the model's: its weights lie
/// beside it. What goes to stdout still names the model's files.
LogicalResult Compilation::moveWeights() {
  if (output == "-" && !options.elideWeights)
    return success();
  SmallString<128> file(output);
  path::replace_extension(file, ".weights.safetensors");
  nn::WeightFiles files(folder);
  return nn::moveWeights(*program, files, file, options.elideWeights);
}

LogicalResult Compilation::writeProgram(ModuleOp text) {
  OpPrintingFlags flags;
  if (options.elideWeights)
    flags.elideLargeElementsAttrs(16).elideLargeResourceString(64);
  return writeText([&](llvm::raw_ostream &out) {
    text->print(out, flags);
    out << "\n";
    return success();
  });
}

LogicalResult Compilation::writeResult() {
  if (options.emit == Emit::ptx || options.emit == Emit::cubin)
    return writeText([&](llvm::raw_ostream &out) {
      return check(writeDeviceCode(*generated, chips[0], options, out));
    });
  if (!chips.empty() &&
      failed(check(embedDeviceCode(*generated, chips, options))))
    return failure();
  if (options.emit == Emit::llvm)
    return writeText([&](llvm::raw_ostream &out) {
      return cpu::printLlvmIr(*generated, out);
    });
  auto object = cpu::compileObject(*generated);
  if (failed(object))
    return failure();
  nn::WeightFiles files(folder);
  begin(Stage::link);
  if (options.compare &&
      failed(comparePrograms(*original, *program, *object, files, options)))
    return failure();
  if (options.emit == Emit::obj)
    return writeText([&](llvm::raw_ostream &out) {
      out.write(object->data(), object->size());
      return success();
    });
  link::Model model{*object, *program, files, tokenizer, info};
  link::Kind kind =
      options.emit == Emit::exe ? link::Kind::executable : link::Kind::library;
  if (failed(check(link::writeModel(model, kind, options.bundle, output))))
    return failure();
  if (kind == link::Kind::executable)
    return success();
  // The header that says how to call it lies beside it.
  SmallString<128> header(path::parent_path(output));
  path::append(header, "qopt.h");
  return check(
      link::writeFile(header, 0666, [&](StringRef temporary) -> llvm::Error {
        return llvm::errorCodeToError(
            fs::copy_file(options.bundle + "/qopt.h", temporary));
      }));
}

/// What the program at the kernel stage says of tensors and sizes.
LogicalResult Compilation::foresee() {
  if (tokenizer.empty() && failed(readTokenizer()))
    return failure();
  summary.model = path::filename(input).str();
  summary.recipe = options.recipe;
  summary.parameters = parameters;
  addKernels(summary.tensors, *program, [&](kernel::FuncOp kernel) {
    return chips.empty() ? cpu::familyOf(kernel, targets.front())
                         : cuda::familyOf(kernel);
  });
  summary.predict(*program, options, tokenizer);
  return success();
}

/// Tables, and the last line of a run.
LogicalResult Compilation::report() {
  summary.memory.real = options.dryRun ? 0 : int64_t(peakMemory());
  bool isModel = options.emit == Emit::exe || options.emit == Emit::lib;
  bool isTable = options.dryRun || (isModel && options.verbosity > 0 &&
                                    !options.recipe.pipeline.empty());
  if (!options.dryRun && isModel && (isTable || !options.report.empty())) {
    uint64_t size = 0;
    fs::file_size(output, size);
    summary.file.real = size;
    nn::WeightFiles files(folder);
    measureStored(summary.tensors, *program, files, output);
  }
  if (!options.report.empty() &&
      failed(check(summary.writeJson(options.report))))
    return failure();
  progress.clear();
  if (isTable)
    summary.printTable(options.dryRun ? llvm::outs() : llvm::errs());
  if (options.verbosity == 0 || options.dryRun)
    return success();
  llvm::errs() << "done: " << output << ", model "
               << bytesText(summary.weights.predicted)
               << llvm::format(" (%.2f bits/weight)", summary.bitsPerWeight())
               << ", compile " << timeText(progress.seconds()) << ", peak RSS "
               << bytesText(summary.memory.real) << ", arena "
               << bytesText(summary.arena) << " at batch 1 x " << options.maxSeq
               << "\n";
  return success();
}

/// A place in a model file is the name of a node.
static void nameNode(Diagnostic &diagnostic) {
  auto name = diagnostic.getLocation()->findInstanceOf<NameLoc>();
  if (name && !StringRef(diagnostic.str()).contains(name.getName().strref()))
    diagnostic << " (at node '" << name.getName().strref() << "')";
  for (Diagnostic &note : diagnostic.getNotes())
    nameNode(note);
}

/// What passes before the one that failed had left is often the reason.
LogicalResult Compilation::explain() {
  summary.printRemarks(llvm::errs());
  return failure();
}

LogicalResult Compilation::run() {
  SourceMgrDiagnosticHandler handler(sources, &context);
  context.getDiagEngine().registerHandler([](Diagnostic &diagnostic) {
    nameNode(diagnostic);
    return failure(); // and is printed by the one before
  });
  ScopedDiagnosticHandler quiet(&context, [&](Diagnostic &diagnostic) {
    DiagnosticSeverity severity = diagnostic.getSeverity();
    return success(options.verbosity == 0 &&
                   (severity == DiagnosticSeverity::Remark ||
                    severity == DiagnosticSeverity::Warning));
  });
  if (failed(findInput()) || failed(nameOutput()) || failed(findTargets()) ||
      failed(prepareCalibration()))
    return failure();
  begin(Stage::import);
  if (failed(load()))
    return failure();
  if (options.compare)
    original = OwningOpRef<ModuleOp>(cast<ModuleOp>((*program)->clone()));
  Stage done = stageOf(*program);
  std::string recipe = options.dryRun ? dryPipeline(options.recipe.pipeline)
                                      : options.recipe.pipeline;
  bool quantizes = StringRef(recipe).contains("qopt-quantize-weights");
  for (Stage stage :
       {Stage::raise, Stage::adapt, Stage::train, Stage::kernels}) {
    if (stage > options.stopAfter || stage <= done)
      continue;
    begin(stage);
    if (stage == Stage::adapt && failed(prepareParameters()))
      return failure();
    if (options.compare && stage == Stage::adapt)
      original = OwningOpRef<ModuleOp>(cast<ModuleOp>((*program)->clone()));
    if (stage == Stage::adapt &&
        failed(peft::attachAdapters(*program, options.adapters,
                                    options.adapters.empty() ? ""
                                                             : hashOf(input))))
      return failure();
    if (stage == Stage::train && !options.teacher.empty() &&
        failed(addTeacher(*program, options.teacher, !chips.empty())))
      return failure();
    if (stage == Stage::kernels)
      summary.tensors =
          tensorsOf(*program, recipe, summary.remarks,
                    calibration ? calibration->report
                                : std::vector<calibrate::LayerReport>());
    if (failed(runStage(*program, stage, {recipe, options.train},
                        chips.empty() ? cpu::layoutFacts(targets)
                                      : cuda::layoutFacts())))
      return explain();
    // What the recipe has added.
    if (stage == Stage::adapt && state &&
        (failed(state->apply(*program)) ||
         failed(state->finish(program->getLoc()))))
      return failure();
    if (stage == Stage::adapt && quantizes && !isAdapted(*program))
      return fail("recipe '" + options.recipe.name +
                  "' found no layer to adapt: the model has no linear layer "
                  "or table with weights; leave out --recipe");
  }
  if (options.stopAfter < Stage::generate)
    return succeeded(moveWeights()) ? writeProgram(*program) : failure();
  if (failed(foresee()))
    return failure();
  if (options.dryRun)
    return report();
  begin(Stage::generate);
  if (failed(generate()))
    return failure();
  if (options.stopAfter == Stage::generate) {
    nn::WeightFiles files(folder);
    if (!chips.empty() && output != "-" && !options.elideWeights &&
        failed(check(writeDeviceData(*program, files, output))))
      return failure();
    return writeProgram(*generated);
  }
  if (failed(writeResult()))
    return failure();
  return report();
}

int compile(const Options &options) {
  Compilation compilation(options);
  if (failed(compilation.run()))
    return 1;
  compilation.finishCalibration();
  return 0;
}

} // namespace qopt::driver
