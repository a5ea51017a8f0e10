// Losses that a teacher has a say in (LREC of INT2.1, arXiv:2306.08162).
//
//   loss = ce-weight * cross_entropy(z, target) + kl-weight * KL(teacher || z)
//
// for each target; both are means over targets in the end, without temperature.

#include "qopt/passes/train/Distillation.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"
#include "qopt/dialects/nn/Nn.h"
#include "qopt/dialects/train/Train.h"

using namespace mlir;

namespace qopt::train {

Operation *Distillation::withLogits(Operation *loss) const {
  auto fused = dyn_cast<ClassifierLossOp>(loss);
  if (!teacher || !fused)
    return loss;
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

Value Distillation::lossOf(OpBuilder &b, Operation *loss) const {
  if (!teacher)
    return loss->getResult(0);
  Location loc = loss->getLoc();
  auto entropy = cast<nn::CrossEntropyOp>(loss);
  Value student = entropy.getLogits();
  Value wanted = addTeacher(loss->getParentOfType<func::FuncOp>(), teacher);
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

} // namespace qopt::train
