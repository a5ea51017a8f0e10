// What comes before a quantization, in its kernel.

#ifndef QOPT_PASSES_KERNEL_PROLOGUE_H
#define QOPT_PASSES_KERNEL_PROLOGUE_H

#include "qopt/dialects/nn/Dims.h"

namespace qopt {

/// Whether the op is computed by the kernel of the quantization behind it, its
/// only reader: a norm, a rotation of rows or heads, or elementwise; or it
/// makes numbers of the codes that attention reads as keys or values, or a loss
/// as its weight.
bool isQuantizePrologue(mlir::Operation *op, const nn::Dims &dims);

/// Whether the op only makes numbers of codes that are the weight of a loss:
/// its kernel reads the codes.
bool isReadAsCodes(mlir::Operation *op);

/// What a quantization computes on its way it computes itself, and again
/// whoever else reads it, where no run needs both.
void separatePrologues(mlir::func::FuncOp entry, nn::Dims &dims);

} // namespace qopt

#endif // QOPT_PASSES_KERNEL_PROLOGUE_H
