// Gradients of what is quantized: straight through, with the numbers that the
// forward pass multiplied.

#include "qopt/passes/train/Backward.h"

using namespace mlir;
using namespace qopt::lowbit;

namespace qopt::train {

/// The same for every lambda, without a clip mask.
static void fakeQuantize(FakeQuantizeOp op, Value dy, Backward &to) {
  to.add(op.getInput(), dy);
}

static void hadamard(HadamardOp op, Value dy, Backward &to) {
  to.add(op.getInput(),
         HadamardOp::create(to.builder, to.loc, op.getType(), dy, op.getAxis(),
                            op.getOrders(), op.getSeedAttr(),
                            !op.getTransposed()));
}

/// Adds the gradient of numbers that were rounded to `codes` before; nothing
/// goes into their scales.
static LogicalResult addThrough(Value codes, Value dx, Backward &to) {
  auto quantize = codes.getDefiningOp<QuantizeOp>();
  if (!quantize)
    return failure();
  Value input = quantize.getInput();
  if (getElementTypeOrSelf(dx) != getElementTypeOrSelf(input))
    dx = nn::CastOp::create(to.builder, to.loc, input.getType(), dx);
  to.add(input, dx);
  return success();
}

static LogicalResult dequantize(DequantizeOp op, Backward &to) {
  return addThrough(op.getCodes(), to.of(op.getResult()), to);
}

static LogicalResult linear(LinearOp op, Backward &to) {
  Value dy = to.of(op.getResult()), input = op.getInput();
  if (to.wants(op.getWeight()) || to.wants(op.getWeightScales()))
    return failure(); // codes are frozen
  if (op.getBias() && to.wants(op.getBias()))
    to.add(op.getBias(), to.sum(dy, llvm::to_vector(llvm::seq<int64_t>(
                                        op.getType().getRank() - 1))));
  if (!to.wants(input))
    return success();
  auto type = cast<RankedTensorType>(input.getType());
  Value dx = PackedLinearGradOp::create(
      to.builder, to.loc, type.clone(op.getType().getElementType()), dy,
      op.getWeight(), op.getWeightScales(), op.getZeros(), op.getScheme());
  if (op.getInputScales())
    return addThrough(input, dx, to);
  if (type.getElementType() != op.getType().getElementType())
    dx = nn::CastOp::create(to.builder, to.loc, type, dx);
  to.add(input, dx);
  return success();
}

static void loraLinear(LoraLinearOp op, Value dy, Backward &to) {
  Value x = op.getInput(), a = op.getA(), b = op.getB();
  double scale = op.getScale().convertToDouble();
  to.add(op.getBase(), dy);
  if (to.wants(b))
    to.add(b,
           to.scaled(to.weightGrad(dy, to.linear(x, a), b.getType()), scale));
  if (!to.wants(a) && !to.wants(x))
    return;
  Value du = to.scaled(to.linear(dy, to.transposed(b)), scale);
  if (to.wants(a))
    to.add(a, to.weightGrad(du, x, a.getType()));
  if (to.wants(x))
    to.add(x, to.linear(du, to.transposed(a)));
}

void addLowbitRules(Rules &rules) {
  rules.add(fakeQuantize);
  rules.add(hadamard);
  rules.add(dequantize);
  rules.add(linear);
  rules.add(loraLinear);
}

} // namespace qopt::train
