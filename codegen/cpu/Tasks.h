// How families count the tasks of a kernel.

#ifndef QOPT_CODEGEN_CPU_TASKS_H
#define QOPT_CODEGEN_CPU_TASKS_H

#include "qopt/codegen/KernelFamily.h"

namespace qopt::cpu {

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

} // namespace qopt::cpu

#endif // QOPT_CODEGEN_CPU_TASKS_H
