// Describes entries, kernels, weights and arena as JSON.

#include "qopt/tools/qopt/Info.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "qopt/codegen/cpu/Cpu.h"
#include "qopt/codegen/link/Weights.h"
#include "qopt/dialects/lowbit/Lowbit.h"
#include "qopt/dialects/nn/Dims.h"
#include "qopt/passes/Weights.h"
#include "qopt/passes/kernel/Layouts.h"
#include "qopt/tools/qopt/Adapters.h"
#include "qopt/tools/qopt/Teacher.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
namespace json = llvm::json;

namespace qopt::driver {

/// Expressions with the names of the entry's symbols.
static std::string print(AffineExpr expr, ArrayRef<std::string> names) {
  if (!expr)
    return "?";
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return std::to_string(constant.getValue());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return names[symbol.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  const char *op = " + ";
  switch (expr.getKind()) {
  case AffineExprKind::Mul:
    op = " * ";
    break;
  case AffineExprKind::Mod:
    op = " mod ";
    break;
  case AffineExprKind::FloorDiv:
    op = " floordiv ";
    break;
  case AffineExprKind::CeilDiv:
    op = " ceildiv ";
    break;
  default:
    break;
  }
  return "(" + print(binary.getLHS(), names) + op +
         print(binary.getRHS(), names) + ")";
}

static std::string typeText(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text == "i1" ? "bool" : text;
}

static json::Object tensor(Value value, Attribute name, const nn::Dims &dims) {
  json::Array sizes;
  for (AffineExpr size : dims.of(value)) {
    if (auto constant = dyn_cast_or_null<AffineConstantExpr>(size))
      sizes.push_back(constant.getValue());
    else
      sizes.push_back(print(size, dims.symbols()));
  }
  auto type = cast<RankedTensorType>(value.getType());
  return json::Object{
      {"name", name ? cast<StringAttr>(name).str() : std::string()},
      {"type", typeText(type.getElementType())},
      {"dims", std::move(sizes)}};
}

/// The largest value of each slot, then their sum.
static std::string arenaText(func::FuncOp entry, const nn::Dims &dims) {
  std::string sum;
  auto slots =
      entry->getAttrOfType<ArrayAttr>(kernel::KernelDialect::slotsAttr);
  if (!slots)
    return "0";
  for (auto slot : slots.getAsRange<ArrayAttr>()) {
    std::string largest;
    for (AffineMap map : slot.getAsValueRange<AffineMapAttr>())
      largest += (largest.empty() ? "" : ", ") +
                 print(map.getResult(0), dims.symbols());
    sum += (sum.empty() ? "max(" : " + max(") + largest + ")";
  }
  return sum.empty() ? "0" : sum;
}

static json::Object describeEntry(func::FuncOp entry) {
  nn::Dims dims(entry);
  json::Array inputs, outputs;
  for (BlockArgument argument : entry.getArguments())
    if (isa<RankedTensorType>(argument.getType()))
      inputs.push_back(tensor(
          argument,
          entry.getArgAttr(argument.getArgNumber(), nn::NnDialect::nameAttr),
          dims));
  Operation *end = entry.getBody().front().getTerminator();
  for (auto [i, value] : llvm::enumerate(end->getOperands()))
    outputs.push_back(
        tensor(value, entry.getResultAttr(i, nn::NnDialect::nameAttr), dims));
  return json::Object{{"name", entry.getSymName()},
                      {"inputs", std::move(inputs)},
                      {"outputs", std::move(outputs)},
                      {"arena", arenaText(entry, dims)}};
}

/// The parameters that launches read. Scalars and the like are no layers.
static json::Array describeLayers(ArrayRef<TensorReport> tensors) {
  json::Array layers;
  for (const TensorReport &tensor : tensors) {
    if (tensor.kernel.empty() || tensor.elements() <= 1)
      continue;
    json::Object layer{
        {"name", tensor.name},   {"shape", json::Array(tensor.shape)},
        {"scheme", tensor.to},   {"kernel", tensor.kernel},
        {"path", tensor.family}, {"bytes", tensor.bytes}};
    if (!tensor.acts.empty())
      layer["activations"] = tensor.acts;
    layers.push_back(std::move(layer));
  }
  return layers;
}

/// Whether a kernel reads only the rows of a weight that its ids name: the
/// table of an embedding, or, of codes, also their scales and zeros.
static bool readsRows(Value weight) {
  return llvm::all_of(weight.getUses(), [](OpOperand &use) {
    Operation *op = use.getOwner();
    return isa<nn::EmbeddingOp, lowbit::EmbeddingOp>(op) &&
           use.getOperandNumber() > 0; // behind the ids
  });
}

/// Bytes of weights that the next token of one sequence takes: of a table of
/// embeddings, one row; of others all.
static int64_t bytesPerToken(ModuleOp program) {
  SymbolTable table(program);
  llvm::MapVector<Operation *, int64_t> read;
  auto decode = table.lookup<func::FuncOp>("decode");
  for (auto entry : program.getOps<func::FuncOp>()) {
    if (decode && entry != decode)
      continue;
    entry.walk([&](kernel::LaunchOp launch) {
      Block &body =
          table.lookup<kernel::FuncOp>(launch.getKernel()).getBody().front();
      for (auto [i, operand] : llvm::enumerate(launch.getArguments())) {
        auto load = operand.getDefiningOp<kernel::LoadOp>();
        if (!load)
          continue;
        auto weight = table.lookup<kernel::WeightOp>(load.getWeight());
        int64_t bytes = weight.getBytes();
        if (readsRows(body.getArgument(i)))
          bytes /= std::max<int64_t>(1, weight.getResultType().getShape()[0]);
        int64_t &most = read[weight];
        most = std::max(most, bytes);
      }
    });
  }
  int64_t sum = 0;
  for (auto [weight, bytes] : read)
    sum += bytes;
  return sum;
}

/// A hash of a file of any size: xxh64 of the hashes of its blocks of 16 MiB.
std::string hashOf(StringRef path) {
  auto file = llvm::sys::fs::openNativeFileForRead(path);
  if (!file) {
    llvm::consumeError(file.takeError());
    return "";
  }
  std::vector<char> block(16 << 20);
  SmallVector<uint64_t> hashes;
  while (true) {
    auto read = llvm::sys::fs::readNativeFile(*file, block);
    if (!read)
      llvm::consumeError(read.takeError());
    if (!read || *read == 0)
      break;
    hashes.push_back(llvm::xxHash64(StringRef(block.data(), *read)));
  }
  llvm::sys::fs::closeFile(*file);
  StringRef all(reinterpret_cast<char *>(hashes.data()), hashes.size() * 8);
  return "xxh64:" +
         llvm::utohexstr(llvm::xxHash64(all), /*LowerCase=*/true, 16);
}

uint64_t countParameters(ModuleOp program) {
  // Scales and zeros say how numbers are stored; they are none themselves.
  SymbolTable symbols(program);
  llvm::SmallPtrSet<Operation *, 16> parts;
  auto skip = [&](Value scales, Value zeros) {
    for (Value part : {scales, zeros})
      if (Operation *global = part ? getParameter(part, symbols) : nullptr)
        parts.insert(global);
  };
  program.walk([&](Operation *op) {
    if (auto codes = dyn_cast<lowbit::DequantizeOp>(op))
      skip(codes.getScales(), codes.getZeros());
    else if (auto linear = dyn_cast<lowbit::LinearOp>(op))
      skip(linear.getWeightScales(), linear.getZeros());
    else if (auto table = dyn_cast<lowbit::EmbeddingOp>(op))
      skip(table.getScales(), table.getZeros());
  });
  // Scales that a weight is quantized to here begin with the weight itself.
  program.walk([&](lowbit::QuantizeOp quantize) {
    if (Operation *global = getParameter(quantize.getInput(), symbols))
      parts.erase(global);
  });
  uint64_t count = 0;
  for (auto global : program.getOps<ml_program::GlobalOp>())
    if (auto type = dyn_cast<RankedTensorType>(global.getType());
        type && type.hasStaticShape() && !global.getIsMutable() &&
        !parts.contains(global))
      count += type.getNumElements();
  return count;
}

int64_t vocabularyOf(ModuleOp program) {
  for (auto entry : program.getOps<func::FuncOp>())
    for (unsigned i = 0; i < entry.getNumResults(); ++i) {
      auto name =
          entry.getResultAttrOfType<StringAttr>(i, nn::NnDialect::nameAttr);
      auto type = dyn_cast<RankedTensorType>(entry.getResultTypes()[i]);
      if (name && name.getValue() == "logits" && type && type.getRank() > 0 &&
          !type.isDynamicDim(type.getRank() - 1))
        return type.getShape().back();
    }
  return 0;
}

int64_t arenaBytes(ModuleOp program, int64_t seq) {
  auto entries = program.getOps<func::FuncOp>();
  if (entries.empty())
    return 0;
  func::FuncOp entry = *entries.begin();
  auto slots =
      entry->getAttrOfType<ArrayAttr>(kernel::KernelDialect::slotsAttr);
  if (!slots)
    return 0;
  nn::Dims dims(entry);
  SmallVector<Attribute> values;
  Builder b(program.getContext());
  for (StringRef name : dims.symbols())
    values.push_back(b.getIndexAttr(name.contains("batch")  ? 1
                                    : name.contains("past") ? 0
                                                            : seq));
  int64_t sum = 0;
  for (auto slot : slots.getAsRange<ArrayAttr>()) {
    int64_t largest = 0;
    for (AffineMap map : slot.getAsValueRange<AffineMapAttr>()) {
      SmallVector<Attribute> result;
      if (succeeded(map.constantFold(values, result)))
        largest = std::max(largest, cast<IntegerAttr>(result[0]).getInt());
    }
    sum += llvm::alignTo(largest, 64);
  }
  return sum;
}

std::string describe(ModuleOp program, ArrayRef<Target> targets,
                     const Options &options, StringRef source,
                     uint64_t parameters, ArrayRef<TensorReport> tensors) {
  json::Array entries, cpus, gpus;
  bool past = false;
  for (auto entry : program.getOps<func::FuncOp>()) {
    entries.push_back(describeEntry(entry));
    for (unsigned i = 0; i < entry.getNumArguments(); ++i)
      if (auto name =
              entry.getArgAttrOfType<StringAttr>(i, nn::NnDialect::nameAttr))
        past |= name.getValue().starts_with("past");
  }
  for (const std::string &chip : options.chips)
    gpus.push_back(chip);
  for (const Target &target : gpus.empty() ? targets : ArrayRef<Target>())
    cpus.push_back(
        json::Object{{"name", target.name},
                     {"features", int64_t(target.instructions)},
                     {"instructions", cpu::kindOf(target.instructions)},
                     {"emulated", target.isEmulated()}});
  int64_t bytes = weightBytes(program);
  json::Object info{
      {"name", llvm::sys::path::stem(source)},
      {"qopt", version},
      {"recipe", options.recipe.name},
      {"pipeline", options.recipe.pipeline},
      {"entries", std::move(entries)},
      {"layers", describeLayers(tensors)},
      {"parameters", int64_t(parameters)},
      {"weight_bytes", bytes},
      {"bytes_per_token", bytesPerToken(program)},
      {"max_batch", options.maxBatch},
      {"max_seq", options.maxSeq},
      {"cpus", std::move(cpus)},
      {"gpus", std::move(gpus)},
      {"has_past", past},
      {"source", llvm::sys::path::filename(source)},
      {"source_hash", hashOf(source)},
  };
  if (options.init)
    info["init_seed"] = *options.init;
  if (json::Value adapters = describeAdapters(program); !adapters.getAsNull())
    info["adapters"] = std::move(adapters);
  if (json::Value teacher = describeTeacher(program); !teacher.getAsNull())
    info["teacher"] = std::move(teacher);
  std::string text;
  llvm::raw_string_ostream(text) << json::Value(std::move(info));
  return text;
}

} // namespace qopt::driver
