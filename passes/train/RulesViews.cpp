// Gradients of ops that move elements: they move back, sums where several came
// from one.

#include "qopt/passes/train/Backward.h"

using namespace mlir;
using namespace qopt::nn;

namespace qopt::train {

static RankedTensorType ranked(Value value) {
  return cast<RankedTensorType>(value.getType());
}

static void reshape(ReshapeOp op, Value dy, Backward &to) {
  to.add(op.getInput(), to.reshaped(dy, op.getInput()));
}

static void broadcast(BroadcastOp op, Value dy, Backward &to) {
  to.add(op.getInput(), dy); // which sums
}

static void transpose(TransposeOp op, Value dy, Backward &to) {
  SmallVector<int64_t> inverse(op.getPermutation().size());
  for (auto [i, axis] : llvm::enumerate(op.getPermutation()))
    inverse[axis] = i;
  to.add(op.getInput(), TransposeOp::create(to.builder, to.loc, dy, inverse));
}

/// Zeros like `like`, but `size` along `axis`.
static Value zerosOf(Value like, int64_t axis, Value size, Backward &to) {
  SmallVector<int64_t> shape(ranked(like).getShape());
  shape[axis] = ShapedType::kDynamic;
  SmallVector<Value> sizes;
  for (int64_t i = 0; i < int64_t(shape.size()); ++i)
    if (i == axis)
      sizes.push_back(size);
    else if (ShapedType::isDynamic(shape[i]))
      sizes.push_back(to.size(like, i));
  return BroadcastOp::create(to.builder, to.loc, ranked(like).clone(shape),
                             to.number(0, like), sizes);
}

/// Zeros before and behind.
static LogicalResult slice(SliceOp op, Backward &to) {
  if (op.getStep() != 1)
    return failure();
  Value dy = to.of(op.getResult()), x = op.getInput();
  int64_t axis = op.getAxis();
  auto minus = [&](Value a, Value b) -> Value {
    return arith::SubIOp::create(to.builder, to.loc, a, b);
  };
  Value behind =
      minus(minus(to.size(x, axis), op.getStart()), to.size(dy, axis));
  Value parts[] = {zerosOf(dy, axis, op.getStart(), to), dy,
                   zerosOf(dy, axis, behind, to)};
  to.add(x, ConcatOp::create(to.builder, to.loc, x.getType(), parts, axis));
  return success();
}

static void concat(ConcatOp op, Value dy, Backward &to) {
  int64_t axis = op.getAxis();
  Value start = arith::ConstantIndexOp::create(to.builder, to.loc, 0);
  for (Value input : op.getInputs()) {
    Value size = to.size(input, axis);
    bool isDynamic = ranked(input).isDynamicDim(axis);
    if (to.wants(input)) {
      SmallVector<int64_t> shape(ranked(dy).getShape());
      shape[axis] = ranked(input).getDimSize(axis);
      Value part = SliceOp::create(to.builder, to.loc, ranked(dy).clone(shape),
                                   dy, start, isDynamic ? size : Value(), axis);
      to.add(input, to.reshaped(part, input));
    }
    start = arith::AddIOp::create(to.builder, to.loc, start, size);
  }
}

static void triangle(TriangleOp op, Value dy, Backward &to) {
  to.add(op.getInput(), TriangleOp::create(to.builder, to.loc, dy.getType(), dy,
                                           op.getDiagonal(), op.getUpper()));
}

void addViewRules(Rules &rules) {
  rules.add(reshape);
  rules.add(broadcast);
  rules.add(transpose);
  rules.add(slice);
  rules.add(concat);
  rules.add(triangle);
}

} // namespace qopt::train
