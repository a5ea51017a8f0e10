// Puts a norm with gain 1 before linear layers that have none (o and down).
//
// It changes what is computed until the model is trained with it.

#include "qopt/passes/Passes.h"
#include "qopt/passes/norm/Norm.h"

using namespace mlir;
using namespace qopt::nn;

namespace qopt {

#define GEN_PASS_DEF_INSERTMISSINGNORM
#include "qopt/passes/Passes.h.inc"

namespace {

struct InsertMissingNorm final
    : impl::InsertMissingNormBase<InsertMissingNorm> {
  using InsertMissingNormBase::InsertMissingNormBase;

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    getOperation().walk([&](LinearOp linear) {
      auto old = linear.getInput().getDefiningOp<RmsNormOp>();
      if (!parameterOf(linear, symbols))
        normKept(linear, getArgument(), "weight is not a parameter");
      else if (old)
        normKept(linear, getArgument(), "already has a norm");
      else
        insert(linear, symbols);
    });
  }

  void insert(LinearOp linear, SymbolTable &symbols) {
    RmsNormOp norm = insertNorm(linear, linear.getInput(), onesFor(linear),
                                llvm::APFloat(eps), symbols);
    norm->setAttr(gradualAttr, UnitAttr::get(&getContext()));
    normInserted(norm, getArgument(), "changes the result until trained");
  }
};

} // namespace
} // namespace qopt
