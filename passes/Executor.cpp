// Finds the executor that a tool gave to the context.

#include "qopt/passes/Executor.h"

#include "qopt/dialects/nn/Nn.h"

using namespace mlir;

namespace qopt {

Executor *getExecutor(MLIRContext *context) {
  auto *dialect = context->getLoadedDialect<nn::NnDialect>();
  auto *held =
      dialect ? dialect->getRegisteredInterface<ExecutorInterface>() : nullptr;
  return held ? &held->get() : nullptr;
}

LogicalResult noExecutor(ModuleOp program) {
  return program.emitError("expects a tool that can run programs: use qopt, "
                           "qopt-opt, or mlir-opt with the plugin");
}

} // namespace qopt
