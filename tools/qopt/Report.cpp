// Prints what a run has to tell.

#include "qopt/tools/qopt/Report.h"

#include <map>

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "qopt/codegen/link/Output.h"
#include "qopt/passes/kernel/Layouts.h"
#include "qopt/tools/qopt/Info.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
namespace cl = llvm::cl;
namespace json = llvm::json;

namespace qopt::driver {

//===----------------------------------------------------------------------===//
// Flags
//===----------------------------------------------------------------------===//

ReportFlags::ReportFlags(cl::OptionCategory &reports)
    : dryRun("dry-run", cl::cat(reports),
             cl::desc("print what would become of each tensor, and sizes; "
                      "write nothing")),
      file("report", cl::cat(reports), cl::value_desc("FILE.json"),
           cl::desc("write all tables for programs")),
      compare("compare", cl::cat(reports), cl::ValueOptional,
              cl::value_desc("DIR"),
              cl::desc("compare the code with the interpreter on random "
                       "inputs, or with the stored cases of a folder")),
      tolerance(
          "tolerance", cl::cat(reports), cl::init(1e-3),
          cl::desc("largest error of --compare, relative to a result's range")),
      progress("progress", cl::cat(reports), cl::init(ProgressKind::automatic),
               cl::desc("how progress is shown on stderr:"),
               cl::values(
                   clEnumValN(ProgressKind::automatic, "auto", "one line"),
                   clEnumValN(ProgressKind::plain, "plain", "never redrawn"),
                   clEnumValN(ProgressKind::json, "json", "one object a line"),
                   clEnumValN(ProgressKind::none, "none", "not at all"))),
      verbose("v", cl::cat(reports), cl::desc("say more")),
      quiet("q", cl::cat(reports), cl::desc("say nothing but errors")) {}

LogicalResult ReportFlags::finish(Options &options,
                                  std::string &message) const {
  options.dryRun = dryRun;
  options.report = file;
  options.compare = compare.getNumOccurrences() > 0;
  options.compareFolder = compare;
  options.tolerance = tolerance;
  options.progress = quiet ? ProgressKind::none : progress;
  options.verbosity = quiet ? 0 : verbose ? 2 : 1;
  bool isWhole = options.stopAfter == Stage::link &&
                 options.emit != Emit::obj && options.emit != Emit::llvm;
  if (verbose && quiet)
    message = "expects one of -v and -q";
  else if (dryRun && options.compare)
    message = "--dry-run runs nothing: leave out --compare";
  else if (dryRun && options.stopAfter != Stage::link)
    message = "--dry-run prints no program: leave out --stop-after";
  else if (!options.report.empty() && !dryRun && !isWhole)
    message = "--report is about whole models: leave out --stop-after, or use "
              "--emit=exe or lib";
  return success(message.empty());
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

/// Options of the pass in pipeline text: [first, last), without braces.
static std::pair<size_t, size_t> optionsOf(StringRef text, size_t pass) {
  size_t first = text.find_first_of(",{)", pass);
  if (first == StringRef::npos || text[first] != '{')
    return {std::min(first, text.size()), std::min(first, text.size())};
  int depth = 0;
  for (size_t last = first; last < text.size(); ++last) {
    depth += (text[last] == '{') - (text[last] == '}');
    if (depth == 0)
      return {first + 1, last};
  }
  return {first + 1, text.size()};
}

std::string dryPipeline(StringRef pipeline) {
  std::string text = pipeline.str();
  for (StringRef pass : {"qopt-gptq", "qopt-attach-lora"}) {
    size_t at = text.find(pass);
    if (at == std::string::npos)
      continue;
    auto [first, last] = optionsOf(text, at);
    SmallVector<StringRef> given;
    StringRef(text).slice(first, last).split(given, ' ', -1, false);
    std::string kept = "init=zero";
    bool branches = pass == "qopt-attach-lora";
    for (StringRef option : given) {
      StringRef name = option.split('=').first;
      if (name != "rank" && name != "alpha" && name != "targets" &&
          name != "factors")
        continue;
      branches |= name == "rank" && option != "rank=0";
      kept += (" " + option).str();
    }
    size_t end = last + (first > at + pass.size() ? 1 : 0);
    std::string put = branches ? "qopt-attach-lora{" + kept + "}" : "cse";
    text.replace(at, end - at, put);
  }
  return text;
}

double Report::bitsPerWeight() const {
  return parameters ? 8.0 * double(weights.predicted) / double(parameters) : 0;
}

/// Bytes of the state of one sequence of `seq` positions.
static int64_t cacheBytes(ModuleOp kernels, int64_t seq) {
  int64_t sum = 0;
  for (auto global : kernels.getOps<ml_program::GlobalOp>()) {
    auto type = dyn_cast<RankedTensorType>(global.getType());
    if (!global.getIsMutable() || !type)
      continue;
    int64_t bytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
    for (auto [axis, size] : llvm::enumerate(type.getShape()))
      bytes *= !ShapedType::isDynamic(size) ? size : axis == 0 ? 1 : seq;
    sum += bytes;
  }
  return sum;
}

/// What calibration holds in memory: values between two levels, of all
/// samples, and the moments and factors of the largest layer.
static int64_t calibrationBytes(ArrayRef<TensorReport> tensors,
                                const CalibrationOptions &options) {
  if (options.source.empty())
    return 0;
  int64_t channels = 0, elements = 0, hidden = 0;
  for (const TensorReport &tensor : tensors) {
    if (!tensor.isLayer || tensor.shape.size() != 2)
      continue;
    if (tensor.role == "embedding" || tensor.role == "head") {
      hidden = std::max(hidden, tensor.shape[1]);
      continue;
    }
    channels = std::max(channels, tensor.shape[1]);
    elements = std::max(elements, tensor.elements());
  }
  int64_t store = 4 * options.samples * options.length * hidden * 4;
  return std::min<int64_t>(store, 1 << 30) + 5 * 8 * channels * channels +
         4 * 8 * elements;
}

void Report::predict(ModuleOp kernels, const Options &options,
                     StringRef tokenizer) {
  maxSeq = options.maxSeq;
  weights.predicted = weightBytes(kernels);
  cache = cacheBytes(kernels, maxSeq);
  arena = arenaBytes(kernels, maxSeq);
  // Code and runtime take about that much.
  static constexpr int64_t codeBytes = 1'500'000, compilerBytes = 150'000'000;
  file.predicted = weights.predicted + codeBytes + int64_t(tokenizer.size());
  // The largest tensor is mapped and evaluated in blocks; one with a single
  // scale is held as a whole. Measured: 0.15 GB for a tiny model, 0.30 to
  // 0.34 GB for SmolLM2, whose table takes 113 MB.
  int64_t largest = 0;
  for (const TensorReport &tensor : tensors) {
    int64_t bytes = tensor.fromBytes + tensor.fromBytes / 2;
    if (tensor.isPacked && StringRef(tensor.to).ends_with("/tensor"))
      bytes += 4 * tensor.elements();
    largest = std::max(largest, bytes);
  }
  memory.predicted =
      compilerBytes + largest + calibrationBytes(tensors, options.calibration);
}

//===----------------------------------------------------------------------===//
// For people
//===----------------------------------------------------------------------===//

/// "layers.*.mlp.down_proj": numbers that stand alone are stars.
static std::string patternOf(StringRef name) {
  std::string pattern;
  for (size_t i = 0; i < name.size();) {
    size_t end = i;
    while (end < name.size() && llvm::isDigit(name[end]))
      ++end;
    bool alone = end > i && (i == 0 || !llvm::isAlnum(name[i - 1])) &&
                 (end == name.size() || !llvm::isAlnum(name[end]));
    if (alone)
      pattern += '*';
    else
      pattern += name.slice(i, std::max(end, i + 1));
    i = std::max(end, i + 1);
  }
  return pattern;
}

static std::string shapeText(ArrayRef<int64_t> shape) {
  return shape.empty() ? "scalar"
                       : llvm::join(map_range(shape,
                                              [](int64_t n) {
                                                return std::to_string(n);
                                              }),
                                    "x");
}

/// By text, in the order of insertion.
template <typename T>
using Ordered =
    llvm::MapVector<std::string, T, std::map<std::string, unsigned>>;

namespace {
/// Tensors that are alike.
struct Row {
  const TensorReport *first;
  int64_t count = 0, from = 0, to = 0;
  double sqnr = 0; ///< the worst; 0: none
};
} // namespace

/// Lines of cells, as wide as the widest; numbers to the right.
static void printCells(llvm::raw_ostream &out,
                       ArrayRef<SmallVector<std::string>> lines,
                       ArrayRef<bool> right) {
  SmallVector<size_t> widths(right.size());
  for (auto &line : lines)
    for (auto [width, cell] : llvm::zip(widths, line))
      width = std::max(width, cell.size());
  for (auto &line : lines) {
    std::string text;
    for (auto [i, cell] : llvm::enumerate(line)) {
      std::string pad(widths[i] - cell.size(), ' ');
      text += (i ? "  " : "") + (right[i] ? pad + cell : cell + pad);
    }
    out << StringRef(text).rtrim() << "\n";
  }
}

static std::string twoSizes(const Size &size) {
  std::string text = bytesText(size.predicted) + " predicted";
  return size.real ? text + ", " + bytesText(size.real) : text;
}

void Report::printTable(llvm::raw_ostream &out) const {
  Ordered<Row> rows;
  bool hasErrors = false;
  for (const TensorReport &tensor : tensors) {
    std::string key = patternOf(tensor.name);
    for (const std::string &part : {tensor.role, shapeText(tensor.shape),
                                    tensor.from, tensor.to, tensor.reason})
      key += "\n" + part;
    Row &row = rows[key];
    if (row.count == 0)
      row.first = &tensor;
    ++row.count;
    row.from += tensor.fromBytes;
    row.to += tensor.bytes;
    if (tensor.sqnr && (row.sqnr == 0 || *tensor.sqnr < row.sqnr))
      row.sqnr = *tensor.sqnr;
    hasErrors |= tensor.sqnr.has_value();
  }
  SmallVector<SmallVector<std::string>> lines;
  lines.push_back({"tensor", "x", "role", "shape", "from", "to", "bytes", "",
                   hasErrors ? "SQNR" : "", "reason"});
  for (auto &[key, row] : rows) {
    const TensorReport &tensor = *row.first;
    bool changes = row.from != row.to;
    std::string decibels;
    if (row.sqnr != 0)
      llvm::raw_string_ostream(decibels) << llvm::format("%.1f dB", row.sqnr);
    StringRef alone = tensor.name;
    alone.consume_back(".weight");
    lines.push_back(
        {row.count > 1 ? patternOf(alone) : alone.str(),
         std::to_string(row.count), tensor.role, shapeText(tensor.shape),
         tensor.from, tensor.to, bytesText(row.from),
         changes ? "-> " + bytesText(row.to) : "", decibels, tensor.reason});
  }
  printCells(
      out, lines,
      {false, true, false, false, false, false, true, false, true, false});
  int64_t source = 0;
  for (const TensorReport &tensor : tensors)
    source += tensor.fromBytes;
  out << "weights           " << bytesText(weights.predicted)
      << llvm::format(" (%.2f bits/weight)", bitsPerWeight()) << ", from "
      << bytesText(source) << "\n"
      << "file              " << twoSizes(file) << "\n";
  if (cache)
    out << "KV cache          " << bytesText(cache) << " at 1 x " << maxSeq
        << "\n";
  out << "arena             " << bytesText(arena) << " at 1 x " << maxSeq
      << "\n"
      << "peak compile RSS  " << twoSizes(memory) << "\n";
  printRemarks(out);
}

void Report::printRemarks(llvm::raw_ostream &out) const {
  Ordered<int64_t> reasons;
  for (const Remarks::Entry &entry : remarks.list)
    if (entry.reason != Remarks::isFloat)
      ++reasons[entry.pass + ": " + entry.reason];
  for (auto &[reason, count] : reasons)
    out << "left by " << reason
        << (count > 1 ? " (x " + std::to_string(count) + ")" : "") << "\n";
}

//===----------------------------------------------------------------------===//
// For programs
//===----------------------------------------------------------------------===//

static json::Value numberOrNull(int64_t number) {
  return number ? json::Value(number) : json::Value(nullptr);
}

static json::Object object(const Size &size) {
  return json::Object{{"predicted", size.predicted},
                      {"real", numberOrNull(size.real)}};
}

static json::Object object(const TensorReport &tensor) {
  json::Object entry{
      {"name", tensor.name},
      {"role", tensor.role},
      {"shape", json::Array(tensor.shape)},
      {"from", tensor.from},
      {"scheme", tensor.to},
      {"bits", tensor.bits()},
      {"source_bytes", tensor.fromBytes},
      {"bytes", tensor.bytes},
      {"activations", tensor.acts},
      {"kernel", tensor.kernel},
      {"path", tensor.family},
      {"reason", tensor.reason},
      {"sqnr_db", tensor.sqnr ? json::Value(*tensor.sqnr) : nullptr},
  };
  if (tensor.calibrated) {
    const calibrate::LayerReport &found = *tensor.calibrated;
    entry["calibration"] = json::Object{{"error_before", found.before},
                                        {"error_after", found.after},
                                        {"error_with_branch", found.branch},
                                        {"damping", found.damping},
                                        {"recovery", found.recovery}};
  }
  return entry;
}

llvm::Error Report::writeJson(StringRef path) const {
  json::Array all, left, remarkList;
  for (const TensorReport &tensor : tensors) {
    all.push_back(object(tensor));
    if (tensor.isLayer && !tensor.isPacked)
      left.push_back(
          json::Object{{"name", tensor.name}, {"reason", tensor.reason}});
  }
  for (const Remarks::Entry &entry : remarks.list)
    if (entry.reason != Remarks::isFloat)
      remarkList.push_back(
          json::Object{{"pass", entry.pass}, {"reason", entry.reason}});
  json::Value whole = json::Object{
      {"qopt", version},
      {"model", model},
      {"recipe", recipe.name},
      {"pipeline", recipe.pipeline},
      {"parameters", int64_t(parameters)},
      {"bits_per_weight", bitsPerWeight()},
      {"tensors", std::move(all)},
      {"left_in_float", std::move(left)},
      {"remarks", std::move(remarkList)},
      {"memory", json::Object{{"weights", weights.predicted},
                              {"file", object(file)},
                              {"kv_cache", cache},
                              {"arena", arena},
                              {"max_seq", maxSeq},
                              {"peak_compile_rss", object(memory)}}},
  };
  return link::writeFile(path, 0666, [&](StringRef temporary) -> llvm::Error {
    std::error_code code;
    llvm::raw_fd_ostream out(temporary, code);
    if (!code) {
      out << llvm::formatv("{0:2}", whole) << "\n";
      out.close();
      code = out.error();
      out.clear_error();
    }
    return code ? llvm::createStringError("cannot write '" + path +
                                          "': " + code.message())
                : llvm::Error::success();
  });
}

} // namespace qopt::driver
