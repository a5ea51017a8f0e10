// R3: rotates queries and keys alike, behind rope and before the past.

#include "qopt/passes/Passes.h"
#include "qopt/passes/rotate/Heads.h"

using namespace mlir;
using namespace qopt::nn;

namespace qopt {

#define GEN_PASS_DEF_ROTATEKEYS
#include "qopt/passes/Passes.h.inc"

namespace {

struct RotateKeys final : impl::RotateKeysBase<RotateKeys> {
  using RotateKeysBase::RotateKeysBase;

  void runOnOperation() override {
    RotationPlan plan;
    plan.pass = getArgument();
    plan.required = required;
    plan.edgesMayStay = true;
    plan.online = 2;
    plan.find = [](func::FuncOp function) {
      return findAttention(function, 0, 3);
    };
    plan.insert = [](RotationSite site, const Rotation &rotation) {
      OpBuilder builder(site.op);
      auto attention = cast<AttentionOp>(site.op);
      insertRotation(builder, attention.getQuery(), 3, rotation);
      insertRotation(builder, newPartOf(attention.getKey()), 3, rotation);
    };
    plan.refuse = [](RotationSite site, SymbolTable &) -> StringRef {
      if (isCoded(cast<AttentionOp>(site.op).getKey()))
        return "its past is rounded to codes: rotate before";
      auto half = cast<AttentionOp>(site.op)
                      .getQuery()
                      .getDefiningOp<lowbit::HadamardOp>();
      return half && half.getAxis() == 3 ? "already rotated" : "";
    };
    if (failed(rotateSites(getOperation(), plan)))
      signalPassFailure();
  }
};

} // namespace
} // namespace qopt
