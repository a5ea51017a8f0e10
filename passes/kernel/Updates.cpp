// What is computed with a step of an optimizer, see Updates.h.

#include "qopt/passes/kernel/Updates.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "qopt/dialects/kernel/Kernel.h"
#include "qopt/dialects/nn/Nn.h"
#include "qopt/dialects/train/Train.h"

using namespace mlir;

namespace qopt {

static bool isStep(Operation *op) {
  return isa<train::SgdOp, train::AdamwOp>(op);
}

/// Whether `use` is of a tensor that the step goes through, not of a number.
static bool isTensor(OpOperand &use) {
  // The gradient, and what becomes a result.
  return use.getOperandNumber() < use.getOwner()->getNumResults() + 1;
}

static bool isF32(Value tensor) { return getElementTypeOrSelf(tensor).isF32(); }

/// Whether numbers of a step are made of what lies in memory.
static bool isReader(Operation *op) {
  if (!isa<train::DecodeStateOp, nn::CastOp>(op) || !isF32(op->getResult(0)))
    return false;
  if (auto cast = dyn_cast<nn::CastOp>(op)) {
    Type element = getElementTypeOrSelf(cast.getInput());
    if (!element.isBF16() && !element.isF16())
      return false;
  }
  return llvm::all_of(op->getOperands(), [](Value source) {
    return isa<BlockArgument>(source) ||
           isa<ml_program::GlobalLoadOp, kernel::LoadOp>(
               source.getDefiningOp());
  });
}

/// Whether the op is what becomes of a result of `step`: nobody else reads
/// either, and all other operands are there before the step.
static bool isWriter(Operation *op, Operation *step) {
  Value number = op->getOperand(0);
  auto round = dyn_cast<train::StochasticRoundOp>(op);
  if (!isF32(number) || !number.hasOneUse() ||
      !(isa<train::EncodeStateOp>(op) ||
        (round && number == step->getResult(0))))
    return false;
  bool isKept = llvm::all_of(op->getUsers(), [](Operation *user) {
    return user->hasTrait<OpTrait::IsTerminator>() ||
           isa<ml_program::GlobalStoreOp>(user);
  });
  return isKept && llvm::all_of(op->getOperands().drop_front(), [&](Value v) {
           Operation *source = v.getDefiningOp();
           return !source || isa<arith::ConstantOp>(source) ||
                  source->isBeforeInBlock(step);
         });
}

Operation *updateOf(Operation *op) {
  if (isStep(op))
    return op;
  if (isReader(op)) {
    if (!op->hasOneUse())
      return nullptr;
    OpOperand &use = *op->use_begin();
    return isStep(use.getOwner()) && isTensor(use) ? use.getOwner() : nullptr;
  }
  if (!isa<train::EncodeStateOp, train::StochasticRoundOp>(op))
    return nullptr;
  Operation *step = op->getOperand(0).getDefiningOp();
  return step && isStep(step) && isWriter(op, step) ? step : nullptr;
}

SmallVector<Value> updatedBy(Operation *step) {
  SmallVector<Value> values;
  for (Value result : step->getResults()) {
    Operation *user = result.hasOneUse() ? *result.user_begin() : nullptr;
    if (user && updateOf(user) == step)
      llvm::append_range(values, user->getResults());
    else
      values.push_back(result);
  }
  return values;
}

} // namespace qopt
