// Verifiers of the train dialect, and the sizes of its results.

#include "qopt/dialects/train/Train.h"

#include <numeric>

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/TypeUtilities.h"
#include "qopt/dialects/nn/Verify.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qopt::train;
using qopt::nn::agree;

#include "qopt/dialects/train/TrainDialect.cpp.inc"

void TrainDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "qopt/dialects/train/TrainOps.cpp.inc"
      >();
}

using Exprs = SmallVector<AffineExpr>;
using SizesOf = function_ref<ArrayRef<AffineExpr>(Value)>;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

/// An error of `op` unless the two shapes can be equal when it runs.
static LogicalResult expectShape(Operation *op, StringRef what, Value value,
                                 ArrayRef<int64_t> shape) {
  if (shapeOf(value).size() == shape.size() && agree(shapeOf(value), shape))
    return success();
  auto error = op->emitOpError("expects ") << what << " of shape [";
  llvm::interleaveComma(shape, error, [&](int64_t size) {
    if (ShapedType::isDynamic(size))
      error << "?";
    else
      error << size;
  });
  return error << "], got " << value.getType();
}

/// `shape` with `last` as its last size.
static SmallVector<int64_t> withLast(ArrayRef<int64_t> shape, int64_t last) {
  SmallVector<int64_t> result(shape);
  result.back() = last;
  return result;
}

//===----------------------------------------------------------------------===//
// Gradients
//===----------------------------------------------------------------------===//

LogicalResult LinearWeightGradOp::verify() {
  // linear_weight_grad_c2
  int64_t N = shapeOf(getDy()).back(), C = shapeOf(getInput()).back();
  if (failed(expectShape(*this, "input", getInput(),
                         withLast(shapeOf(getDy()), C))))
    return failure();
  // linear_weight_grad_c3
  return expectShape(*this, "result", getResult(), {N, C});
}

/// A weight that lies transposed has its gradient so: with the operands
/// exchanged, nothing need be turned.
LogicalResult LinearWeightGradOp::canonicalize(LinearWeightGradOp op,
                                               PatternRewriter &rewriter) {
  auto turned = op->hasOneUse() ? dyn_cast<nn::TransposeOp>(*op->user_begin())
                                : nn::TransposeOp();
  if (!turned || turned.getPermutation() != ArrayRef<int64_t>{1, 0})
    return failure();
  rewriter.setInsertionPoint(turned);
  rewriter.replaceOpWithNewOp<LinearWeightGradOp>(turned, turned.getType(),
                                                  op.getInput(), op.getDy());
  return success();
}

LogicalResult PackedLinearGradOp::verify() {
  // packed_linear_grad_c2
  int64_t N = shapeOf(getDy()).back();
  ArrayRef<int64_t> weight = shapeOf(getWeight());
  if (failed(expectShape(*this, "weight", getWeight(), {N, weight[1]})) ||
      failed(expectShape(*this, "result", getResult(),
                         withLast(shapeOf(getDy()), weight[1]))))
    return failure();

  // packed_linear_grad_c3
  SmallVector<int64_t> scales = getScheme().getScaleShape(weight);
  if (failed(expectShape(*this, "scales", getScales(), scales)))
    return failure();

  // packed_linear_grad_c4
  if (bool(getZeros()) != getScheme().hasZeros())
    return emitOpError("expects zeros just if the scheme has zeros");
  return getZeros() ? expectShape(*this, "zeros", getZeros(), scales)
                    : success();
}

LogicalResult RmsNormGradOp::verify() {
  // rms_norm_grad_c2
  if (failed(qopt::nn::expectGain(*this, shapeOf(getInput()).back(),
                                  getGain().getType())))
    return failure();

  // rms_norm_grad_c3
  return qopt::nn::expectEps(*this, getEps());
}

LogicalResult AttentionGradOp::verify() {
  // attention_grad_c2
  ArrayRef<int64_t> q = shapeOf(getQuery()), k = shapeOf(getKey());
  ArrayRef<int64_t> v = shapeOf(getValue()); // [B, K, S, E]
  if (failed(expectShape(*this, "key", getKey(), {q[0], k[1], k[2], q[3]})) ||
      failed(
          expectShape(*this, "value", getValue(), {q[0], k[1], k[2], v[3]})) ||
      failed(expectShape(*this, "dy", getDy(), {q[0], q[1], q[2], v[3]})))
    return failure();

  // attention_grad_c3
  bool known = ShapedType::isStatic(q[1]) && ShapedType::isStatic(k[1]);
  if (k[1] == 0 || (known && q[1] % k[1] != 0))
    return emitOpError("expects query heads in groups, one for each of ")
           << k[1] << " key heads, got " << q[1];

  // attention_grad_c4
  SmallVector<int64_t> scores{q[0], q[1], q[2], k[2]};
  if (getMask()) {
    ArrayRef<int64_t> mask = shapeOf(getMask());
    bool fits = mask.size() <= 4;
    for (auto [a, b] : llvm::zip(llvm::reverse(mask), llvm::reverse(scores)))
      fits = fits && (a == 1 || agree(a, b));
    if (!fits)
      return emitOpError("expects a mask of queries and keys, got ")
             << getMask().getType();
  }
  if (getKeyMask() &&
      failed(expectShape(*this, "key_mask", getKeyMask(), {q[0], k[2]})))
    return failure();

  // attention_grad_c5
  if (!getScale().isFinite())
    return emitOpError("expects a finite scale");
  return success();
}

LogicalResult EmbeddingGradOp::verify() {
  // embedding_grad_c2
  if (failed(expectShape(*this, "ids", getIds(), shapeOf(getDy()).drop_back())))
    return failure();
  // embedding_grad_c3
  return expectShape(*this, "result", getResult(),
                     {shapeOf(getResult())[0], shapeOf(getDy()).back()});
}

LogicalResult CrossEntropyGradOp::verify() {
  // cross_entropy_grad_c2
  ArrayRef<int64_t> rows = shapeOf(getLogits()).drop_back();
  if (failed(expectShape(*this, "targets", getTargets(), rows)))
    return failure();
  return expectShape(*this, "dy", getDy(), rows);
}

/// A weight of C columns, and a target and `each` for every row of `input`; of
/// a teacher, rows of its own.
template <typename Op>
static LogicalResult verifyClassifier(Op op, StringRef what, Value each) {
  Value input = op.getInput(), weight = op.getWeight();
  // classifier_loss_c2, classifier_loss_grad_c2
  ArrayRef<int64_t> rows = shapeOf(input).drop_back();
  int64_t words = shapeOf(weight)[0];
  if (failed(expectShape(op, "weight", weight, {words, shapeOf(input).back()})))
    return failure();
  // classifier_loss_c3, classifier_loss_grad_c3
  if (failed(expectShape(op, "targets", op.getTargets(), rows)) ||
      failed(expectShape(op, what, each, rows)))
    return failure();
  Value teacher = op.getTeacherInput(), table = op.getTeacherWeight();
  if (!teacher)
    return success();
  // classifier_loss_c4, classifier_loss_grad_c4
  int64_t depth = shapeOf(teacher).back();
  if (failed(expectShape(op, "teacher_weight", table, {words, depth})) ||
      failed(expectShape(op, "teacher_input", teacher,
                         withLast(shapeOf(input), depth))))
    return failure();
  // classifier_loss_c5, classifier_loss_grad_c5
  for (APFloat factor : {*op.getKl(), *op.getCe()})
    if (!factor.isFinite() || factor.isNegative())
      return op.emitOpError("expects kl and ce that are finite and not "
                            "negative, got ")
             << factor.convertToDouble();
  return success();
}

LogicalResult ClassifierLossOp::verify() {
  return verifyClassifier(*this, "result", getResult());
}

LogicalResult ClassifierLossGradOp::verify() {
  // classifier_loss_grad_c2
  if (getDweight() && getDweight().getType() != getWeight().getType())
    return emitOpError("expects dweight of type ")
           << getWeight().getType() << ", got " << getDweight().getType();
  return verifyClassifier(*this, "dy", getDy());
}

Exprs ClassifierLossOp::getResultSizes(unsigned, SizesOf sizesOf) {
  return Exprs(sizesOf(getInput()).drop_back());
}
Exprs ClassifierLossGradOp::getResultSizes(unsigned result, SizesOf sizesOf) {
  return Exprs(sizesOf(result == 0   ? Value(getDy())
                       : result == 1 ? Value(getInput())
                                     : Value(getWeight())));
}
Exprs LinearWeightGradOp::getResultSizes(unsigned, SizesOf) {
  return Exprs(2); // static
}
Exprs PackedLinearGradOp::getResultSizes(unsigned, SizesOf sizesOf) {
  Exprs sizes(sizesOf(getDy()));
  sizes.back() = getAffineConstantExpr(shapeOf(getWeight())[1], getContext());
  return sizes;
}
Exprs RmsNormGradOp::getResultSizes(unsigned result, SizesOf sizesOf) {
  return Exprs(sizesOf(result == 0 ? Value(getInput()) : Value(getGain())));
}
Exprs SwigluGradOp::getResultSizes(unsigned, SizesOf sizesOf) {
  return Exprs(sizesOf(getGate()));
}
Exprs AttentionGradOp::getResultSizes(unsigned result, SizesOf sizesOf) {
  return Exprs(sizesOf(getOperand(1 + result))); // query, key, value
}
Exprs EmbeddingGradOp::getResultSizes(unsigned, SizesOf) {
  return Exprs(2); // static
}
Exprs RecomputeOp::getResultSizes(unsigned, SizesOf sizesOf) {
  return Exprs(sizesOf(getInput()));
}
Exprs CrossEntropyGradOp::getResultSizes(unsigned, SizesOf sizesOf) {
  return Exprs(sizesOf(getLogits()));
}

//===----------------------------------------------------------------------===//
// Choices
//===----------------------------------------------------------------------===//

LogicalResult ChooseOp::verify() {
  // choose_c1
  int64_t layers = shapeOf(getLambda())[0], layer = getLayer();
  if (layer < 0 || layer >= layers)
    return emitOpError("expects a layer of the ")
           << layers << " that lambda has, got " << layer;
  return success();
}

Exprs ChooseOp::getResultSizes(unsigned, SizesOf sizesOf) {
  return Exprs(sizesOf(getNone()));
}

//===----------------------------------------------------------------------===//
// Optimizers and their states
//===----------------------------------------------------------------------===//

LogicalResult ClipNormOp::verify() {
  // clip_norm_c1
  if (getGradients().empty())
    return emitOpError("expects at least one gradient");
  return success();
}

LogicalResult MuonOp::verify() {
  // muon_c3
  if (getAxis() != 0 && getAxis() != 1)
    return emitOpError("expects axis 0 or 1, got ") << getAxis();
  int64_t size = getParameter().getType().getDimSize(getAxis());
  ArrayRef<int64_t> splits = getSplits().value_or(size);
  if (!llvm::all_of(splits, [&](int64_t n) { return n > 0 && n <= size; }) ||
      std::accumulate(splits.begin(), splits.end(), int64_t(0)) != size)
    return emitOpError("expects positive splits that sum to ")
           << size << ", got [" << splits << "]";
  return success();
}

/// Codes like `state`, and a scale for each of its blocks.
static LogicalResult verifyState(Operation *op, Value state, Value codes,
                                 Value scales) {
  // encode_state_c2, decode_state_c2
  if (failed(expectShape(op, "codes", codes, shapeOf(state))))
    return failure();
  // encode_state_c3, decode_state_c3
  int64_t elements = ShapedType::getNumElements(shapeOf(state));
  return expectShape(op, "scales", scales,
                     {int64_t(llvm::divideCeil(elements, 256))});
}

LogicalResult EncodeStateOp::verify() {
  return verifyState(*this, getInput(), getCodes(), getScales());
}

LogicalResult DecodeStateOp::verify() {
  return verifyState(*this, getResult(), getCodes(), getScales());
}

LogicalResult StochasticRoundOp::verify() {
  // stochastic_round_c2
  return expectShape(*this, "result", getResult(), shapeOf(getInput()));
}

#define GET_OP_CLASSES
#include "qopt/dialects/train/TrainOps.cpp.inc"
