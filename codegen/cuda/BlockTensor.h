// Kernels that take many tensors, some blocks of threads each.

#ifndef QOPT_CODEGEN_CUDA_BLOCKTENSOR_H
#define QOPT_CODEGEN_CUDA_BLOCKTENSOR_H

#include "qopt/codegen/cuda/Emitter.h"

namespace qopt::cuda {

/// What `valuesOf` writes for the part that this block belongs to, values of
/// `types`: so what follows is written once, whatever the number of parts. Part
/// k has the blocks from firsts[k] on, firsts[0] is 0, and no part is empty.
llvm::SmallVector<mlir::Value> valuesOfBlock(
    Emitter &e, llvm::ArrayRef<int64_t> firsts, mlir::TypeRange types,
    llvm::function_ref<llvm::SmallVector<mlir::Value>(unsigned part)> valuesOf);

} // namespace qopt::cuda

#endif // QOPT_CODEGEN_CUDA_BLOCKTENSOR_H
