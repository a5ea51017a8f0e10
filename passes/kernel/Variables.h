// What a program changes and keeps, once qopt-place-variables has placed it.

#ifndef QOPT_PASSES_KERNEL_VARIABLES_H
#define QOPT_PASSES_KERNEL_VARIABLES_H

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/BuiltinOps.h"

namespace qopt {

/// Weights of another model that are mapped from its files as a program runs,
/// not copied: one file behind the other, each at a multiple of 4096, all
/// behind the variables; for a device, copied there one by one. On a global:
/// its offset there, in bytes.
constexpr llvm::StringLiteral mappedAttr = "kernel.mapped";
/// On the program: the files, dictionaries of `path`, `bytes`, `hash` and
/// `offset`, or for a device of `parts`: from, bytes and to of each weight.
constexpr llvm::StringLiteral mappedFilesAttr = "kernel.mapped_files";
constexpr int64_t mappedAlignment = 4096;

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
