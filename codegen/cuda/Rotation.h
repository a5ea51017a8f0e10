// Rotations by Hadamard matrices of a row in the registers of a block.

#ifndef QOPT_CODEGEN_CUDA_ROTATION_H
#define QOPT_CODEGEN_CUDA_ROTATION_H

#include "qopt/codegen/cuda/Row.h"
#include "qopt/codegen/tile/RowChain.h"

namespace qopt::cuda {

/// Whether a rotation of a row of `channels` can be written: its blocks fill
/// the row, and a row of signs of its Paley orders is a word.
bool canRotate(lowbit::HadamardOp op, int64_t channels);

/// The row, rotated, in f32.
RowWriter::Pieces writeRotation(RowWriter &row, lowbit::HadamardOp op,
                                RowWriter::Pieces x);

} // namespace qopt::cuda

#endif // QOPT_CODEGEN_CUDA_ROTATION_H
