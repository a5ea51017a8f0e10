// Kernels that are a chain of ops on rows: norm, rotation, product with another
// row, and at the end a quantization.

#ifndef QOPT_CODEGEN_TILE_ROWCHAIN_H
#define QOPT_CODEGEN_TILE_ROWCHAIN_H

#include "mlir/IR/AffineExpr.h"
#include "qopt/dialects/kernel/Kernel.h"
#include "qopt/dialects/lowbit/Lowbit.h"

namespace qopt::tile {

/// The product of its orders: elements that are rotated at a time.
int64_t sizeOf(lowbit::HadamardOp op);

/// Elements between those that a rotation works on; 0 if unknown.
int64_t innerOf(lowbit::HadamardOp op);

struct RowChain {
  int64_t channels;      ///< of a row
  mlir::AffineExpr rows; ///< in the kernel's symbols

  /// The chain that a kernel is; none if it is something else. Each op works on
  /// what the one before it gives, and on arguments; floats of at most 32 bits.
  /// A rotation alone, of heads [H, D], is one of rows of H D with `heads`.
  static std::optional<RowChain> of(kernel::FuncOp kernel, bool heads = false);
};

} // namespace qopt::tile

#endif // QOPT_CODEGEN_TILE_ROWCHAIN_H
