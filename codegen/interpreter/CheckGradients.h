// Compares gradients with differences of the loss.

#ifndef QOPT_CODEGEN_INTERPRETER_CHECKGRADIENTS_H
#define QOPT_CODEGEN_INTERPRETER_CHECKGRADIENTS_H

#include "qopt/codegen/interpreter/Interpreter.h"

namespace qopt::interpreter {

/// For every function NAME that has a twin NAME.grad (as qopt-differentiate
/// makes them): moves each element of what it is differentiated by, or large
/// tensors along random directions, and compares the change of the loss, in
/// f64, with the gradient. The tolerance is relative to the gradient's largest
/// element, or to its norm. Dynamic sizes are 3, 4, ..., then 1.
llvm::LogicalResult checkGradients(const Interpreter &interpreter,
                                   mlir::ModuleOp program, double tolerance,
                                   const RunOptions &options);

} // namespace qopt::interpreter

#endif // QOPT_CODEGEN_INTERPRETER_CHECKGRADIENTS_H
