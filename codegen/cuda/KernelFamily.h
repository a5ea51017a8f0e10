// What a kernel family of the GPU tells the rest of codegen.

#ifndef QOPT_CODEGEN_CUDA_KERNELFAMILY_H
#define QOPT_CODEGEN_CUDA_KERNELFAMILY_H

#include "mlir/IR/AffineExpr.h"
#include "qopt/codegen/cuda/Cuda.h"
#include "qopt/dialects/kernel/Kernel.h"

namespace qopt::cuda {

class Emitter;

/// One launch of a kernel.
struct Phase {
  mlir::AffineExpr blocks; ///< in the kernel's symbols; 0: nothing to do
  int64_t threads;         ///< of a block, a multiple of 32
  /// Writes what a thread does at the emitter's insertion point.
  std::function<llvm::LogicalResult(Emitter &)> emit;
};

/// The launches of a kernel, one after the other, and all of them again in
/// every round. What one leaves for the next lies in results, or in a
/// workspace that the next kernel finds dirty. Of two ways of doing the same
/// one has no blocks.
struct Phases {
  llvm::SmallVector<Phase> phases;
  mlir::AffineExpr rounds;    ///< null: one
  mlir::AffineExpr workspace; ///< bytes; null: none

  /// Makes room for one of several ways.
  void addWorkspace(mlir::AffineExpr bytes) {
    workspace = workspace ? workspace + bytes : bytes;
  }
};

/// One kind of kernel on the GPU.
struct KernelFamily {
  llvm::StringLiteral name; ///< ends up in the symbol
  /// Whether the family takes this body (ops, types, epilogue).
  bool (*accepts)(kernel::FuncOp);
  Phases (*phases)(kernel::FuncOp);
};

llvm::ArrayRef<const KernelFamily *> families();
/// The one that emits a kernel: the first that accepts it; null if none does.
const KernelFamily *familyFor(kernel::FuncOp kernel);
/// Its name; empty if there is none.
llvm::StringRef familyOf(kernel::FuncOp kernel);

} // namespace qopt::cuda

#endif // QOPT_CODEGEN_CUDA_KERNELFAMILY_H
