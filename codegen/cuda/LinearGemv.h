// nn.linear of few rows by a weight in panels.

#ifndef QOPT_CODEGEN_CUDA_LINEARGEMV_H
#define QOPT_CODEGEN_CUDA_LINEARGEMV_H

#include "qopt/codegen/cuda/Emitter.h"
#include "qopt/dialects/nn/Nn.h"

namespace qopt::cuda {

/// Whether the weight lies in panels, and both operands in memory.
bool hasLinearGemv(kernel::FuncOp kernel, nn::LinearOp op);

/// Adds the launches that take each of `rows` by itself.
void addLinearGemv(Phases &plan, nn::LinearOp op, mlir::AffineExpr rows);

} // namespace qopt::cuda

#endif // QOPT_CODEGEN_CUDA_LINEARGEMV_H
