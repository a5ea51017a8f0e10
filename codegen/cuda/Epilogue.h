// What follows a product of matrices in its kernel, an element at a time.

#ifndef QOPT_CODEGEN_CUDA_EPILOGUE_H
#define QOPT_CODEGEN_CUDA_EPILOGUE_H

#include "qopt/codegen/cuda/Emitter.h"

namespace qopt::cuda {

/// Whether `op` can follow a product in its kernel. A nn.linear of arguments is
/// the second half of a low-rank branch.
bool isEpilogueOp(mlir::Operation *op, kernel::FuncOp kernel);

/// Whether all ops but the product can follow it.
bool hasEpilogue(kernel::FuncOp kernel, mlir::Operation *product);

/// Stores what the kernel gives for the f32 `sum` of `row` and `column` of the
/// product, [.., N] in rows.
void finishElement(Emitter &e, mlir::Operation *product, mlir::Value bias,
                   mlir::Value sum, mlir::Value row, mlir::Value column);
/// The same for the element at `indices` of any product.
void finishElement(Emitter &e, mlir::Operation *product, mlir::Value sum,
                   llvm::ArrayRef<mlir::Value> indices);

} // namespace qopt::cuda

#endif // QOPT_CODEGEN_CUDA_EPILOGUE_H
