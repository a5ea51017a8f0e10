// Runs programs for passes, through our own code for this CPU.

#ifndef QOPT_CODEGEN_EXECUTOR_EXECUTOR_H
#define QOPT_CODEGEN_EXECUTOR_EXECUTOR_H

#include "mlir/IR/DialectRegistry.h"

namespace qopt {

/// Gives every context that uses `registry` an executor (passes/Executor.h).
/// Its launches run on the threads of the context.
void registerExecutor(mlir::DialectRegistry &registry);

} // namespace qopt

#endif // QOPT_CODEGEN_EXECUTOR_EXECUTOR_H
