// Gradients of reductions, softmax and losses.

#include "qopt/passes/train/Backward.h"

using namespace mlir;
using namespace qopt::nn;

namespace qopt::train {

/// A result of `op`, repeated along the axes that went.
static Value along(ReduceOp op, Value result, Backward &to) {
  auto type = cast<RankedTensorType>(op.getInput().getType());
  SmallVector<int64_t> shape(type.getShape());
  SmallVector<Value> sizes; // of the axes that stay
  for (int64_t axis = 0; axis < type.getRank(); ++axis)
    if (llvm::is_contained(op.getAxes(), axis))
      shape[axis] = 1;
    else if (type.isDynamicDim(axis))
      sizes.push_back(to.size(op.getInput(), axis));
  auto kept = type.clone(shape);
  if (result.getType() != kept)
    result = ReshapeOp::create(to.builder, to.loc, kept, result, sizes);
  return to.repeated(result, op.getInput());
}

/// Number of elements that became one, of the element type of x.
static Value groupSize(ReduceOp op, Backward &to) {
  Value x = op.getInput(), count;
  for (int64_t axis : op.getAxes()) {
    Value size = to.size(x, axis);
    count = count
                ? Value(arith::MulIOp::create(to.builder, to.loc, count, size))
                : size;
  }
  if (!count)
    return to.number(1, x);
  Value integer = FromIndexOp::create(
      to.builder, to.loc, RankedTensorType::get({}, to.builder.getI64Type()),
      count);
  return CastOp::create(to.builder, to.loc,
                        RankedTensorType::get({}, getElementTypeOrSelf(x)),
                        integer);
}

static LogicalResult reduce(ReduceOp op, Backward &to) {
  Value x = op.getInput(), y = op.getResult(), dy = to.of(y);
  switch (op.getKind()) {
  case Reduction::sum:
    to.add(x, along(op, dy, to));
    return success();
  case Reduction::mean:
    to.add(x, along(op, to.binary<DivOp>(dy, groupSize(op, to)), to));
    return success();
  case Reduction::max:
  case Reduction::min: {
    Value is = CompareOp::create(to.builder, to.loc, Predicate::eq, x,
                                 along(op, y, to));
    Value ones = CastOp::create(to.builder, to.loc, x.getType(), is);
    Value count = to.sum(ones, op.getAxes(), op.getKeepDims());
    Value share = along(op, to.binary<DivOp>(dy, count), to);
    to.add(x, to.mul(share, ones));
    return success();
  }
  case Reduction::prod:
    return failure();
  }
  llvm_unreachable("unknown reduction");
}

static void cumsum(CumsumOp op, Value dy, Backward &to) {
  to.add(op.getInput(),
         CumsumOp::create(to.builder, to.loc, dy.getType(), dy, op.getAxis(),
                          op.getExclusive(), !op.getReverse()));
}

static void softmax(SoftmaxOp op, Value dy, Backward &to) {
  Value y = op.getResult();
  Value mean = to.sum(to.mul(dy, y), int64_t(op.getAxis()), true);
  to.add(op.getInput(), to.mul(y, to.sub(dy, mean)));
}

static void crossEntropy(CrossEntropyOp op, Value dy, Backward &to) {
  to.add(op.getLogits(), CrossEntropyGradOp::create(
                             to.builder, to.loc, op.getLogits().getType(), dy,
                             op.getLogits(), op.getTargets()));
}

/// Codes of a frozen head and a teacher learn nothing.
static void classifierLoss(ClassifierLossOp op, Value dy, Backward &to) {
  Value weight = op.getWeight();
  Type dweight = to.wants(weight) ? weight.getType() : Type();
  auto grad = ClassifierLossGradOp::create(
      to.builder, to.loc, dy.getType(), op.getInput().getType(), dweight, dy,
      op.getInput(), weight, op.getTargets(), op.getTeacherInput(),
      op.getTeacherWeight(), op.getKlAttr(), op.getCeAttr());
  to.add(op.getInput(), grad.getDinput());
  if (dweight)
    to.add(weight, grad.getDweight());
}

/// A teacher learns nothing.
static void klDivergence(KlDivergenceOp op, Value dy, Backward &to) {
  Value student = op.getStudent();
  if (!to.wants(student))
    return;
  auto type = cast<RankedTensorType>(student.getType());
  int64_t last = type.getRank() - 1;
  auto shares = [&](Value logits) -> Value {
    return SoftmaxOp::create(to.builder, to.loc, logits.getType(), logits,
                             last);
  };
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = 1;
  Value column = ReshapeOp::create(to.builder, to.loc, type.clone(shape), dy,
                                   to.dynamicSizes(dy));
  to.add(student,
         to.mul(column, to.sub(shares(student), shares(op.getTeacher()))));
}

void addReductionRules(Rules &rules) {
  rules.add(reduce);
  rules.add(cumsum);
  rules.add(softmax);
  rules.add(crossEntropy);
  rules.add(classifierLoss);
  rules.add(klDivergence);
}

} // namespace qopt::train
