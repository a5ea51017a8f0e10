// Moves the gain of a norm into the weights of the layers that read it.
//
// y = (norm(x) * g) W^T = norm(x) (W diag(g))^T. What is left is a norm without
// a gain, which does not see a rotation of its input. Folding changes the codes
// of a weight that is quantized, so it comes before.

#include "mlir/IR/Remarks.h"
#include "qopt/passes/Passes.h"
#include "qopt/passes/Weights.h"

using namespace mlir;
using namespace qopt::nn;

namespace qopt {

#define GEN_PASS_DEF_FOLDNORMSCALES
#include "qopt/passes/Passes.h.inc"

/// The weight that multiplies the channels of `use`; null if there is none.
static OpOperand *weightOf(OpOperand &use) {
  if (auto linear = dyn_cast<LinearOp>(use.getOwner()))
    if (&use == &linear.getInputMutable())
      return &linear.getWeightMutable();
  if (auto lora = dyn_cast<lowbit::LoraLinearOp>(use.getOwner()))
    if (&use == &lora.getInputMutable())
      return &lora.getAMutable();
  return nullptr;
}

/// A reason why the gain must stay, with the reader that is it.
static StringRef refusal(RmsNormOp norm, SymbolTable &symbols,
                         bool forceTernary, Operation *&reader) {
  reader = norm;
  if (!isWeight(norm.getGain(), symbols))
    return "its gain is not a parameter";
  if (norm->use_empty())
    return "nothing reads it";
  for (OpOperand &use : norm->getUses()) {
    reader = use.getOwner();
    OpOperand *weight = weightOf(use);
    if (!weight)
      return "a reader is no linear layer on numbers";
    if (!isWeight(weight->get(), symbols))
      return "a reader's weight is not a parameter";
    if (isTied(weight->get(), symbols))
      return "a reader shares its table with the embedding: untie it first";
    if (isQuantized(weight->get()) && !forceTernary)
      return "a reader's weight is rounded to codes, which the gain would "
             "change";
  }
  return "";
}

/// W * g, below what rounds W to codes.
static void foldInto(OpOperand &weight, Value gain) {
  OpOperand *place = &weight;
  while (isQuantized(place->get()))
    place = &place->get().getDefiningOp()->getOpOperand(0);
  OpBuilder builder(place->getOwner());
  Location loc = place->getOwner()->getLoc();
  place->set(
      changeWeight(builder, loc, place->get(), [&](Value value) -> Value {
        auto type = cast<RankedTensorType>(value.getType());
        auto narrow = cast<RankedTensorType>(gain.getType());
        Value factor = gain;
        if (narrow.getElementType() != type.getElementType())
          factor = CastOp::create(builder, loc,
                                  narrow.clone(type.getElementType()), gain);
        return MulOp::create(builder, loc, value, factor);
      }));
}

namespace {

struct FoldNormScales final : impl::FoldNormScalesBase<FoldNormScales> {
  using FoldNormScalesBase::FoldNormScalesBase;

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    auto remarkNamed = [](StringRef name) {
      return remark::RemarkOpts::name(name).category("qopt-fold-norm-scales");
    };
    getOperation().walk([&](RmsNormOp norm) {
      if (!norm.getGain())
        return;
      Operation *reader;
      StringRef reason = refusal(norm, symbols, forceTernary, reader);
      if (!reason.empty()) {
        remark::missed(reader->getLoc(), remarkNamed("kept")) << reason;
        return;
      }
      for (OpOperand &use : norm->getUses())
        foldInto(*weightOf(use), norm.getGain());
      norm.getGainMutable().clear();
      remark::passed(norm.getLoc(), remarkNamed("folded")) << "exact";
    });
  }
};

} // namespace
} // namespace qopt
