// From tile programs of the GPU to the LLVM dialect.

#ifndef QOPT_CODEGEN_CUDA_LOWER_H
#define QOPT_CODEGEN_CUDA_LOWER_H

#include "mlir/IR/BuiltinOps.h"

namespace qopt::cuda {

/// Kernels and entries of `module`, in place.
llvm::LogicalResult lowerToNvvm(mlir::ModuleOp module);

} // namespace qopt::cuda

#endif // QOPT_CODEGEN_CUDA_LOWER_H
