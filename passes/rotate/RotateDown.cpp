// R4: rotates the inputs of layers that stand behind an activation function.

#include "qopt/passes/Passes.h"
#include "qopt/passes/Weights.h"
#include "qopt/passes/rotate/Rotate.h"

using namespace mlir;
using namespace qopt::nn;

namespace qopt {

#define GEN_PASS_DEF_ROTATEDOWN
#include "qopt/passes/Passes.h.inc"

/// What the rotation acts on: an input that is rotated already is seen through.
static Value inputOf(LinearOp linear) {
  Value input = linear.getInput();
  auto half = input.getDefiningOp<lowbit::HadamardOp>();
  return half && !half.getTransposed() ? half.getInput() : input;
}

/// Products of two tensors and functions of each element.
static bool isActivation(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto product = dyn_cast_or_null<MulOp>(op))
    return product.getLhs().getType() == product.getRhs().getType();
  return isa_and_nonnull<SwigluOp, SiluOp, ReluOp>(op);
}

namespace {

struct RotateDown final : impl::RotateDownBase<RotateDown> {
  using RotateDownBase::RotateDownBase;

  void runOnOperation() override {
    RotationPlan plan;
    plan.pass = getArgument();
    plan.required = required;
    plan.online = 1;
    plan.find = [](func::FuncOp function) {
      SmallVector<RotationSite> sites;
      function.walk([&](LinearOp op) {
        if (isActivation(inputOf(op)))
          sites.push_back({op, op.getInput().getType().getShape().back()});
      });
      return sites;
    };
    plan.insert = [](RotationSite site, const Rotation &rotation) {
      OpBuilder builder(site.op);
      auto linear = cast<LinearOp>(site.op);
      insertRotation(builder, linear.getInput(),
                     linear.getInput().getType().getRank() - 1, rotation);
    };
    plan.refuse = [](RotationSite site, SymbolTable &) -> StringRef {
      auto linear = cast<LinearOp>(site.op);
      return inputOf(linear) != linear.getInput() ? "already rotated" : "";
    };
    if (failed(rotateSites(getOperation(), plan)))
      signalPassFailure();
  }
};

} // namespace
} // namespace qopt
