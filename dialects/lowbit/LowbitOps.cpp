// Verifiers of the lowbit ops, and the sizes of what they give.

#include "qopt/dialects/lowbit/Lowbit.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/TypeUtilities.h"
#include "qopt/dialects/lowbit/Hadamard.h"

#include "llvm/ADT/StringExtras.h"

#include <numeric>

using namespace mlir;
using namespace qopt;
using namespace qopt::lowbit;

using SizesOf = function_ref<ArrayRef<AffineExpr>(Value)>;

//===----------------------------------------------------------------------===//
// What scales must look like
//===----------------------------------------------------------------------===//

/// "4, ?, 8"
static std::string shapeText(ArrayRef<int64_t> shape) {
  return llvm::join(llvm::map_range(shape,
                                    [](int64_t size) {
                                      return ShapedType::isDynamic(size)
                                                 ? std::string("?")
                                                 : std::to_string(size);
                                    }),
                    ", ");
}

static LogicalResult verifyGroup(Operation *op, SchemeAttr scheme,
                                 int64_t channels) {
  if (channels % scheme.getGroupSize(channels) == 0)
    return success();
  return op->emitOpError("expects a group that divides ")
         << channels << " channels, got " << scheme.getGroup();
}

/// Scales, and zeros where the scheme has some, for codes of `codes`' shape.
static LogicalResult verifyScales(Operation *op, SchemeAttr scheme,
                                  RankedTensorType codes, Value scales,
                                  Value zeros) {
  if (failed(verifyGroup(op, scheme, codes.getShape().back())))
    return failure();
  SmallVector<int64_t> shape = scheme.getScaleShape(codes.getShape());
  auto check = [&](Value value, StringRef name) -> LogicalResult {
    auto type = cast<RankedTensorType>(value.getType());
    if (succeeded(verifyCompatibleShape(shape, type.getShape())))
      return success();
    return op->emitOpError("expects ")
           << name << " of shape [" << shapeText(shape) << "], got " << type;
  };
  if (failed(check(scales, "scales")))
    return failure();
  if (getElementTypeOrSelf(scales) != scheme.getScaleType())
    return op->emitOpError("expects scales of ")
           << scheme.getScaleType() << ", got " << scales.getType();
  if (bool(zeros) != scheme.hasZeros())
    return op->emitOpError(scheme.hasZeros()
                               ? "expects zeros, which its scheme has"
                               : "expects no zeros, its scheme has none");
  return zeros ? check(zeros, "zeros") : success();
}

static LogicalResult verifySameShape(Operation *op, StringRef name, Value value,
                                     ArrayRef<int64_t> shape) {
  auto type = cast<RankedTensorType>(value.getType());
  if (succeeded(verifyCompatibleShape(type.getShape(), shape)))
    return success();
  return op->emitOpError("expects ")
         << name << " of shape [" << shapeText(shape) << "], got " << type;
}

static SmallVector<AffineExpr> scaleSizes(Operation *op, SchemeAttr scheme,
                                          ArrayRef<AffineExpr> codes) {
  AffineExpr one = getAffineConstantExpr(1, op->getContext());
  AffineExpr channels = codes.back();
  return scheme.getScaleSizes<AffineExpr>(
      codes, one,
      scheme.getPer() == Granularity::group
          ? channels.floorDiv(scheme.getGroup())
          : one);
}

//===----------------------------------------------------------------------===//
// QuantizeOp, DequantizeOp, FakeQuantizeOp
//===----------------------------------------------------------------------===//

void QuantizeOp::build(OpBuilder &builder, OperationState &state, Value input,
                       SchemeAttr scheme) {
  auto type = cast<RankedTensorType>(input.getType());
  SmallVector<int64_t> shape = scheme.getScaleShape(type.getShape());
  Type zeros;
  if (scheme.hasZeros())
    zeros = RankedTensorType::get(shape, builder.getI8Type());
  build(builder, state, type.clone(builder.getI8Type()),
        RankedTensorType::get(shape, scheme.getScaleType()), zeros, input,
        scheme);
}

LogicalResult QuantizeOp::verify() {
  // quantize_c2
  if (failed(verifySameShape(*this, "codes", getCodes(),
                             getInput().getType().getShape())))
    return failure();
  // quantize_c3, quantize_c4, quantize_c5
  return verifyScales(*this, getScheme(), getInput().getType(), getScales(),
                      getZeros());
}

SmallVector<AffineExpr> QuantizeOp::getResultSizes(unsigned result,
                                                   SizesOf sizesOf) {
  ArrayRef<AffineExpr> input = sizesOf(getInput());
  return result == 0 ? SmallVector<AffineExpr>(input)
                     : scaleSizes(*this, getScheme(), input);
}

LogicalResult DequantizeOp::verify() {
  // dequantize_c2
  if (failed(verifySameShape(*this, "result", getResult(),
                             getCodes().getType().getShape())))
    return failure();
  // dequantize_c3, dequantize_c4, dequantize_c5
  return verifyScales(*this, getScheme(), getCodes().getType(), getScales(),
                      getZeros());
}

SmallVector<AffineExpr> DequantizeOp::getResultSizes(unsigned,
                                                     SizesOf sizesOf) {
  return SmallVector<AffineExpr>(sizesOf(getCodes()));
}

LogicalResult FakeQuantizeOp::verify() {
  // fake_quantize_c2
  return verifyGroup(*this, getScheme(),
                     getInput().getType().getShape().back());
}

SmallVector<AffineExpr> FakeQuantizeOp::getResultSizes(unsigned,
                                                       SizesOf sizesOf) {
  return SmallVector<AffineExpr>(sizesOf(getInput()));
}

/// The type of lambda is always the same: it is not written.
static ParseResult
parseLambdaType(OpAsmParser &parser,
                const std::optional<OpAsmParser::UnresolvedOperand> &lambda,
                Type &type) {
  if (lambda)
    type = RankedTensorType::get({}, parser.getBuilder().getF32Type());
  return success();
}

static void printLambdaType(OpAsmPrinter &, Operation *, Value, Type) {}

//===----------------------------------------------------------------------===//
// PackOp, UnpackOp
//===----------------------------------------------------------------------===//

/// The numbers of `codes` and the bytes that hold them.
static LogicalResult verifyPacking(Operation *op, int64_t bits, int64_t offset,
                                   Value codes, Value bytes) {
  // pack_c1, unpack_c1
  if (bits < 1 || bits > 8 || offset < 0 || offset > 255)
    return op->emitOpError(
               "expects 1 to 8 bits and an offset of 0 to 255, got ")
           << bits << " and " << offset;
  // pack_c2, unpack_c2
  auto type = cast<RankedTensorType>(codes.getType());
  int64_t columns = llvm::divideCeil(type.getDimSize(1) * bits, 8);
  return verifySameShape(op, "bytes", bytes, {type.getDimSize(0), columns});
}

LogicalResult PackOp::verify() {
  return verifyPacking(*this, getBits(), getOffset(), getInput(), getResult());
}

LogicalResult UnpackOp::verify() {
  return verifyPacking(*this, getBits(), getOffset(), getResult(), getInput());
}

//===----------------------------------------------------------------------===//
// HadamardOp
//===----------------------------------------------------------------------===//

LogicalResult HadamardOp::verify() {
  // hadamard_c1
  auto type = cast<RankedTensorType>(getInput().getType());
  int64_t axis = getAxis();
  if (axis < 0 || axis >= type.getRank() || type.isDynamicDim(axis))
    return emitOpError("expects a static axis of ") << type << ", got " << axis;
  // hadamard_c2
  int64_t product = 1, size = type.getDimSize(axis);
  for (int64_t order : getOrders()) {
    if (!hasHadamard(order))
      return emitOpError("expects orders that are powers of two or have a "
                         "Paley matrix, got ")
             << order;
    if (llvm::MulOverflow(product, order, product))
      return emitOpError("expects orders whose product is a size");
  }
  // hadamard_c3
  if (size % product != 0)
    return emitOpError("expects orders whose product divides ")
           << size << ", got " << product;
  return success();
}

SmallVector<AffineExpr> HadamardOp::getResultSizes(unsigned, SizesOf sizesOf) {
  return SmallVector<AffineExpr>(sizesOf(getInput()));
}

//===----------------------------------------------------------------------===//
// LinearOp, EmbeddingOp, LoraLinearOp
//===----------------------------------------------------------------------===//

LogicalResult LinearOp::verify() {
  // linear_c1
  auto type = cast<RankedTensorType>(getInput().getType());
  if (type.getRank() == 0 || type.isDynamicDim(type.getRank() - 1) ||
      type.getShape().back() == 0)
    return emitOpError("expects input with a static last dimension, got ")
           << type;
  bool codes = type.getElementType().isInteger(8);
  if (codes != bool(getInputScales()))
    return emitOpError(codes
                           ? "expects input_scales for an input of codes"
                           : "expects no input_scales for an input of numbers");
  // linear_c2
  int64_t channels = type.getShape().back();
  if (codes && failed(verifySameShape(*this, "input_scales", getInputScales(),
                                      type.getShape().drop_back())))
    return failure();
  // linear_c3
  RankedTensorType weight = getWeight().getType();
  if (weight.getDimSize(1) != channels)
    return emitOpError("expects weight to have one column per channel (")
           << channels << "), got " << weight;
  // linear_c4, linear_c5
  if (failed(verifyScales(*this, getScheme(), weight, getWeightScales(),
                          getZeros())))
    return failure();
  // linear_c6
  int64_t outputs = weight.getDimSize(0);
  if (getBias() && getBias().getType().getDimSize(0) != outputs)
    return emitOpError("expects bias to have one element per row of weight (")
           << outputs << "), got " << getBias().getType();
  // linear_c7
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = outputs;
  if (failed(verifySameShape(*this, "result", getResult(), shape)))
    return failure();
  // linear_c8
  ArrayRef<int64_t> whole = weight.getShape().take_front();
  ArrayRef<int64_t> splits = getSplits().value_or(whole);
  if (llvm::any_of(splits, [](int64_t rows) { return rows <= 0; }) ||
      std::accumulate(splits.begin(), splits.end(), int64_t(0)) != outputs)
    return emitOpError("expects positive splits that sum to ")
           << outputs << ", got [" << splits << "]";
  // linear_c9
  if (codes && channels > 131071)
    return emitOpError("expects at most 131071 channels of codes, got ")
           << channels;
  return success();
}

SmallVector<AffineExpr> LinearOp::getResultSizes(unsigned, SizesOf sizesOf) {
  SmallVector<AffineExpr> sizes(sizesOf(getInput()));
  sizes.back() =
      getAffineConstantExpr(getWeight().getType().getDimSize(0), getContext());
  return sizes;
}

using Operand = std::optional<OpAsmParser::UnresolvedOperand>;

static ParseResult parseLinearTypes(OpAsmParser &parser,
                                    const Operand &inputScales,
                                    const Operand &zeros, const Operand &bias,
                                    Type &input, Type &inputScalesType,
                                    Type &weight, Type &weightScales,
                                    Type &zerosType, Type &biasType) {
  auto next = [&](Type &type) -> ParseResult {
    return failure(parser.parseComma() || parser.parseType(type));
  };
  return failure(parser.parseType(input) ||
                 (inputScales && next(inputScalesType)) || next(weight) ||
                 next(weightScales) || (zeros && next(zerosType)) ||
                 (bias && next(biasType)));
}

static void printLinearTypes(OpAsmPrinter &printer, Operation *, Value, Value,
                             Value, Type input, Type inputScales, Type weight,
                             Type weightScales, Type zeros, Type bias) {
  printer << input;
  for (Type type : {inputScales, weight, weightScales, zeros, bias})
    if (type)
      printer << ", " << type;
}

LogicalResult EmbeddingOp::verify() {
  // embedding_c1, embedding_c2
  if (failed(verifyScales(*this, getScheme(), getTable().getType(), getScales(),
                          getZeros())))
    return failure();
  // embedding_c3
  SmallVector<int64_t> shape(
      cast<RankedTensorType>(getIds().getType()).getShape());
  shape.push_back(getTable().getType().getDimSize(1));
  return verifySameShape(*this, "result", getResult(), shape);
}

SmallVector<AffineExpr> EmbeddingOp::getResultSizes(unsigned, SizesOf sizesOf) {
  SmallVector<AffineExpr> sizes(sizesOf(getIds()));
  sizes.push_back(
      getAffineConstantExpr(getTable().getType().getDimSize(1), getContext()));
  return sizes;
}

LogicalResult LoraLinearOp::verify() {
  // lora_linear_c2
  int64_t channels = getInput().getType().getShape().back();
  ArrayRef<int64_t> a = getA().getType().getShape(); // [R, C]
  ArrayRef<int64_t> b = getB().getType().getShape(); // [N, R]
  if (a[1] != channels || b[1] != a[0])
    return emitOpError("expects a of shape [R, ")
           << channels << "] and b of shape [N, R], got " << getA().getType()
           << " and " << getB().getType();
  // lora_linear_c3
  SmallVector<int64_t> shape(getInput().getType().getShape());
  shape.back() = b[0];
  if (failed(verifySameShape(*this, "base", getBase(), shape)))
    return failure();
  // lora_linear_c4
  if (!getScale().isFinite())
    return emitOpError("expects a finite scale, got ")
           << getScale().convertToDouble();
  return success();
}

SmallVector<AffineExpr> LoraLinearOp::getResultSizes(unsigned,
                                                     SizesOf sizesOf) {
  return SmallVector<AffineExpr>(sizesOf(getBase()));
}

#define GET_OP_CLASSES
#include "qopt/dialects/lowbit/LowbitOps.cpp.inc"
