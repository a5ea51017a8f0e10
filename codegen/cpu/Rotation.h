// Rotations by Hadamard matrices, of a row in the scratch.

#ifndef QOPT_CODEGEN_CPU_ROTATION_H
#define QOPT_CODEGEN_CPU_ROTATION_H

#include "qopt/codegen/cpu/Emitter.h"
#include "qopt/codegen/tile/RowChain.h"

namespace qopt::cpu {

/// Whether a rotation can be written: of f32 or less, its Paley orders not so
/// large that their sums would fill pages of code.
bool canRotate(lowbit::HadamardOp op);

/// Rotates the f32 row at `row`, `channels` elements with room for a multiple
/// of 16. `inner` of them lie between the elements of a vector; blocks of
/// sizeOf(op) * inner fill the row.
void writeRotation(Emitter &e, lowbit::HadamardOp op, mlir::Value row,
                   int64_t channels, int64_t inner);

} // namespace qopt::cpu

#endif // QOPT_CODEGEN_CPU_ROTATION_H
