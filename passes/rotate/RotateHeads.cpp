// Rotates the heads among each other, before the layer that joins them.

#include "qopt/passes/Passes.h"
#include "qopt/passes/rotate/Heads.h"

using namespace mlir;
using namespace qopt::nn;

namespace qopt {

#define GEN_PASS_DEF_ROTATEHEADS
#include "qopt/passes/Passes.h.inc"

/// The heads of each token side by side, [B, T, H, D]; null if they are not
/// brought there.
static Value headsOf(AttentionOp attention) {
  if (!attention->hasOneUse())
    return Value();
  auto transpose = dyn_cast<TransposeOp>(*attention->user_begin());
  static constexpr int64_t permutation[] = {0, 2, 1, 3};
  return transpose && transpose.getPermutation() == ArrayRef(permutation)
             ? transpose.getResult()
             : Value();
}

static bool isTurned(Value heads) {
  return llvm::any_of(heads.getUsers(), [](Operation *user) {
    auto half = dyn_cast<lowbit::HadamardOp>(user);
    return half && half.getAxis() == 2;
  });
}

namespace {

struct RotateHeads final : impl::RotateHeadsBase<RotateHeads> {
  using RotateHeadsBase::RotateHeadsBase;

  void runOnOperation() override {
    RotationPlan plan;
    plan.pass = getArgument();
    plan.required = required;
    plan.online = 1;
    plan.find = [](func::FuncOp function) {
      return findAttention(function, 0, 1);
    };
    plan.insert = [](RotationSite site, const Rotation &rotation) {
      OpBuilder builder(site.op);
      insertRotation(builder, headsOf(cast<AttentionOp>(site.op)), 2, rotation);
    };
    plan.refuse = [](RotationSite site, SymbolTable &) -> StringRef {
      Value heads = headsOf(cast<AttentionOp>(site.op));
      if (!heads)
        return "its heads are not joined as rows";
      return isTurned(heads) ? "already rotated" : "";
    };
    if (failed(rotateSites(getOperation(), plan)))
      signalPassFailure();
  }
};

} // namespace
} // namespace qopt
