// How families count the tasks of a kernel.

#ifndef QOPT_CODEGEN_TILE_TASKS_H
#define QOPT_CODEGEN_TILE_TASKS_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/dialects/kernel/Kernel.h"

namespace qopt::tile {

/// The only op of a kernel if it is an `Op` and reads nothing but arguments;
/// null otherwise.
template <typename Op> Op onlyOp(kernel::FuncOp kernel) {
  auto ops = kernel.getBlock().without_terminator();
  if (!llvm::hasSingleElement(ops))
    return nullptr;
  auto op = mlir::dyn_cast<Op>(*ops.begin());
  return op && llvm::all_of(op->getOperands(),
                            llvm::IsaPred<mlir::BlockArgument>)
             ? op
             : Op();
}

/// Whether a kernel has the number at hand: what a run chooses is an argument,
/// or a constant.
inline bool isNumber(mlir::Value value) {
  return mlir::isa<mlir::BlockArgument>(value) ||
         value.getDefiningOp<mlir::arith::ConstantOp>();
}

/// The same, beside constants that it reads.
template <typename Op> Op onlyOpOfNumbers(kernel::FuncOp kernel) {
  Op found;
  for (mlir::Operation &op : kernel.getBlock().without_terminator()) {
    if (mlir::isa<mlir::arith::ConstantOp>(op))
      continue;
    if (found || !mlir::isa<Op>(op))
      return nullptr;
    found = mlir::cast<Op>(op);
  }
  return found && llvm::all_of(found->getOperands(), isNumber) ? found : Op();
}

/// The sizes of an argument, in the kernel's symbols.
inline llvm::ArrayRef<mlir::AffineExpr> sizesOf(kernel::FuncOp kernel,
                                                mlir::Value argument) {
  unsigned i = mlir::cast<mlir::BlockArgument>(argument).getArgNumber();
  return mlir::cast<mlir::AffineMapAttr>(kernel.getDims()[i])
      .getValue()
      .getResults();
}

inline mlir::AffineExpr productOf(mlir::MLIRContext *context,
                                  llvm::ArrayRef<mlir::AffineExpr> sizes) {
  mlir::AffineExpr product = mlir::getAffineConstantExpr(1, context);
  for (mlir::AffineExpr size : sizes)
    product = product * size;
  return product;
}

/// Rows of an argument [..., C].
inline mlir::AffineExpr rowsOf(kernel::FuncOp kernel, mlir::Value argument) {
  return productOf(kernel.getContext(), sizesOf(kernel, argument).drop_back());
}

/// 1 for 1 up to `most`, 0 for none and for more: of 2 F / (n + F), which is 2
/// for none and 1 for up to F.
inline mlir::AffineExpr isAtMost(mlir::AffineExpr count, int64_t most) {
  mlir::AffineExpr ratio =
      mlir::getAffineConstantExpr(2 * most, count.getContext())
          .floorDiv(count + most);
  return ratio * (2 - ratio);
}

} // namespace qopt::tile

#endif // QOPT_CODEGEN_TILE_TASKS_H
