// Makes one op of a head and its loss.

#include "mlir/IR/PatternMatch.h"
#include "qopt/dialects/train/Train.h"
#include "qopt/passes/Passes.h"

using namespace mlir;

namespace qopt {

#define GEN_PASS_DEF_FUSELOSS
#include "qopt/passes/Passes.h.inc"

/// The layer whose result only `loss` reads; null if there is none.
static nn::LinearOp headOf(nn::CrossEntropyOp loss) {
  auto head = loss.getLogits().getDefiningOp<nn::LinearOp>();
  return head && !head.getBias() && head->hasOneUse() ? head : nullptr;
}

static void fuse(nn::CrossEntropyOp loss, nn::LinearOp head) {
  OpBuilder builder(loss);
  Value fused = train::ClassifierLossOp::create(
      builder, loss.getLoc(), loss.getResult().getType(), head.getInput(),
      head.getWeight(), loss.getTargets());
  loss.getResult().replaceAllUsesWith(fused);
  loss.erase();
  head.erase();
}

namespace {

struct FuseLoss final : impl::FuseLossBase<FuseLoss> {
  using FuseLossBase::FuseLossBase;

  void runOnOperation() override {
    getOperation().walk([](nn::CrossEntropyOp loss) {
      if (nn::LinearOp head = headOf(loss))
        fuse(loss, head);
    });
  }
};

} // namespace
} // namespace qopt
