// Keeps each norm without its gain, and puts a second one with that gain before
// every linear layer that reads it.
//
// For file formats that have both norms. The second norm sees rows whose mean
// square m / (m + eps) is 1 but for eps, so it hardly changes them.

#include "qopt/passes/Passes.h"
#include "qopt/passes/norm/Norm.h"

using namespace mlir;
using namespace qopt::nn;

namespace qopt {

#define GEN_PASS_DEF_INSERTSECONDNORM
#include "qopt/passes/Passes.h.inc"

/// The layers that read the norm; none, and a reason, if something else does.
static SmallVector<LinearOp> readersOf(RmsNormOp norm, SymbolTable &symbols,
                                       StringRef &reason) {
  SmallVector<LinearOp> readers;
  for (OpOperand &use : norm->getUses()) {
    auto linear = dyn_cast<LinearOp>(use.getOwner());
    if (!linear || &use != &linear.getInputMutable() ||
        !parameterOf(linear, symbols)) {
      reason = "a reader is no linear layer with a parameter";
      return {};
    }
    readers.push_back(linear);
  }
  return llvm::to_vector(llvm::reverse(readers)); // in the program's order
}

namespace {

struct InsertSecondNorm final : impl::InsertSecondNormBase<InsertSecondNorm> {
  using InsertSecondNormBase::InsertSecondNormBase;

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    SmallVector<RmsNormOp> norms;
    getOperation().walk([&](RmsNormOp norm) { norms.push_back(norm); });
    for (RmsNormOp norm : norms) {
      if (norm.getInput().getDefiningOp<RmsNormOp>())
        continue; // is a second norm
      if (!norm.getGain()) {
        normKept(norm, getArgument(), "it has no gain to hand on");
        continue;
      }
      StringRef reason;
      SmallVector<LinearOp> readers = readersOf(norm, symbols, reason);
      TypedAttr initial = initialOf(norm.getGain(), symbols);
      if (reason.empty() && !initial)
        reason = "gain has no initial value to copy";
      if (!reason.empty()) {
        normKept(norm, getArgument(), reason);
        continue;
      }
      norm.getGainMutable().clear();
      for (LinearOp linear : readers)
        normInserted(
            insertNorm(linear, norm, initial, llvm::APFloat(eps), symbols),
            getArgument(), "a second norm: within eps");
    }
  }
};

} // namespace
} // namespace qopt
