// Puts a second norm with gain 1 behind the norm of every linear layer.
//
// It changes what is computed until the model is trained with it.

#include "qopt/passes/Passes.h"
#include "qopt/passes/norm/Norm.h"

using namespace mlir;
using namespace qopt::nn;

namespace qopt {

#define GEN_PASS_DEF_INSERTUNITNORM
#include "qopt/passes/Passes.h.inc"

namespace {

struct InsertUnitNorm final : impl::InsertUnitNormBase<InsertUnitNorm> {
  using InsertUnitNormBase::InsertUnitNormBase;

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    getOperation().walk([&](LinearOp linear) {
      auto old = linear.getInput().getDefiningOp<RmsNormOp>();
      if (!parameterOf(linear, symbols))
        normKept(linear, getArgument(), "weight is not a parameter");
      else if (!old)
        normKept(linear, getArgument(), "there is no norm to stand behind");
      else if (old.getInput().getDefiningOp<RmsNormOp>())
        normKept(linear, getArgument(), "already has a second norm");
      else
        normInserted(insertNorm(linear, linear.getInput(), onesFor(linear),
                                llvm::APFloat(eps), symbols),
                     getArgument(), "changes the result until trained");
    });
  }
};

} // namespace
} // namespace qopt
