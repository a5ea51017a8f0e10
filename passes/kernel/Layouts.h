// How readers want what is made once to lie in memory.

#ifndef QOPT_PASSES_KERNEL_LAYOUTS_H
#define QOPT_PASSES_KERNEL_LAYOUTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "qopt/dialects/kernel/Kernel.h"
#include "qopt/passes/kernel/Target.h"
#include "llvm/ADT/DenseMap.h"

namespace qopt {

/// The layout of codes that a reader takes in lines, and of the scales and
/// zeros beside them, in panels of the same rows; null: row-major.
kernel::LayoutAttr layoutOfCodes(mlir::OpOperand &use,
                                 const LayoutFacts &facts);

/// What the quantizations of an entry give that all readers want to lie so;
/// the rest is row-major.
llvm::DenseMap<mlir::Value, kernel::LayoutAttr>
layoutsOfCodes(mlir::func::FuncOp entry, const LayoutFacts &facts);

/// Bytes of all weights of a program, the gaps between them included.
int64_t weightBytes(mlir::ModuleOp program);

} // namespace qopt

#endif // QOPT_PASSES_KERNEL_LAYOUTS_H
