// Low-rank branches on their way into kernels.

#ifndef QOPT_PASSES_KERNEL_LORA_H
#define QOPT_PASSES_KERNEL_LORA_H

#include "mlir/IR/BuiltinOps.h"

namespace qopt {

/// Takes each lowbit.lora_linear apart: u = x a^T, and onto the base scale (u
/// b^T). Where the base is a layer on codes that has no other reader, and b is
/// not trained, the ops of the second half are marked: they go into its
/// epilogue.
void splitLoraLinears(mlir::ModuleOp module);

/// Whether an op is a marked one.
bool isLoraBranch(mlir::Operation *op);

} // namespace qopt

#endif // QOPT_PASSES_KERNEL_LORA_H
