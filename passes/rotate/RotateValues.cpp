// R2: rotates the values of every head, between v and o.

#include "qopt/passes/Passes.h"
#include "qopt/passes/rotate/Heads.h"

using namespace mlir;
using namespace qopt::nn;

namespace qopt {

#define GEN_PASS_DEF_ROTATEVALUES
#include "qopt/passes/Passes.h.inc"

/// The weight that values are computed with; null if something else makes
/// them.
static Value weightOfValues(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (auto linear = dyn_cast<LinearOp>(op))
      return linear.getWeight();
    if (!isa<BroadcastOp, CastOp, ReshapeOp, SliceOp, TransposeOp>(op))
      break;
    value = op->getOperand(0);
  }
  return Value();
}

namespace {

struct RotateValues final : impl::RotateValuesBase<RotateValues> {
  using RotateValuesBase::RotateValuesBase;

  void runOnOperation() override {
    RotationPlan plan;
    plan.pass = getArgument();
    plan.seed = seed;
    plan.required = required;
    plan.edgesMayStay = true;
    plan.find = [](func::FuncOp function) {
      return findAttention(function, 2, 3);
    };
    plan.insert = [](RotationSite site, const Rotation &rotation) {
      OpBuilder builder(site.op);
      insertRotation(builder, newPartOf(cast<AttentionOp>(site.op).getValue()),
                     3, rotation);
    };
    plan.refuse = [&](RotationSite site, SymbolTable &) -> StringRef {
      if (isCoded(cast<AttentionOp>(site.op).getValue()))
        return "its past is rounded to codes: rotate before";
      Value weight =
          weightOfValues(newPartOf(cast<AttentionOp>(site.op).getValue()));
      int64_t size = sizeOf(chooseRotation(site.size, seed));
      return weight && isRotated(weight, 0, size) ? "already rotated" : "";
    };
    if (failed(rotateSites(getOperation(), plan)))
      signalPassFailure();
  }
};

} // namespace
} // namespace qopt
