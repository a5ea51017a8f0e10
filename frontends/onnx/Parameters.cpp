// Initializers and constants: their types, their places, their names.

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "qopt/dialects/nn/WeightFile.h"
#include "qopt/frontends/onnx/Importer.h"

using namespace mlir;

namespace qopt::onnx {

/// Numbers up to this size stand in the program.
static constexpr int64_t inlineBytes = 1024;

Type elementType(MLIRContext *context, int32_t onnxType) {
  Builder b(context);
  switch (onnxType) {
  case ::onnx::TensorProto::FLOAT:
    return b.getF32Type();
  case ::onnx::TensorProto::FLOAT16:
    return b.getF16Type();
  case ::onnx::TensorProto::BFLOAT16:
    return b.getBF16Type();
  case ::onnx::TensorProto::DOUBLE:
    return b.getF64Type();
  case ::onnx::TensorProto::INT8:
    return b.getI8Type();
  case ::onnx::TensorProto::INT16:
    return b.getIntegerType(16);
  case ::onnx::TensorProto::INT32:
    return b.getI32Type();
  case ::onnx::TensorProto::INT64:
    return b.getI64Type();
  case ::onnx::TensorProto::BOOL:
    return b.getI1Type();
  default:
    return {};
  }
}

/// How integers lie that have no type of ours; none if they have one.
static std::optional<Packed> packingOf(const ::onnx::TensorProto &proto) {
  // Debian's header does not know the younger names.
  enum { uint4 = 21, int4 = 22, uint2 = 25, int2 = 26 };
  switch (proto.data_type()) {
  case ::onnx::TensorProto::UINT8:
    return Packed{8, false, {}};
  case uint4:
  case int4:
    return Packed{4, proto.data_type() == int4, {}};
  case uint2:
  case int2:
    return Packed{2, proto.data_type() == int2, {}};
  default:
    return std::nullopt;
  }
}

/// [rows, bytes of a row]; one row where rows do not end with a byte.
static RankedTensorType bytesOf(const Packed &packed, Builder &b) {
  int64_t count = ShapedType::getNumElements(packed.shape);
  int64_t row = packed.shape.empty() ? 1 : packed.shape.back();
  if (row == 0 || row * packed.bits % 8 != 0)
    row = count;
  int64_t rows = row == 0 ? 0 : count / row;
  return RankedTensorType::get(
      {rows, int64_t(llvm::divideCeil(row * packed.bits, 8))}, b.getI8Type());
}

/// The typed fields of a tensor as raw little-endian data; false if it uses
/// none.
static bool fromTypedFields(const ::onnx::TensorProto &proto, Type element,
                            std::string &out) {
  auto put = [&](const auto &values, auto convert) {
    for (auto value : values) {
      auto word = convert(value);
      out.append(reinterpret_cast<const char *>(&word), sizeof(word));
    }
    return values.size() > 0;
  };
  if (element.isF32())
    return put(proto.float_data(), [](float x) { return x; });
  if (element.isF64())
    return put(proto.double_data(), [](double x) { return x; });
  if (element.isInteger(64))
    return put(proto.int64_data(), [](int64_t x) { return x; });
  unsigned bits = element.getIntOrFloatBitWidth();
  if (bits == 32)
    return put(proto.int32_data(), [](int32_t x) { return x; });
  if (bits == 16)
    return put(proto.int32_data(), [](int32_t x) { return int16_t(x); });
  return put(proto.int32_data(), [](int32_t x) { return int8_t(x); });
}

/// The elements of raw data.
static void keepContents(Tensor &tensor, StringRef raw) {
  int64_t count = tensor.type.getNumElements();
  if (count > maxContents)
    return;
  Type element = tensor.type.getElementType();
  unsigned size = llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
  auto floating = dyn_cast<FloatType>(element);
  if (floating)
    tensor.reals.emplace();
  else
    tensor.integers.emplace();
  for (int64_t i = 0; i < count; ++i) {
    uint64_t word = 0;
    std::memcpy(&word, raw.data() + i * size, size);
    APInt bits(size * 8, word);
    if (floating)
      tensor.reals->push_back(
          APFloat(floating.getFloatSemantics(), bits).convertToDouble());
    else
      tensor.integers->push_back(
          getAffineConstantExpr(bits.getSExtValue(), tensor.type.getContext()));
  }
}

static ElementsAttr denseOf(RankedTensorType type, StringRef raw) {
  ArrayRef<char> bytes(raw.data(), raw.size());
  if (!type.getElementType().isInteger(1))
    return DenseElementsAttr::getFromRawBuffer(type, bytes);
  SmallVector<bool> values;
  for (char byte : bytes)
    values.push_back(byte != 0);
  return DenseElementsAttr::get(type, values);
}

std::string Importer::scopedName(StringRef name) const {
  auto found = scopeNames.find(name);
  return found == scopeNames.end() ? name.str() : found->second;
}

Value Importer::load(StringRef name, RankedTensorType type, Attribute value,
                     Location loc) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(function);
  auto global = ml_program::GlobalOp::create(builder, loc, scopedName(name),
                                             type, /*is_mutable=*/false, value,
                                             builder.getStringAttr("private"));
  globals.insert(global);
  builder.setInsertionPoint(prologueEnd);
  auto load = ml_program::GlobalLoadOp::create(builder, loc, type,
                                               SymbolRefAttr::get(global));
  dims->add(load);
  return load;
}

std::optional<std::vector<int64_t>> Importer::contents(Value parameter) {
  auto load = parameter.getDefiningOp<ml_program::GlobalLoadOp>();
  auto type = cast<RankedTensorType>(parameter.getType());
  if (!load || !isa<IntegerType>(type.getElementType()))
    return std::nullopt;
  auto global =
      globals.lookup<ml_program::GlobalOp>(load.getGlobal().getLeafReference());
  std::vector<int64_t> values;
  if (auto dense = dyn_cast<DenseElementsAttr>(global.getValueAttr())) {
    for (const APInt &value : dense.getValues<APInt>())
      values.push_back(value.getSExtValue());
    return values;
  }
  nn::WeightFiles files(file.folder());
  auto bytes =
      files.find(cast<nn::WeightAttr>(global.getValueAttr()), global.getLoc());
  if (failed(bytes))
    return std::nullopt;
  size_t size = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  for (size_t i = 0; i < bytes->size(); i += size) {
    uint64_t word = 0;
    std::memcpy(&word, bytes->data() + i, size);
    values.push_back(llvm::SignExtend64(word, unsigned(8 * size)));
  }
  return values;
}

FailureOr<Tensor> Importer::constant(const ::onnx::TensorProto &proto,
                                     StringRef name, Location loc) {
  std::optional<Packed> packed = packingOf(proto);
  Type element =
      packed ? builder.getI8Type() : elementType(context, proto.data_type());
  if (!element)
    return emitError(loc, "unsupported element type ")
           << proto.data_type() << " of tensor '" << name
           << "', expects floats, bools, signed integers, or unsigned ones of "
              "at "
              "most 8 bits";
  SmallVector<int64_t> shape;
  int64_t count = 1;
  for (int64_t size : proto.dims()) {
    if (size < 0 || (size > 0 && count > maxElements / size))
      return emitError(loc, "tensor '") << name << "' has size " << size
                                        << ", expects 0 or more, and at most "
                                        << maxElements << " elements";
    count *= size;
    shape.push_back(size);
  }
  Tensor tensor;
  tensor.type = RankedTensorType::get(shape, element);
  if (packed) {
    packed->shape = shape;
    tensor.type = bytesOf(*packed, builder);
    tensor.packed = std::move(packed);
  }
  int64_t bytes = nn::storedBytes(tensor.type);

  std::string raw, message;
  Region region;
  bool apart = !proto.has_raw_data() && file.locate(proto, region, message);
  if (!message.empty())
    return emitError(loc, "tensor '") << name << "': " << message;
  if (apart && region.bytes == 0 && bytes > 0)
    region.bytes = bytes; // the length is optional
  if (apart && region.bytes != bytes)
    return emitError(loc, "tensor '")
           << name << "' has " << region.bytes << " bytes of data, expects "
           << bytes << " for " << tensor.type;
  if (apart && bytes > inlineBytes) {
    // Read now, so that a file that is missing or too short is known.
    nn::WeightFiles files(file.folder());
    auto weight = nn::WeightAttr::get(context, tensor.type, region.file,
                                      region.offset, "");
    if (failed(files.find(weight, loc)))
      return failure();
    tensor.value = load(name, tensor.type, weight, loc);
    return tensor;
  }
  if (apart) {
    ::onnx::TensorProto sized = proto;
    if (!file.bytes(sized, raw, message))
      return emitError(loc, "tensor '") << name << "': " << message;
  } else if (proto.has_raw_data()) {
    raw = proto.raw_data();
  } else {
    fromTypedFields(proto, element, raw);
  }
  if (int64_t(raw.size()) != bytes)
    return emitError(loc, "tensor '")
           << name << "' has " << raw.size() << " bytes of data, expects "
           << bytes << " for " << tensor.type;
  if (!tensor.packed)
    keepContents(tensor, raw);
  // A vector of floats is a parameter, however short: a gain, a bias.
  bool isVector = isa<FloatType>(element) && !shape.empty() && count > 1;
  if (isVector && initializers.contains(name))
    tensor.reals.reset();
  if (!tensor.integers && !tensor.reals)
    tensor.value = load(name, tensor.type, denseOf(tensor.type, raw), loc);
  return tensor;
}

/// `/model/layers.0/self_attn/q_proj/MatMul` -> `model.layers.0....q_proj`.
static std::string moduleOf(StringRef node) {
  if (!node.starts_with("/"))
    return {};
  std::string path = node.drop_front().rsplit('/').first.str();
  std::replace(path.begin(), path.end(), '/', '.');
  return path;
}

/// What the input of a node is to the module that it is the heart of.
static StringRef partOf(StringRef op, size_t input) {
  if (op == "Add" || (op == "MatMulNBits" && input == 5))
    return ".bias";
  bool coded = op == "MatMulNBits" || op == "DequantizeLinear";
  size_t weight = op == "MatMulNBits" ? 1 : 0;
  if (coded && input == weight + 1)
    return ".weight.scales";
  return coded && input == weight + 2 ? ".weight.zeros" : ".weight";
}

void Importer::nameParameters() {
  const auto &graph = file.model().graph();
  for (const auto &tensor : graph.initializer())
    initializers.insert(tensor.name());
  // Names that an exporter made up are replaced by the place of their use.
  for (const auto &node : graph.node())
    for (auto [i, input] : llvm::enumerate(node.input()))
      if (StringRef(input).starts_with("onnx::"))
        if (std::string path = moduleOf(node.name()); !path.empty())
          scopeNames.try_emplace(input,
                                 (path + partOf(node.op_type(), i)).str());
}

LogicalResult Importer::readInitializers() {
  bool ok = true;
  for (const auto &proto : file.model().graph().initializer()) {
    Location loc = locationOf(proto.name());
    if (proto.name().empty() || top.count(proto.name())) {
      ok = false;
      emitError(loc, "initializer '")
          << proto.name() << "' has no name, or that of another";
      continue;
    }
    FailureOr<Tensor> tensor = constant(proto, proto.name(), loc);
    if (failed(tensor))
      ok = false;
    else
      top[proto.name()] = std::move(*tensor);
  }
  return success(ok);
}

} // namespace qopt::onnx
