// Where the heads of attention are, for the passes that rotate them.

#ifndef QOPT_PASSES_ROTATE_HEADS_H
#define QOPT_PASSES_ROTATE_HEADS_H

#include "qopt/passes/rotate/Rotate.h"

namespace qopt {

/// Every attention of a function, with the size of axis `axis` of operand
/// number `operand` (0 if it is dynamic).
llvm::SmallVector<RotationSite> findAttention(mlir::func::FuncOp function,
                                              unsigned operand, unsigned axis);

/// What is computed now of keys or values: where a past comes before it, the
/// part behind.
mlir::Value newPartOf(mlir::Value value);

/// Whether what is new of keys or values is rounded to codes.
bool isCoded(mlir::Value value);

} // namespace qopt

#endif // QOPT_PASSES_ROTATE_HEADS_H
