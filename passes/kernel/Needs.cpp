// When the ops of an entry are needed, see Needs.h.

#include "qopt/passes/kernel/Needs.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "qopt/dialects/kernel/Kernel.h"
#include "qopt/dialects/train/Train.h"

using namespace mlir;

namespace qopt {

bool Need::excludes(const Need &other) const {
  if (cases == 0 || other.cases == 0)
    return true;
  return lambda && lambda == other.lambda && layer == other.layer &&
         (cases & other.cases) == 0;
}

Need Need::joined(const Need &other) const {
  if (cases == 0)
    return other;
  if (other.cases == 0)
    return *this;
  unsigned both = cases | other.cases;
  if (!lambda || lambda != other.lambda || layer != other.layer || both == all)
    return {};
  return {lambda, layer, both};
}

Need Needs::of(OpOperand &use) const {
  Operation *reader = use.getOwner();
  Need need = of(reader);
  auto choice = dyn_cast<train::ChooseOp>(reader);
  if (!choice || &use == &choice.getLambdaMutable())
    return need;
  unsigned taken = &use == &choice.getNoneMutable()   ? Need::none
                   : &use == &choice.getSomeMutable() ? Need::some
                                                      : Need::whole;
  Need own{choice.getLambda(), int64_t(choice.getLayer()), taken};
  return need.excludes(own) ? Need{{}, 0, 0} : own;
}

/// What stores, or ends the block, or is left though nobody reads it.
static bool isForItsOwnSake(Operation *op) {
  auto launch = dyn_cast<kernel::LaunchOp>(op);
  return op->use_empty() || (launch && launch.getStates());
}

Needs::Needs(Block &block) {
  for (Operation &op : llvm::reverse(block)) {
    Need need{{}, 0, isForItsOwnSake(&op) ? unsigned(Need::all) : 0u};
    for (OpOperand &use : op.getUses())
      if (!isa<tensor::DimOp>(use.getOwner()))
        need = need.joined(of(use));
    needs[&op] = need;
  }
}

} // namespace qopt
