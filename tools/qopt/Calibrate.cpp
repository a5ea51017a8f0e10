// Reads the flags of calibration, and turns texts into token ids.

#include "qopt/tools/qopt/Calibrate.h"

#include "qopt/passes/Weights.h"
#include "qopt/runtime/tokenizer/Tokenizer.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace llvm;
namespace path = llvm::sys::path;
namespace fs = llvm::sys::fs;

namespace qopt::driver {

CalibrationFlags::CalibrationFlags(cl::OptionCategory &recipes)
    : source("calib", cl::cat(recipes), cl::value_desc("FILE|DIR"),
             cl::desc("choose codes of weights (GPTQ), and what added norms "
                      "begin with, by data: UTF-8 text, .npy of token ids, or "
                      "random")),
      samples("calib-samples", cl::cat(recipes), cl::init(64),
              cl::desc("sequences of --calib")),
      length("calib-seq", cl::cat(recipes), cl::init(512),
             cl::desc("tokens of each")),
      resume("resume", cl::cat(recipes),
             cl::desc("go on with a calibration that was stopped")),
      rank("lora-rank", cl::cat(recipes), cl::init(0),
           cl::desc("rank of low-rank branches (default: the recipe's, or 8 "
                    "for --train=lora)")),
      alpha("lora-alpha", cl::cat(recipes), cl::init(16),
            cl::desc("a branch is scaled by alpha / rank")),
      targets("lora-targets", cl::cat(recipes), cl::value_desc("REGEX"),
              cl::desc("layers that get a branch (default: all but the head)")),
      init("lora-init", cl::cat(recipes), cl::value_desc("zero|svd|qera"),
           cl::desc("what branches begin with (default: qera with --calib, "
                    "else zero)")) {}

/// Where the options of a pass in pipeline text end: behind its braces.
static size_t endOfPass(StringRef pipeline, size_t begin) {
  size_t end = pipeline.find_first_of(",{", begin);
  if (end == StringRef::npos || pipeline[end] == ',')
    return std::min(end, pipeline.size());
  for (int depth = 0; end < pipeline.size(); ++end) {
    depth += pipeline[end] == '{' ? 1 : pipeline[end] == '}' ? -1 : 0;
    if (depth == 0)
      return end + 1;
  }
  return pipeline.size();
}

/// Whether a pass of the recipe begins its norms by data.
static bool measuresNorms(StringRef pipeline) {
  return pipeline.contains("qopt-insert-missing-norm");
}

/// Whether a pass of the recipe adds branches.
static bool addsBranches(StringRef pipeline) {
  return pipeline.contains("rank=");
}

LogicalResult CalibrationFlags::finish(Recipe &recipe, Trains trains,
                                       size_t adapters,
                                       CalibrationOptions &options,
                                       std::string &message) const {
  auto refuse = [&](const Twine &why) {
    message = why.str();
    return failure();
  };
  options.source = source;
  options.samples = samples;
  options.length = length;
  options.resume = resume;
  bool calibrated = !source.empty(), trained = trains != Trains::nothing;
  int64_t rank = this->rank;
  if (!this->rank.getNumOccurrences() && trains == Trains::branches &&
      !adapters && !addsBranches(recipe.pipeline))
    rank = 8;
  bool branches = rank > 0;
  if (samples < 1 || length < 1)
    return refuse("expects --calib-samples and --calib-seq to be at least 1");
  if (resume && !calibrated)
    return refuse("expects --calib with --resume: the data it was stopped on");
  if (rank < 0 || (!branches && (!targets.empty() || !init.empty())))
    return refuse("expects --lora-rank to be at least 1 with --lora-targets "
                  "and --lora-init");
  if (trains == Trains::branches && adapters > 1)
    return refuse("expects one --adapter with --train=lora, got " +
                  Twine(adapters) + ": a run trains one");
  std::string &text = recipe.pipeline;
  // Factors that are trained keep f32, whatever the recipe says for others.
  static constexpr StringLiteral halves = " factors=f16";
  if (size_t at = text.find(halves); trained && at != std::string::npos)
    text.erase(at, halves.size());
  size_t gptq = text.find("qopt-gptq");
  size_t quantize = text.find("qopt-quantize-weights");
  if (calibrated && gptq == std::string::npos && !measuresNorms(text)) {
    if (quantize == std::string::npos)
      return refuse("--calib needs a recipe that quantizes weights, such as "
                    "--recipe=w4a16, or adds norms, such as "
                    "--recipe=ternary-norm");
    size_t end = endOfPass(text, quantize);
    text.insert(end, ",qopt-gptq");
    gptq = end + 1;
    recipe.name += " calibrated";
  }
  if (!branches)
    return success();
  StringRef start = calibrated ? "qera" : "zero";
  if (!init.empty())
    start = init.getValue();
  std::string how = ("{rank=" + Twine(rank) + " alpha=" +
                     formatv("{0}", double(alpha)).str() + " init=" + start)
                        .str();
  // As PEFT loads them.
  if (!trained && start != "zero")
    how += halves;
  if (!targets.empty())
    how += " targets=" + encodeOption(targets);
  how += "}";
  recipe.name += (" lora=" + Twine(rank)).str();
  if (gptq != std::string::npos) {
    text.replace(gptq, endOfPass(text, gptq) - gptq, "qopt-gptq" + how);
    return success();
  }
  if (start == "qera")
    return refuse("--lora-init=qera needs calibration data: give a text with "
                  "--calib");
  size_t end = quantize == std::string::npos ? 0 : endOfPass(text, quantize);
  text.insert(end,
              (quantize == std::string::npos ? "" : ",") +
                  ("qopt-attach-lora" + how) +
                  (quantize == std::string::npos && !text.empty() ? "," : ""));
  return success();
}

LogicalResult CalibrationFlags::checkData(const Recipe &recipe,
                                          std::string &message) const {
  if (!source.empty() || !StringRef(recipe.pipeline).contains("qopt-gptq"))
    return success();
  message = "recipe '" + recipe.name +
            "' needs data to choose codes by: give a text with --calib";
  return failure();
}

/// The text of a file, or of the .txt files of a folder in the order of names.
static Expected<std::string> textOf(StringRef source) {
  std::vector<std::string> files;
  if (!fs::is_directory(source))
    files = {source.str()};
  std::error_code code;
  for (fs::directory_iterator it(source, code), end;
       files.empty() && it != end && !code; it.increment(code))
    if (path::extension(it->path()) == ".txt")
      files.push_back(it->path());
  sort(files);
  if (files.empty())
    return createStringError("'" + source +
                             "' holds no text to calibrate on: expects .txt "
                             "files, or input_ids.npy");
  std::string text;
  for (const std::string &file : files) {
    auto buffer = MemoryBuffer::getFile(file);
    if (!buffer)
      return createStringError("cannot read '" + file +
                               "': " + buffer.getError().message());
    text += (*buffer)->getBuffer();
  }
  return text;
}

/// Writes ids as a .npy file under a temporary name.
static Expected<std::string> writeIds(ArrayRef<int32_t> ids) {
  SmallString<128> file;
  int handle;
  if (auto code =
          fs::createTemporaryFile("qopt-calibration", "npy", handle, file))
    return createStringError("cannot write token ids: " + code.message());
  raw_fd_ostream out(handle, /*shouldClose=*/true);
  std::string header = "{'descr': '<i4', 'fortran_order': False, 'shape': (" +
                       std::to_string(ids.size()) + ",), }";
  header.resize(alignTo(header.size() + 11, 64) - 11, ' ');
  header += '\n';
  out << StringRef("\x93NUMPY\x01\0", 8) << char(header.size() & 255)
      << char(header.size() >> 8) << header;
  out.write(reinterpret_cast<const char *>(ids.data()),
            ids.size() * sizeof(int32_t));
  out.close();
  if (out.has_error()) {
    std::error_code code = out.error();
    out.clear_error();
    fs::remove(file);
    return createStringError("cannot write token ids: " + code.message());
  }
  return file.str().str();
}

Expected<std::string> tokensOf(StringRef source, StringRef tokenizer,
                               bool &isTemporary) {
  isTemporary = false;
  if (source == "random" || path::extension(source) == ".npy")
    return source.str();
  SmallString<128> ids(source);
  path::append(ids, "input_ids.npy");
  if (fs::is_directory(source) && fs::exists(ids))
    return ids.str().str();
  auto text = textOf(source);
  if (!text)
    return text.takeError();
  if (tokenizer.empty())
    return createStringError("the model has no tokenizer for the text '" +
                             source +
                             "': name one with --tokenizer, or give "
                             "token ids as .npy");
  // The blob must lie at a multiple of 8 bytes.
  std::vector<uint64_t> blob(tokenizer.size() / 8 + 1);
  std::memcpy(blob.data(), tokenizer.data(), tokenizer.size());
  runtime::Tokenizer *opened;
  char message[256];
  if (!runtime::tokenizerOpen(reinterpret_cast<uint8_t *>(blob.data()),
                              tokenizer.size(), &opened, message,
                              sizeof message))
    return createStringError(Twine("cannot open the tokenizer: ") + message);
  int32_t *encoded = nullptr;
  int64_t count = runtime::tokenizerEncode(opened, text->data(), text->size(),
                                           true, false, &encoded);
  auto file = count < 0 ? Expected<std::string>(createStringError(
                              "no memory for the tokens of '" + source + "'"))
                        : writeIds(ArrayRef<int32_t>(encoded, count));
  std::free(encoded);
  runtime::tokenizerClose(opened);
  isTemporary = bool(file);
  return file;
}

void printCalibration(raw_ostream &out,
                      ArrayRef<calibrate::LayerReport> layers) {
  if (layers.empty())
    return;
  out << "layer                                         before     after  with "
         "branch  damping\n";
  for (const calibrate::LayerReport &layer : layers)
    out << left_justify(layer.name, 44)
        << format("%9.3e %9.3e  %9.3e  %7.4f", layer.before, layer.after,
                  layer.branch, layer.damping)
        << (layer.recovery.empty() ? "" : "  " + layer.recovery) << "\n";
}

} // namespace qopt::driver
