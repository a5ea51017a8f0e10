// R1: rotates the residual stream, from the embedding to the head.

#include "qopt/passes/Passes.h"
#include "qopt/passes/rotate/Rotate.h"

using namespace mlir;
using namespace qopt::nn;

namespace qopt {

#define GEN_PASS_DEF_ROTATERESIDUAL
#include "qopt/passes/Passes.h.inc"

/// The stream begins at the first embedding; others are added to it.
static SmallVector<RotationSite> findStream(func::FuncOp function) {
  SmallVector<RotationSite> sites;
  function.walk([&](EmbeddingOp op) {
    sites.push_back(
        {op, cast<RankedTensorType>(op.getType()).getShape().back()});
    return WalkResult::interrupt();
  });
  return sites;
}

namespace {

struct RotateResidual final : impl::RotateResidualBase<RotateResidual> {
  using RotateResidualBase::RotateResidualBase;

  void runOnOperation() override {
    RotationPlan plan;
    plan.pass = getArgument();
    plan.seed = seed;
    plan.required = required;
    plan.find = findStream;
    plan.insert = [](RotationSite site, const Rotation &rotation) {
      OpBuilder builder(site.op);
      Value rows = site.op->getResult(0);
      insertRotation(builder, rows,
                     cast<RankedTensorType>(rows.getType()).getRank() - 1,
                     rotation);
    };
    plan.refuse = [&](RotationSite site, SymbolTable &) -> StringRef {
      Value table = cast<EmbeddingOp>(site.op).getTable();
      int64_t size = sizeOf(chooseRotation(site.size, seed));
      return isRotated(table, 1, size) ? "already rotated" : "";
    };
    if (failed(rotateSites(getOperation(), plan)))
      signalPassFailure();
  }
};

} // namespace
} // namespace qopt
