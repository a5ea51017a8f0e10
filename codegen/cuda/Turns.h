// Elements that the threads of a block take turn by turn.

#ifndef QOPT_CODEGEN_CUDA_TURNS_H
#define QOPT_CODEGEN_CUDA_TURNS_H

#include "qopt/codegen/cuda/Emitter.h"
#include "qopt/codegen/tile/Math.h"

namespace qopt::cuda {

/// `neutral` and of(i) for all i in [0, count), joined in an order that depends
/// on the number of threads only; every thread gets it.
mlir::Value joinTurns(Emitter &e, mlir::Value count, mlir::Value neutral,
                      Emitter::Join join,
                      llvm::function_ref<mlir::Value(mlir::Value)> of);

/// An element of a tensor of floats, as f32.
mlir::Value loadFloat(Emitter &e, mlir::Value tensor, mlir::Value index);
/// Element (row, column) of a tensor [.., C] of floats in rows, whatever it is
/// made of. Of an argument that lies row-major nothing is divided.
mlir::Value rowElement(Emitter &e, mlir::Value tensor, mlir::Value row,
                       mlir::Value column);
/// f32 rounded to the element type of `tensor`.
void storeFloat(Emitter &e, mlir::Value value, mlir::Value tensor,
                mlir::Value index);
/// An element of a tensor of integers, as i64.
mlir::Value loadIndex(Emitter &e, mlir::Value tensor, mlir::Value index);

} // namespace qopt::cuda

#endif // QOPT_CODEGEN_CUDA_TURNS_H
