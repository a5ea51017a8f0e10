// Tells what each parameter is to the network.

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/SymbolTable.h"
#include "qopt/passes/Passes.h"

using namespace mlir;
using namespace qopt::nn;

namespace qopt {

#define GEN_PASS_DEF_ASSIGNROLES
#include "qopt/passes/Passes.h.inc"

/// The global that `value` loads, perhaps transposed, cast or unpacked.
static ml_program::GlobalOp getParameter(Value value, SymbolTable &symbols) {
  while (value && value.getDefiningOp() &&
         isa<TransposeOp, CastOp, ReshapeOp, SliceOp, lowbit::DequantizeOp,
             lowbit::UnpackOp>(value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  auto load = value ? value.getDefiningOp<ml_program::GlobalLoadOp>() : nullptr;
  return load ? symbols.lookup<ml_program::GlobalOp>(
                    load.getGlobal().getLeafReference())
              : nullptr;
}

/// True if `value` reaches a return through views and casts only.
static bool isReturned(Value value) {
  return llvm::any_of(value.getUsers(), [](Operation *user) {
    if (isa<func::ReturnOp>(user))
      return true;
    return isa<CastOp, ReshapeOp, TransposeOp, SliceOp>(user) &&
           isReturned(user->getResult(0));
  });
}

namespace {

struct AssignRoles final : impl::AssignRolesBase<AssignRoles> {
  using AssignRolesBase::AssignRolesBase;

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    auto assign = [&](Value value, Role role) {
      ml_program::GlobalOp global = getParameter(value, symbols);
      // A table that is shared with the head stays an embedding.
      if (global && !global->hasAttr(NnDialect::roleAttr))
        global->setAttr(NnDialect::roleAttr,
                        RoleAttr::get(&getContext(), role));
    };
    getOperation().walk(
        [&](EmbeddingOp op) { assign(op.getTable(), Role::embedding); });
    getOperation().walk([&](Operation *op) {
      if (auto linear = dyn_cast<LinearOp>(op)) {
        assign(linear.getWeight(),
               isReturned(linear) ? Role::head : Role::matrix);
        assign(linear.getBias(), Role::bias);
      } else if (auto norm = dyn_cast<RmsNormOp>(op)) {
        assign(norm.getGain(), Role::norm);
      }
    });
  }
};

} // namespace
} // namespace qopt
