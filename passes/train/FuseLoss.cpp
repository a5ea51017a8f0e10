// Makes one op of a head and its loss.

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "qopt/dialects/lowbit/Lowbit.h"
#include "qopt/dialects/nn/Dims.h"
#include "qopt/passes/Passes.h"
#include "qopt/passes/train/Loss.h"

using namespace mlir;

namespace qopt {

#define GEN_PASS_DEF_FUSELOSS
#include "qopt/passes/Passes.h.inc"

namespace train {

nn::LinearOp headOf(Value logits) {
  auto head = logits.getDefiningOp<nn::LinearOp>();
  return head && !head.getBias() && head->hasOneUse() ? head : nullptr;
}

static ClassifierLossOp fuse(nn::CrossEntropyOp loss, Operation *head,
                             Value input, Value weight) {
  OpBuilder builder(loss);
  auto fused = ClassifierLossOp::create(
      builder, loss.getLoc(), loss.getResult().getType(), input, weight,
      loss.getTargets(), Value(), Value(), FloatAttr(), FloatAttr());
  loss.getResult().replaceAllUsesWith(fused);
  loss.erase();
  head->erase();
  return fused;
}

/// What a layer of codes multiplies, as numbers; null if nobody says what codes
/// of an input mean.
static Value inputOf(lowbit::LinearOp head) {
  if (!head.getInputScales())
    return head.getInput();
  auto rounded = head.getInput().getDefiningOp<lowbit::QuantizeOp>();
  if (!rounded || rounded.getZeros())
    return {};
  OpBuilder builder(head);
  return lowbit::DequantizeOp::create(
      builder, head.getLoc(),
      head.getInput().getType().clone(head.getType().getElementType()),
      head.getInput(), head.getInputScales(), Value(), rounded.getScheme());
}

ClassifierLossOp fuseCodes(nn::CrossEntropyOp loss) {
  auto head = loss.getLogits().getDefiningOp<lowbit::LinearOp>();
  if (!head || head.getBias() || !head->hasOneUse())
    return nullptr;
  Value input = inputOf(head);
  Type element = head.getType().getElementType();
  if (!input || getElementTypeOrSelf(input) != element)
    return nullptr;
  OpBuilder builder(head);
  Value numbers = lowbit::DequantizeOp::create(
      builder, head.getLoc(), head.getWeight().getType().clone(element),
      head.getWeight(), head.getWeightScales(), head.getZeros(),
      head.getScheme());
  return fuse(loss, head, input, numbers);
}

/// The loss of the same head, rows and targets; null if there is none.
static ClassifierLossOp lossOf(ClassifierLossGradOp gradient) {
  for (Operation *reader : gradient.getInput().getUsers())
    if (auto loss = dyn_cast<ClassifierLossOp>(reader);
        loss && loss->getBlock() == gradient->getBlock() &&
        loss->isBeforeInBlock(gradient) &&
        llvm::equal(loss.getOperands(), gradient.getOperands().drop_front()) &&
        loss.getKlAttr() == gradient.getKlAttr() &&
        loss.getCeAttr() == gradient.getCeAttr() &&
        loss.getType() == gradient.getResult().getType())
      return loss;
  return nullptr;
}

/// Sizes of what is computed from the loss are asked of the targets, which are
/// there before.
static void askTargets(ClassifierLossOp loss, func::FuncOp function) {
  nn::Dims dims(function);
  Value targets = loss.getTargets();
  if (llvm::is_contained(dims.of(targets), AffineExpr()))
    return;
  SetVector<Operation *> readers;
  getForwardSlice(loss.getOperation(), &readers);
  for (Operation *reader : readers)
    if (auto size = dyn_cast<tensor::DimOp>(reader))
      if (dims.of(size.getSource()) == dims.of(targets))
        size.getSourceMutable().assign(targets);
}

void takeLossesOfGradients(func::FuncOp function) {
  for (auto gradient : function.getOps<ClassifierLossGradOp>()) {
    ClassifierLossOp loss = lossOf(gradient);
    if (!loss)
      continue;
    askTargets(loss, function);
    SetVector<Operation *> readers;
    getForwardSlice(loss.getOperation(), &readers);
    if (readers.contains(gradient))
      continue;
    Operation *last = gradient;
    SmallVector<Operation *> early;
    for (Operation *reader = loss; reader != gradient;
         reader = reader->getNextNode())
      if (readers.contains(reader))
        early.push_back(reader);
    for (Operation *reader : early) {
      reader->moveAfter(last);
      last = reader;
    }
    loss.replaceAllUsesWith(gradient.getResult());
    loss.erase();
  }
}

} // namespace train

namespace {

struct FuseLoss final : impl::FuseLossBase<FuseLoss> {
  using FuseLossBase::FuseLossBase;

  void runOnOperation() override {
    getOperation().walk([](nn::CrossEntropyOp loss) {
      if (nn::LinearOp head = train::headOf(loss.getLogits()))
        train::fuse(loss, head, head.getInput(), head.getWeight());
    });
  }
};

} // namespace
} // namespace qopt
