// Rotations of a row in the scratch, by Hadamard matrices.

#ifndef QOPT_CODEGEN_CPU_ROTATION_H
#define QOPT_CODEGEN_CPU_ROTATION_H

#include "qopt/codegen/cpu/Emitter.h"
#include "qopt/dialects/lowbit/Lowbit.h"

namespace qopt::cpu {

/// Whether a rotation of rows can be written: along the last axis, its Paley
/// orders not so large that their sums would fill pages of code.
bool canRotate(lowbit::HadamardOp op);

/// Rotates the f32 row at `row`, which has room for a multiple of 16 elements.
void writeRotation(Emitter &e, lowbit::HadamardOp op, mlir::Value row);

} // namespace qopt::cpu

#endif // QOPT_CODEGEN_CPU_ROTATION_H
