// The lambda of each layer, an input of a step.

#ifndef QOPT_PASSES_TRAIN_LAMBDA_H
#define QOPT_PASSES_TRAIN_LAMBDA_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace qopt::train {

/// Gives a function one more argument.
using AddArgument =
    llvm::function_ref<mlir::Value(llvm::StringRef, mlir::RankedTensorType)>;

/// Gives every `lowbit.fake_quantize` of `step` that has no lambda that of its
/// layer, from one argument "lambda" of f32, [layers], and mixes what norms
/// that are `nn.gradual` give with what they read. Nothing is added where there
/// is neither.
void addLambda(mlir::func::FuncOp step, AddArgument argument);

} // namespace qopt::train

#endif // QOPT_PASSES_TRAIN_LAMBDA_H
