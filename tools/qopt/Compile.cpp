// Takes a model through the stages.

#include "qopt/tools/qopt/Compile.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Parser/Parser.h"
#include "qopt/codegen/cpu/Cpu.h"
#include "qopt/codegen/executor/Executor.h"
#include "qopt/codegen/link/Output.h"
#include "qopt/dialects/Dialects.h"
#include "qopt/dialects/nn/WeightWriter.h"
#include "qopt/frontends/onnx/Import.h"
#include "qopt/frontends/peft/Attach.h"
#include "qopt/frontends/tokenizer/Tokenizer.h"
#include "qopt/tools/qopt/Compare.h"
#include "qopt/tools/qopt/Info.h"
#include "llvm/Support/FileUtilities.h"
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

static LogicalResult report(llvm::Error error) {
  return error ? fail(toString(std::move(error))) : success();
}

namespace {

/// One run of the compiler.
class Compilation {
public:
  explicit Compilation(const Options &options)
      : options(options), progress(options.progress) {
    context.printOpOnDiagnostic(false);
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
  LogicalResult readTokenizer();
  LogicalResult prepareCalibration();
  LogicalResult generate();
  LogicalResult moveWeights();
  LogicalResult writeProgram(ModuleOp program);
  LogicalResult
      writeText(llvm::function_ref<LogicalResult(llvm::raw_ostream &)>);
  LogicalResult writeResult();
  void begin(Stage stage) {
    progress.at(int(stage) + 1, stageCount, stageName(stage));
  }

  const Options &options;
  Progress progress;
  std::unique_ptr<llvm::DefaultThreadPool> threads;
  MLIRContext context;
  llvm::SourceMgr sources;
  std::string input, folder, output, tokenizer, info;
  OwningOpRef<ModuleOp> program, original, generated;
  SmallVector<Target> targets;
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
  }
  bool same = false;
  if (!fs::equivalent(input, output, same) && same)
    return fail("the output '" + output +
                "' is the input: name another file "
                "with -o");
  bool text = options.stopAfter != Stage::link || options.emit == Emit::llvm;
  if (output == "-" && !text)
    return fail("an executable, library or object cannot go to stdout: name a "
                "file with -o");
  return success();
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
  return success();
}

LogicalResult Compilation::findTargets() {
  for (const std::string &name : options.cpus) {
    std::string message;
    FailureOr<Target> target = cpu::targetNamed(name, message);
    if (failed(target))
      return fail(message);
    auto same = [&](const Target &other) { return other.name == target->name; };
    if (llvm::none_of(targets, same))
      targets.push_back(*target);
  }
  // At load, the first that the CPU can run is taken: the best comes first.
  llvm::sort(targets, [](const Target &a, const Target &b) {
    return a.features > b.features;
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
    return report(blob.takeError());
  tokenizer = std::move(*blob);
  return success();
}

/// Hands the data to the passes; whatever is wrong with it is said before the
/// work begins.
LogicalResult Compilation::prepareCalibration() {
  const CalibrationOptions &asked = options.calibration;
  if (asked.source.empty())
    return success();
  if (failed(readTokenizer()))
    return failure();
  bool isTemporary;
  auto file = tokensOf(asked.source, tokenizer, isTemporary);
  if (!file)
    return report(file.takeError());
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
  how.emulated = options.emulated;
  how.vocabulary = vocabularyOf(*program);
  how.weightBytes = link::weightBytes(*program);
  info = describe(*program, targets, options, input, parameters);
  // Code that is to be linked by others stands alone.
  if (options.emit == Emit::exe || options.emit == Emit::lib)
    how.infoHash = llvm::xxHash64(info);
  generated = cpu::generate(*program, targets, how);
  return success(bool(generated));
}

LogicalResult Compilation::writeText(
    llvm::function_ref<LogicalResult(llvm::raw_ostream &)> write) {
  if (output == "-")
    return write(llvm::outs());
  return report(
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
  if (failed(readTokenizer()))
    return failure();
  link::Model model{*object, *program, files, tokenizer, info};
  link::Kind kind =
      options.emit == Emit::exe ? link::Kind::executable : link::Kind::library;
  if (failed(report(link::writeModel(model, kind, options.bundle, output))))
    return failure();
  if (kind == link::Kind::executable)
    return success();
  // The header that says how to call it lies beside it.
  SmallString<128> header(path::parent_path(output));
  path::append(header, "qopt.h");
  return report(
      link::writeFile(header, 0666, [&](StringRef temporary) -> llvm::Error {
        return llvm::errorCodeToError(
            fs::copy_file(options.bundle + "/qopt.h", temporary));
      }));
}

LogicalResult Compilation::run() {
  SourceMgrDiagnosticHandler handler(sources, &context);
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
  for (Stage stage :
       {Stage::raise, Stage::adapt, Stage::train, Stage::kernels}) {
    if (stage > options.stopAfter || stage <= done)
      continue;
    begin(stage);
    if (stage == Stage::adapt &&
        failed(peft::attachAdapters(*program, options.adapters,
                                    options.adapters.empty() ? ""
                                                             : hashOf(input))))
      return failure();
    if (failed(runStage(*program, stage, options.recipe.pipeline,
                        cpu::layoutFacts(targets))))
      return failure();
  }
  if (options.stopAfter < Stage::generate)
    return succeeded(moveWeights()) ? writeProgram(*program) : failure();
  begin(Stage::generate);
  if (failed(generate()))
    return failure();
  if (options.stopAfter == Stage::generate)
    return writeProgram(*generated);
  if (failed(writeResult()))
    return failure();
  progress.clear();
  if (options.verbosity == 0)
    return success();
  uint64_t bytes = link::weightBytes(*program);
  int64_t bits = parameters ? int64_t(8.0 * bytes / parameters + 0.5) : 0;
  llvm::errs() << "done: " << output << ", model " << bytesText(bytes) << " ("
               << bits << " bits/weight), compile "
               << timeText(progress.seconds()) << ", peak RSS "
               << bytesText(peakMemory()) << ", arena "
               << bytesText(arenaBytes(*program, options.maxSeq))
               << " at batch 1 x " << options.maxSeq << "\n";
  return success();
}

int compile(const Options &options) {
  Compilation compilation(options);
  if (failed(compilation.run()))
    return 1;
  compilation.finishCalibration();
  return 0;
}

} // namespace qopt::driver
