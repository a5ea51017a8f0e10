// Weights that a file holds in few bits: MatMulNBits, GatherBlockQuantized, and
// DequantizeLinear, with QuantizeLinear for activations.
//
// Codes stay as they are stored: a weight is `lowbit.dequantize` of
// `lowbit.unpack` of the file's bytes, and nothing is expanded here. What
// lowbit cannot say becomes arithmetic on floats, and a remark names it.

#include <numeric>

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "qopt/dialects/lowbit/Lowbit.h"
#include "qopt/dialects/nn/WeightFile.h"
#include "qopt/frontends/onnx/Importer.h"
#include "qopt/frontends/onnx/Node.h"

using namespace mlir;
using qopt::lowbit::DequantizeOp;
using qopt::lowbit::Granularity;
using qopt::lowbit::Method;
using qopt::lowbit::SchemeAttr;

namespace qopt::onnx {

namespace {

/// A matrix [N, C] of codes and what they mean, as lowbit says it.
struct Codes {
  Value codes, scales;
  Value zeros; ///< null: 0
  int64_t bits;
  Granularity per;
  int64_t group = 0; ///< channels that share a scale, per group
};

} // namespace

static RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

static Value reshaped(Node &node, Value value, ArrayRef<int64_t> shape) {
  Exprs dims;
  for (int64_t size : shape)
    dims.push_back(node.expr(size));
  return node.reshape(value, dims);
}

static Value broadcast(Node &node, Value value, ArrayRef<int64_t> shape) {
  Exprs dims;
  for (int64_t size : shape)
    dims.push_back(node.expr(size));
  return node.broadcast(value, dims);
}

/// A number in every place, as a tensor that lies in memory.
static Value splat(Node &node, int64_t number, ArrayRef<int64_t> shape) {
  auto type = RankedTensorType::get(SmallVector<int64_t>(shape.size(), 1),
                                    node.builder().getI8Type());
  auto value = node.builder().getI8IntegerAttr(int8_t(number));
  return broadcast(node,
                   node.create<arith::ConstantOp>(cast<TypedAttr>(
                       DenseElementsAttr::get(type, Attribute(value)))),
                   shape);
}

//===----------------------------------------------------------------------===//
// Integers of a file
//===----------------------------------------------------------------------===//

static bool isCodes(Node &node, int index) {
  return node.tensor(index).packed ||
         node.type(index).getElementType().isInteger(8);
}

static int64_t bitsOf(Node &node, int index) {
  return node.tensor(index).packed ? node.tensor(index).packed->bits : 8;
}

static bool isUnsigned(Node &node, int index) {
  return node.tensor(index).packed && !node.tensor(index).packed->isSigned;
}

/// The shape of the integers, whatever the bytes have.
static SmallVector<int64_t> shapeOf(Node &node, int index) {
  return node.tensor(index).packed
             ? node.tensor(index).packed->shape
             : SmallVector<int64_t>(node.type(index).getShape());
}

/// The next `bits` bits of each row of bytes, `columns` times.
static Value unpack(Node &node, Value bytes, int64_t bits, bool isSigned,
                    int64_t columns) {
  RankedTensorType type = typeOf(bytes);
  int64_t needed = llvm::divideCeil(columns * bits, 8);
  if (needed < type.getDimSize(1)) // the end of a padded block
    bytes = node.slice(bytes, 1, node.expr(0), node.expr(needed));
  int64_t offset = isSigned ? 0 : int64_t(1) << (bits - 1);
  return node.create<lowbit::UnpackOp>(
      type.clone({type.getDimSize(0), columns}), bytes, uint64_t(bits),
      uint64_t(offset), isSigned);
}

/// The integers of an input as codes: unsigned ones less 2^(bits - 1).
static Value codesOf(Node &node, int index) {
  Value bytes = node.input(index);
  if (!node.tensor(index).packed)
    return bytes;
  Packed packed = *node.tensor(index).packed;
  int64_t rows = typeOf(bytes).getDimSize(0);
  int64_t count = ShapedType::getNumElements(packed.shape);
  Value codes = unpack(node, bytes, packed.bits, packed.isSigned,
                       rows == 0 ? 0 : count / rows);
  return reshaped(node, codes, packed.shape);
}

/// The integers of a parameter or constant, of bytes if they are packed.
static std::optional<std::vector<int64_t>> contents(Node &node, int index) {
  if (auto known = node.constants(index))
    return std::vector<int64_t>(known->begin(), known->end());
  return node.importer.contents(node.input(index));
}

/// Whether every integer of a parameter is zero, as symmetric zero points are.
static bool isZero(Node &node, int index) {
  auto known = contents(node, index);
  return known &&
         llvm::all_of(*known, [](int64_t value) { return value == 0; });
}

/// A parameter or constant of at most 8 bits: what lowbit can say.
static bool isStored(Node &node, int index) {
  Operation *op = node.input(index).getDefiningOp();
  return isCodes(node, index) &&
         isa_and_nonnull<ml_program::GlobalLoadOp, arith::ConstantOp>(op);
}

//===----------------------------------------------------------------------===//
// What codes mean
//===----------------------------------------------------------------------===//

/// Scales in a type that lowbit knows.
static Value asScales(Node &node, Value scales) {
  Type element = typeOf(scales).getElementType();
  return element.isF32() || element.isF16()
             ? scales
             : node.cast(scales, node.builder().getF32Type());
}

/// The numbers that `codes` mean, [N, C].
static Value dequantize(Node &node, const Codes &codes, Type element) {
  bool half = typeOf(codes.scales).getElementType().isF16();
  auto scheme = SchemeAttr::get(
      node.builder().getContext(), codes.zeros ? Method::asym : Method::sym,
      codes.bits, codes.per, codes.group, /*clip=*/100, false, half);
  return node.create<DequantizeOp>(typeOf(codes.codes).clone(element),
                                   codes.codes, codes.scales, codes.zeros,
                                   scheme);
}

/// [N, blocks] as what a group of `size` channels has, where a block is
/// several groups: [N, groups].
static Value repeated(Node &node, Value perBlock, int64_t times,
                      int64_t groups) {
  int64_t rows = typeOf(perBlock).getDimSize(0);
  int64_t blocks = typeOf(perBlock).getDimSize(1);
  Value value = reshaped(node, perBlock, {rows, blocks, 1});
  value = broadcast(node, value, {rows, blocks, times});
  value = reshaped(node, value, {rows, blocks * times});
  return node.slice(value, 1, node.expr(0), node.expr(groups));
}

/// Codes whose scales (and zeros) are [N, blocks] of `block` channels each. A
/// last block that is padded makes groups that divide it and the others.
static Codes inBlocks(Node &node, Value codes, Value scales, Value zeros,
                      int64_t bits, int64_t block) {
  int64_t rows = typeOf(codes).getDimSize(0);
  int64_t channels = typeOf(codes).getDimSize(1);
  if (typeOf(scales).getDimSize(1) == 1) {
    Value one = zeros ? reshaped(node, zeros, {rows}) : Value();
    return {codes, reshaped(node, scales, {rows}), one, bits,
            Granularity::channel};
  }
  int64_t group = std::gcd(block, channels);
  if (group == block)
    return {codes, scales, zeros, bits, Granularity::group, group};
  int64_t times = block / group, groups = channels / group;
  scales = repeated(node, scales, times, groups);
  if (zeros)
    zeros = repeated(node, zeros, times, groups);
  return {codes, scales, zeros, bits, Granularity::group, group};
}

/// Adds `shift`, [N] or [N, groups], to the groups of a weight.
static Value shifted(Node &node, Value weight, Value shift) {
  int64_t rows = typeOf(weight).getDimSize(0);
  int64_t groups = typeOf(shift).getNumElements() / rows;
  int64_t group = typeOf(weight).getDimSize(1) / groups;
  Value each = reshaped(node, shift, {rows, groups, 1});
  Value sets = reshaped(node, weight, {rows, groups, group});
  Value sum = node.create<nn::AddOp>(sets, each);
  return reshaped(node, sum, {rows, groups * group});
}

//===----------------------------------------------------------------------===//
// MatMulNBits
//===----------------------------------------------------------------------===//

namespace {

/// The attributes of a node that multiplies by packed blocks.
struct Blocks {
  int64_t bits, block, rows, channels, count; ///< count: blocks of a row
};

} // namespace

static LogicalResult checkBlock(Node &node, int64_t block) {
  if (block < 16 || !llvm::isPowerOf2_64(block))
    return node.invalid("has block_size " + Twine(block) +
                        ", expects a power of two of at least 16");
  return success();
}

static FailureOr<Blocks> readBlocks(Node &node) {
  Blocks b{node.integer("bits", 4), node.integer("block_size", 0),
           node.integer("N", 0), node.integer("K", 0), 0};
  if (b.bits != 2 && b.bits != 3 && b.bits != 4 && b.bits != 8)
    return node.unsupported("bits " + Twine(b.bits));
  if (failed(checkBlock(node, b.block)))
    return failure();
  if (!node.has(0) || !node.has(1) || !node.has(2) || node.rank(0) < 1)
    return node.invalid("expects an input, codes and scales");
  const std::optional<Packed> &packed = node.tensor(1).packed;
  if (!packed || packed->bits != 8 || packed->isSigned || !isStored(node, 1))
    return node.invalid("expects codes that are a parameter of uint8");
  if (b.rows < 1 || b.channels < 1)
    return node.invalid("has K " + Twine(b.channels) + " and N " +
                        Twine(b.rows) + ", expects at least 1");
  b.count = llvm::divideCeil(b.channels, b.block);
  int64_t bytes = b.block * b.bits / 8, had = 1;
  for (int64_t size : packed->shape)
    had *= size;
  if (had != b.rows * b.count * bytes)
    return node.invalid("has " + Twine(had) + " bytes of codes, expects " +
                        Twine(b.rows) + " x " + Twine(b.count) + " x " +
                        Twine(bytes));
  if (node.type(2).getNumElements() != b.rows * b.count ||
      !isa<FloatType>(node.type(2).getElementType()))
    return node.invalid("expects " + Twine(b.rows * b.count) + " scales");
  if (!node.unify(node.dims(0).back(), node.expr(b.channels)))
    return node.invalid("expects rows of " + Twine(b.channels) + " numbers");
  return b;
}

/// Order of channels: only the identity, which some exporters write.
static LogicalResult checkOrder(Node &node, const Blocks &b) {
  if (!node.has(4))
    return success();
  auto order = contents(node, 4);
  bool identity = order && int64_t(order->size()) >= b.channels;
  for (int64_t c = 0; identity && c < b.channels; ++c)
    identity = (*order)[c] == c / b.block;
  if (!identity)
    return node.unsupported("g_idx that reorders channels (act-order)");
  return success();
}

/// The weight [N, K] of a MatMulNBits.
static FailureOr<Value> weightOf(Node &node, const Blocks &b, Type element) {
  int64_t bytes = b.block * b.bits / 8;
  Value packed = reshaped(node, node.input(1), {b.rows, b.count * bytes});
  Value codes = unpack(node, packed, b.bits, /*isSigned=*/false, b.channels);
  Value scales = reshaped(node, node.input(2), {b.rows, b.count});
  if (!node.has(3))
    return dequantize(
        node,
        inBlocks(node, codes, asScales(node, scales), Value(), b.bits, b.block),
        element);
  if (const std::optional<Packed> &zeros = node.tensor(3).packed) {
    int64_t row = llvm::divideCeil(b.count * b.bits, 8);
    int64_t had = ShapedType::getNumElements(zeros->shape);
    if (zeros->bits != 8 || had != b.rows * row)
      return node.invalid("has " + Twine(had) +
                          " bytes of zero points, expects " + Twine(b.rows) +
                          " x " + Twine(row));
    Value points = reshaped(node, node.input(3), {b.rows, row});
    points = unpack(node, points, b.bits, /*isSigned=*/false, b.count);
    return dequantize(
        node,
        inBlocks(node, codes, asScales(node, scales), points, b.bits, b.block),
        element);
  }
  if (!isa<FloatType>(node.type(3).getElementType()) ||
      node.type(3).getNumElements() != b.rows * b.count)
    return node.invalid("expects " + Twine(b.rows * b.count) +
                        " zero points, packed or of floats");
  // (q - zero) s = (q - middle) s + (middle - zero) s
  node.importer.remark(node.loc(), "a weight of MatMulNBits is kept as floats: "
                                   "its zero points are floats");
  Type f32 = node.builder().getF32Type();
  Codes plain =
      inBlocks(node, codes, node.cast(scales, f32), Value(), b.bits, b.block);
  Value zeros =
      reshaped(node, node.cast(node.input(3), f32), {b.rows, b.count});
  Value middle = node.scalar(double(int64_t(1) << (b.bits - 1)), f32);
  Value shift = node.create<nn::MulOp>(node.create<nn::SubOp>(middle, zeros),
                                       node.cast(scales, f32));
  if (plain.per == Granularity::group)
    shift =
        repeated(node, shift, b.block / plain.group, b.channels / plain.group);
  return node.cast(shifted(node, dequantize(node, plain, f32), shift), element);
}

static LogicalResult importMatMulNBits(Node &node) {
  FailureOr<Blocks> blocks = readBlocks(node);
  if (failed(blocks) || failed(checkOrder(node, *blocks)))
    return failure();
  if (node.integer("weight_prepacked", 0) != 0)
    return node.unsupported("weight_prepacked " +
                            Twine(node.integer("weight_prepacked", 0)));
  if (node.integer("accuracy_level", 0) == 4)
    node.importer.remark(
        node.loc(), "MatMulNBits with accuracy_level 4 keeps its activations "
                    "as floats: only a recipe gives them fewer bits");
  Type element = node.type(0).getElementType();
  FailureOr<Value> weight = weightOf(node, *blocks, element);
  if (failed(weight))
    return failure();
  Value bias;
  if (node.has(5)) {
    if (node.type(5).getNumElements() != blocks->rows)
      return node.invalid("expects a bias of " + Twine(blocks->rows));
    bias = reshaped(node, node.input(5), {blocks->rows});
  }
  Exprs dims = node.dims(0);
  dims.back() = node.expr(blocks->rows);
  node.set(0,
           node.create<nn::LinearOp>(node.typeOf(dims, element), node.input(0),
                                     *weight, bias, DenseI64ArrayAttr()));
  return success();
}

//===----------------------------------------------------------------------===//
// GatherBlockQuantized
//===----------------------------------------------------------------------===//

static LogicalResult importGatherBlockQuantized(Node &node) {
  if (!node.has(0) || !node.has(1) || !node.has(2) || !isStored(node, 0))
    return node.invalid("expects data that is a parameter, indices and scales");
  int64_t bits = bitsOf(node, 0), block = node.integer("block_size", 128);
  SmallVector<int64_t> shape = shapeOf(node, 0);
  if (shape.size() != 2 || node.integer("gather_axis", 0) != 0)
    return node.unsupported("data that is no table of rows");
  int64_t along = node.integer("quantize_axis", 1);
  if (along != 1 && along != -1)
    return node.unsupported("quantize_axis " + Twine(along));
  if (failed(checkBlock(node, block)))
    return failure();
  // Bytes may hold several codes.
  bool isBytes = bits == 8, inside = false;
  if (isBytes && isUnsigned(node, 0)) {
    bits = node.integer("bits", 4);
    if (bits != 2 && bits != 4 && bits != 8)
      return node.unsupported("bits " + Twine(bits));
    inside = bits < 8;
  }
  int64_t rows = shape[0], channels = shape[1] * (inside ? 8 / bits : 1);
  int64_t count = llvm::divideCeil(channels, block);
  if (node.type(2).getNumElements() != rows * count)
    return node.invalid("expects " + Twine(rows * count) + " scales");
  Value codes = inside ? unpack(node, node.input(0), bits, false, channels)
                       : codesOf(node, 0);
  Value scales = asScales(node, reshaped(node, node.input(2), {rows, count}));
  Value zeros;
  if (node.has(3)) {
    if (!isStored(node, 3) || isUnsigned(node, 3) != isUnsigned(node, 0))
      return node.invalid("expects zero points of the type of its data");
    if (inside) {
      Value bytes =
          reshaped(node, node.input(3),
                   {rows, int64_t(llvm::divideCeil(count * bits, 8))});
      zeros = unpack(node, bytes, bits, false, count);
    } else if (isUnsigned(node, 3) || !isZero(node, 3)) {
      zeros = reshaped(node, codesOf(node, 3), {rows, count});
    }
  } else if (isUnsigned(node, 0) && !isBytes) {
    zeros = splat(node, -(int64_t(1) << (bits - 1)), {rows, count});
  }
  Value table =
      dequantize(node, inBlocks(node, codes, scales, zeros, bits, block),
                 node.type(2).getElementType());
  node.set(0, node.create<nn::EmbeddingOp>(node.input(1), table));
  return success();
}

//===----------------------------------------------------------------------===//
// QuantizeLinear, DequantizeLinear
//===----------------------------------------------------------------------===//

/// Integers as the floats that they are.
static Value asFloats(Node &node, int index, Type element) {
  if (!isCodes(node, index))
    return node.cast(node.input(index), element);
  Value value = node.cast(codesOf(node, index), element);
  if (!isUnsigned(node, index))
    return value;
  double offset = double(int64_t(1) << (bitsOf(node, index) - 1));
  return node.create<nn::AddOp>(value, node.scalar(offset, element));
}

/// Scales or zero points along an axis, so that they broadcast over x; null
/// after an error.
static Value alongAxis(Node &node, Value value, int64_t rank) {
  int64_t own = typeOf(value).getRank();
  if (own == 0 || typeOf(value).getNumElements() == 1)
    return reshaped(node, value, {});
  auto axis = node.axis(node.integer("axis", 1), rank);
  if (failed(axis))
    return {};
  if (own != 1) {
    node.unsupported("blocks along an axis of what is no matrix");
    return {};
  }
  SmallVector<int64_t> shape(rank, 1);
  shape[*axis] = typeOf(value).getNumElements();
  return reshaped(node, value, shape);
}

/// (x - zero) s, in floats.
static LogicalResult dequantizeFloats(Node &node) {
  Type element = node.type(1).getElementType();
  int64_t rank = shapeOf(node, 0).size();
  Value x = asFloats(node, 0, element);
  if (node.has(2) &&
      !(isCodes(node, 2) && isZero(node, 2) && !isUnsigned(node, 2))) {
    Value zero = alongAxis(node, asFloats(node, 2, element), rank);
    if (!zero)
      return failure();
    x = node.create<nn::SubOp>(x, zero);
  }
  Value scale = alongAxis(node, node.input(1), rank);
  if (!scale)
    return failure();
  node.set(0, node.create<nn::MulOp>(x, scale));
  return success();
}

/// A matrix of codes as lowbit says it: [N, C], perhaps after transposing.
static LogicalResult dequantizeMatrix(Node &node) {
  SmallVector<int64_t> shape = shapeOf(node, 0);
  int64_t bits = bitsOf(node, 0), block = node.integer("block_size", 0);
  auto axis = node.axis(node.integer("axis", 1), 2);
  if (failed(axis))
    return failure();
  bool perTensor = node.type(1).getNumElements() == 1;
  bool inBlock = node.rank(1) == 2 && !perTensor;
  SmallVector<int64_t> sizes; // of scales and zero points
  if (inBlock) {
    if (block < 1)
      return node.invalid("has block_size " + Twine(block) +
                          ", expects at least 1");
    sizes = shape;
    sizes[*axis] = llvm::divideCeil(shape[*axis], block);
  } else if (perTensor) {
    sizes = {1};
  } else {
    sizes = {shape[*axis]};
  }
  int64_t count = ShapedType::getNumElements(sizes);
  if (node.type(1).getNumElements() != count)
    return node.invalid("has " + Twine(node.type(1).getNumElements()) +
                        " scales, expects " + Twine(count));
  Value zeros;
  if (node.has(2)) {
    if (!isStored(node, 2) || isUnsigned(node, 2) != isUnsigned(node, 0) ||
        ShapedType::getNumElements(shapeOf(node, 2)) != count)
      return node.invalid("expects zero points like its codes, one a scale");
    if (isUnsigned(node, 2) || !isZero(node, 2))
      zeros = reshaped(node, codesOf(node, 2), sizes);
  } else if (isUnsigned(node, 0)) {
    zeros = splat(node, -(int64_t(1) << (bits - 1)), sizes);
  }
  Value codes = codesOf(node, 0);
  Value scales = reshaped(node, asScales(node, node.input(1)), sizes);
  // Rows of lowbit share no scale with other rows, but per tensor.
  bool turned = !perTensor && inBlock == (*axis == 0);
  auto turn = [&](Value value) {
    return value && typeOf(value).getRank() == 2 && turned
               ? node.transpose(value, {1, 0})
               : value;
  };
  Type element = node.type(1).getElementType();
  Codes all{turn(codes), turn(scales), turn(zeros), bits,
            perTensor ? Granularity::tensor : Granularity::channel};
  if (inBlock)
    all = inBlocks(node, all.codes, all.scales, all.zeros, bits, block);
  node.set(0, turn(dequantize(node, all, element)));
  return success();
}

static LogicalResult importDequantizeLinear(Node &node) {
  if (!node.has(0) || !node.has(1))
    return node.invalid("expects codes and scales");
  Type scale = node.type(1).getElementType();
  if (!isa<FloatType>(scale))
    return node.invalid("expects scales of floats");
  if (int64_t wanted = node.integer("output_dtype", 0);
      wanted != 0 &&
      elementType(node.builder().getContext(), int32_t(wanted)) != scale)
    return node.unsupported("output_dtype " + Twine(wanted));
  bool stored = isStored(node, 0);
  if (stored && shapeOf(node, 0).size() == 2 &&
      ShapedType::getNumElements(shapeOf(node, 0)) > 0)
    return dequantizeMatrix(node);
  if (stored)
    node.importer.remark(node.loc(), "codes of DequantizeLinear become floats: "
                                     "they are no matrix");
  return dequantizeFloats(node);
}

/// Scales that are known before the run. The codes are kept as the floats that
/// they are; DequantizeLinear takes them so.
static LogicalResult importQuantizeLinear(Node &node) {
  if (!node.has(0) || !node.has(1))
    return node.invalid("expects numbers and scales");
  if (!isa<FloatType>(node.type(0).getElementType()))
    return node.unsupported("input of integers");
  if (node.integer("block_size", 0) != 0)
    return node.unsupported("block_size");
  int64_t bits = 8;
  bool isSigned = false;
  if (node.has(2) && isCodes(node, 2)) {
    bits = bitsOf(node, 2);
    isSigned = !isUnsigned(node, 2);
  } else if (node.has(2) || node.integer("output_dtype", 0) != 0) {
    return node.unsupported("type of codes");
  }
  node.importer.remark(node.loc(),
                       "activations are quantized in float arithmetic: their "
                       "scales are known before the run");
  Type element = node.type(0).getElementType();
  Value scale =
      alongAxis(node, node.cast(node.input(1), element), node.rank(0));
  if (!scale)
    return failure();
  Value y = node.create<nn::DivOp>(node.input(0), scale);
  y = node.create<nn::RoundOp>(y);
  if (node.has(2) && !(isSigned && isZero(node, 2))) {
    Value zero = alongAxis(node, asFloats(node, 2, element), node.rank(0));
    if (!zero)
      return failure();
    y = node.create<nn::AddOp>(y, zero);
  }
  double least = isSigned ? -double(int64_t(1) << (bits - 1)) : 0;
  double most = least + double((int64_t(1) << bits) - 1);
  y = node.create<nn::MaximumOp>(y, node.scalar(least, element));
  y = node.create<nn::MinimumOp>(y, node.scalar(most, element));
  node.set(0, y);
  return success();
}

// clang-format off
static const OpImport table[] = {
    // domain         name                    since until   import
    {"",              "DequantizeLinear",     10,   newest, importDequantizeLinear},
    {"",              "QuantizeLinear",       10,   newest, importQuantizeLinear},
    {"com.microsoft", "DequantizeLinear",     1,    newest, importDequantizeLinear},
    {"com.microsoft", "GatherBlockQuantized", 1,    newest, importGatherBlockQuantized},
    {"com.microsoft", "MatMulNBits",          1,    newest, importMatMulNBits},
    {"com.microsoft", "QuantizeLinear",       1,    newest, importQuantizeLinear},
};
// clang-format on

const llvm::ArrayRef<OpImport> lowBitOps = table;

} // namespace qopt::onnx
