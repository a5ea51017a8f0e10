// Evaluates the weights of a program and writes them in their layout.

#ifndef QOPT_CODEGEN_LINK_WEIGHTS_H
#define QOPT_CODEGEN_LINK_WEIGHTS_H

#include "mlir/IR/BuiltinOps.h"
#include "qopt/dialects/kernel/Kernel.h"
#include "qopt/dialects/nn/WeightFile.h"

namespace qopt::link {

/// Takes the bytes of the weights, in order.
using Sink = llvm::function_ref<llvm::LogicalResult(llvm::ArrayRef<char>)>;

/// Evaluates every `kernel.weight` of a program and hands its bytes, in its
/// layout, to `sink`, gaps filled with zeros. One weight is held at a time, a
/// large one a few panels at a time. The chain means what the interpreter says;
/// one that only moves elements is copied.
llvm::LogicalResult writeWeights(mlir::ModuleOp program, nn::WeightFiles &files,
                                 Sink sink);

/// The same for the values that the variables of a program begin with, up to
/// the last one that is not zero.
llvm::LogicalResult writeVariables(mlir::ModuleOp program,
                                   nn::WeightFiles &files, Sink sink);

} // namespace qopt::link

#endif // QOPT_CODEGEN_LINK_WEIGHTS_H
