// What a program changes and keeps, once qopt-place-variables has placed it.

#ifndef QOPT_PASSES_KERNEL_VARIABLES_H
#define QOPT_PASSES_KERNEL_VARIABLES_H

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/BuiltinOps.h"

namespace qopt {

/// The variables of a program, in the order of their offsets.
struct Variables {
  llvm::SmallVector<mlir::ml_program::GlobalOp> globals;
  int64_t bytes = 0;        ///< of all, a multiple of 64
  int64_t initialBytes = 0; ///< the rest begins as zeros

  static Variables of(mlir::ModuleOp program);
  static int64_t offsetOf(mlir::ml_program::GlobalOp global);
};

} // namespace qopt

#endif // QOPT_PASSES_KERNEL_VARIABLES_H
