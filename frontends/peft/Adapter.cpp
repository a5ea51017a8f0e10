// Reads adapter_config.json and adapter_model.safetensors.

#include "qopt/frontends/peft/Adapter.h"

#include <cmath>

#include "llvm/ADT/MapVector.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Regex.h"

using namespace mlir;
namespace json = llvm::json;

namespace qopt::peft {

/// What every key begins with.
static constexpr llvm::StringLiteral prefix = "base_model.model.";

namespace {

class Reader {
public:
  Reader(StringRef folder, MLIRContext *context)
      : folder(folder), context(context),
        loc(FileLineColLoc::get(context, folder, 0, 0)), files("") {}

  FailureOr<Adapter> read();

private:
  LogicalResult readConfig();
  LogicalResult checkConfig();
  FailureOr<double> scaleOf(StringRef module, int64_t rank);
  FailureOr<std::vector<float>> numbers(const nn::WeightFiles::Entry &entry);
  LogicalResult addFactor(StringRef module, bool isA,
                          const nn::WeightFiles::Entry &entry);
  LogicalResult addReplacement(StringRef module,
                               const nn::WeightFiles::Entry &entry);
  InFlightDiagnostic fail() {
    return emitError(loc, "adapter '") << adapter.name << "': ";
  }
  FailureOr<double> patternOf(StringRef table, StringRef module,
                              double otherwise);

  std::string folder, file;
  MLIRContext *context;
  Location loc;
  nn::WeightFiles files;
  json::Object config;
  Adapter adapter;
  /// [rank, columns] and [rows, rank] of the modules so far
  struct Pair {
    SmallVector<int64_t> a, b;
    std::vector<float> aData, bData;
  };
  llvm::MapVector<StringRef, Pair> pairs;
};

} // namespace

LogicalResult Reader::readConfig() {
  SmallString<256> path(folder);
  llvm::sys::path::append(path, "adapter_config.json");
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return fail() << "cannot read '" << path
                  << "': " << buffer.getError().message();
  auto parsed = json::parse((*buffer)->getBuffer());
  if (!parsed) {
    return fail() << "adapter_config.json is damaged: "
                  << llvm::toString(parsed.takeError());
  }
  if (!parsed->getAsObject())
    return fail() << "adapter_config.json is damaged: it is no object";
  config = std::move(*parsed->getAsObject());
  return success();
}

/// False, null, 0 and empty containers ask for nothing.
static bool asksFor(const json::Value *value) {
  if (!value || value->getAsNull())
    return false;
  if (auto flag = value->getAsBoolean())
    return *flag;
  if (const auto *array = value->getAsArray())
    return !array->empty();
  if (const auto *object = value->getAsObject())
    return !object->empty();
  return true;
}

LogicalResult Reader::checkConfig() {
  StringRef type = config.getString("peft_type").value_or("");
  if (type != "LORA")
    return fail() << "has peft_type '" << type << "', expects LORA";
  // What changes more than the product of two factors.
  for (StringRef key : {"use_dora", "lora_bias", "use_qalora", "use_bdlora",
                        "layer_replication", "trainable_token_indices",
                        "alora_invocation_tokens", "target_parameters",
                        "arrow_config", "loftq_config"})
    if (asksFor(config.get(key)))
      return fail() << "asks for " << key << ", which qopt cannot honour";
  StringRef bias = config.getString("bias").value_or("none");
  if (bias != "none")
    return fail() << "has bias '" << bias << "', expects none";
  StringRef init = config.getString("init_lora_weights").value_or("");
  for (StringRef changing : {"pissa", "olora", "corda", "loftq", "lora_ga"})
    if (init.starts_with(changing))
      return fail() << "has init_lora_weights '" << init
                    << "', which changes the base: convert it when it is saved "
                       "(path_initial_model_for_weight_conversion)";
  if (!config.getInteger("r") || *config.getInteger("r") < 1)
    return fail() << "expects a rank r of at least 1";
  if (!config.getNumber("lora_alpha"))
    return fail() << "expects a number lora_alpha";
  adapter.baseHash = config.getString("qopt_base").value_or("").str();
  return success();
}

/// The entry of rank_pattern or alpha_pattern that matches, as PEFT looks for
/// it: a regular expression that ends the module's name.
FailureOr<double> Reader::patternOf(StringRef table, StringRef module,
                                    double otherwise) {
  const auto *patterns = config.getObject(table);
  if (!patterns)
    return otherwise;
  // The order of the file is lost; a match that is the whole name wins.
  std::optional<double> found;
  for (const auto &[key, value] : *patterns) {
    std::string reason;
    llvm::Regex regex(("^(.*\\.)?(" + StringRef(key) + ")$").str());
    auto number = value.getAsNumber();
    if (!regex.isValid(reason) || !number)
      return fail() << "has the entry '" << StringRef(key) << "' in " << table
                    << ", expects a regular expression and a number";
    if (regex.match(module) && (!found || StringRef(key) == module))
      found = *number;
  }
  return found.value_or(otherwise);
}

FailureOr<double> Reader::scaleOf(StringRef module, int64_t rank) {
  auto wanted =
      patternOf("rank_pattern", module, double(*config.getInteger("r")));
  auto alpha =
      patternOf("alpha_pattern", module, *config.getNumber("lora_alpha"));
  if (failed(wanted) || failed(alpha))
    return failure();
  if (double(rank) != *wanted)
    return fail() << "'" << module << "' has rank " << rank
                  << ", its configuration says " << int64_t(*wanted);
  bool rooted = config.getBoolean("use_rslora").value_or(false);
  double scale = *alpha / (rooted ? std::sqrt(double(rank)) : double(rank));
  if (!std::isfinite(scale))
    return fail() << "'" << module << "' has no finite scale";
  return scale;
}

static Type elementOf(StringRef name, MLIRContext *context) {
  Builder b(context);
  for (Type type : {Type(b.getF32Type()), Type(b.getF16Type()),
                    Type(b.getBF16Type()), Type(b.getF64Type())})
    if (nn::safetensorsName(type) == name)
      return type;
  return {};
}

FailureOr<std::vector<float>>
Reader::numbers(const nn::WeightFiles::Entry &entry) {
  auto type = cast<FloatType>(elementOf(entry.type, context));
  auto weight = nn::WeightAttr::get(
      context, RankedTensorType::get(entry.shape, type), file, 0, entry.key);
  FailureOr<ArrayRef<char>> bytes = files.find(weight, loc);
  if (failed(bytes))
    return failure();
  size_t size = type.getWidth() / 8;
  std::vector<float> values(bytes->size() / size);
  for (size_t i = 0; i < values.size(); ++i) {
    uint64_t word = 0;
    std::memcpy(&word, bytes->data() + i * size, size);
    if (type.isF32()) {
      values[i] = llvm::bit_cast<float>(uint32_t(word));
    } else if (type.isBF16()) {
      values[i] = llvm::bit_cast<float>(uint32_t(word << 16));
    } else {
      APFloat value(type.getFloatSemantics(), APInt(type.getWidth(), word));
      bool lossy;
      value.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven,
                    &lossy);
      values[i] = value.convertToFloat();
    }
    if (!std::isfinite(values[i]))
      return fail() << "'" << entry.key << "' holds " << values[i]
                    << ", expects finite numbers";
  }
  return values;
}

LogicalResult Reader::addFactor(StringRef module, bool isA,
                                const nn::WeightFiles::Entry &entry) {
  Pair &pair = pairs[module];
  auto values = numbers(entry);
  if (failed(values))
    return failure();
  (isA ? pair.a : pair.b) = entry.shape;
  (isA ? pair.aData : pair.bData) = std::move(*values);
  return success();
}

LogicalResult Reader::addReplacement(StringRef module,
                                     const nn::WeightFiles::Entry &entry) {
  const auto *saved = config.getArray("modules_to_save");
  bool named = saved && llvm::any_of(*saved, [&](const json::Value &name) {
                 StringRef text = name.getAsString().value_or("");
                 return !text.empty() && (module == text ||
                                          module.ends_with(("." + text).str()));
               });
  if (!named)
    return fail() << "'" << entry.key
                  << "' is no factor of LoRA and not in modules_to_save";
  adapter.replacements.push_back(
      {module.str(), file, entry.key,
       RankedTensorType::get(entry.shape, elementOf(entry.type, context))});
  return success();
}

FailureOr<Adapter> Reader::read() {
  StringRef given = StringRef(folder).rtrim('/');
  adapter.name = llvm::sys::path::filename(given).str();
  SmallString<256> path(folder);
  llvm::sys::path::append(path, "adapter_model.safetensors");
  file = path.str().str();
  if (failed(readConfig()) || failed(checkConfig()))
    return failure();
  auto entries = files.list(file, loc);
  if (failed(entries))
    return failure();
  for (const nn::WeightFiles::Entry &entry : *entries) {
    StringRef module(entry.key);
    if (!module.consume_front(prefix) || !elementOf(entry.type, context))
      return fail() << "'" << entry.key << "' of type " << entry.type
                    << ", expects floats under names " << prefix << "...";
    bool isA = module.consume_back(".lora_A.weight");
    if (isA || module.consume_back(".lora_B.weight")) {
      if (failed(addFactor(module, isA, entry)))
        return failure();
    } else if (module.contains(".lora_") || !module.consume_back(".weight")) {
      return fail() << "'" << entry.key << "' is no factor of a linear layer";
    } else if (failed(addReplacement(module, entry))) {
      return failure();
    }
  }
  for (auto &[module, pair] : pairs) {
    if (pair.a.size() != 2 || pair.b.size() != 2 || pair.a[0] != pair.b[1] ||
        pair.a[0] < 1)
      return fail() << "'" << module
                    << "' expects lora_A [rank, in] and lora_B [out, rank]";
    auto scale = scaleOf(module, pair.a[0]);
    if (failed(scale))
      return failure();
    adapter.branches.push_back({module.str(), pair.a[0], pair.a[1], pair.b[0],
                                *scale, std::move(pair.aData),
                                std::move(pair.bData)});
  }
  if (adapter.branches.empty() && adapter.replacements.empty())
    return fail() << "holds no branch";
  return std::move(adapter);
}

FailureOr<Adapter> readAdapter(StringRef folder, MLIRContext *context) {
  return Reader(folder, context).read();
}

} // namespace qopt::peft
