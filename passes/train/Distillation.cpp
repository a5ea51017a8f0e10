// Losses that a teacher has a say in (LREC of INT2.1, arXiv:2306.08162).
//
//   loss = ce-weight * cross_entropy(z, target) + kl-weight * KL(teacher || z)
//
// for each target; both are means over targets in the end, without temperature.
// Both heads become one op with the loss, so that the logits of all tokens are
// never there, neither the student's nor the teacher's.

#include "qopt/passes/train/Distillation.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"
#include "qopt/passes/train/Loss.h"

using namespace mlir;

namespace qopt::train {

/// A loss whose logits are there.
static nn::CrossEntropyOp withLogits(Operation *loss) {
  auto fused = dyn_cast<ClassifierLossOp>(loss);
  if (!fused)
    return cast<nn::CrossEntropyOp>(loss);
  OpBuilder b(fused);
  Location loc = fused.getLoc();
  RankedTensorType input = fused.getInput().getType();
  SmallVector<int64_t> shape(input.getShape());
  shape.back() = fused.getWeight().getType().getDimSize(0);
  Value logits =
      nn::LinearOp::create(b, loc, input.clone(shape), fused.getInput(),
                           fused.getWeight(), Value(), DenseI64ArrayAttr());
  auto apart = nn::CrossEntropyOp::create(b, loc, fused.getResult().getType(),
                                          logits, fused.getTargets());
  fused.replaceAllUsesWith(apart.getResult());
  fused.erase();
  return apart;
}

static BlockArgument idsOf(func::FuncOp function) {
  for (BlockArgument argument : function.getArguments()) {
    auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                      nn::NnDialect::nameAttr);
    if (name && name.getValue() == "input_ids")
      return argument;
  }
  return function.getArgument(0);
}

/// The teacher's logits, computed at the start of `function`.
static Value addTeacher(func::FuncOp function, func::FuncOp teacher) {
  OpBuilder b = OpBuilder::atBlockBegin(&function.front());
  IRMapping mapping;
  mapping.map(teacher.getArgument(0), idsOf(function));
  for (Operation &op : teacher.front().without_terminator())
    b.clone(op, mapping);
  return mapping.lookup(teacher.front().getTerminator()->getOperand(0));
}

Value Distillation::apart(OpBuilder &b, Operation *loss, Value wanted) const {
  Location loc = loss->getLoc();
  nn::CrossEntropyOp entropy = withLogits(loss);
  Value student = entropy.getLogits();
  if (wanted.getType() != student.getType())
    wanted = nn::CastOp::create(b, loc, student.getType(), wanted);
  Value divergence = nn::KlDivergenceOp::create(b, loc, student, wanted);
  auto weighted = [&](Value x, double by) -> Value {
    Type element = getElementTypeOrSelf(x);
    Value number = arith::ConstantOp::create(
        b, loc,
        DenseElementsAttr::get(RankedTensorType::get({}, element),
                               b.getFloatAttr(element, by)));
    return nn::MulOp::create(b, loc, x, number);
  };
  return nn::AddOp::create(b, loc, weighted(entropy.getResult(), ceWeight),
                           weighted(divergence, klWeight));
}

bool Distillation::isFused(Type element) const {
  if (!teacher)
    return true;
  Block &body = func::FuncOp(teacher).front();
  Value logits = body.getTerminator()->getOperand(0);
  return headOf(logits) && getElementTypeOrSelf(logits) == element;
}

Value Distillation::lossOf(OpBuilder &b, Operation *loss) const {
  if (!teacher)
    return loss->getResult(0);
  Value wanted = addTeacher(loss->getParentOfType<func::FuncOp>(), teacher);
  auto student = dyn_cast<ClassifierLossOp>(loss);
  if (!student || !isFused(student.getInput().getType().getElementType()))
    return apart(b, loss, wanted);
  auto head = wanted.getDefiningOp<nn::LinearOp>();
  auto fused = ClassifierLossOp::create(
      b, loss->getLoc(), student.getType(), student.getInput(),
      student.getWeight(), student.getTargets(), head.getInput(),
      head.getWeight(), b.getF64FloatAttr(klWeight),
      b.getF64FloatAttr(ceWeight));
  student.replaceAllUsesWith(fused.getResult());
  student.erase();
  head.erase();
  return fused;
}

} // namespace qopt::train
