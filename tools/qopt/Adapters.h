// What the run time must know of adapters.

#ifndef QOPT_TOOLS_QOPT_ADAPTERS_H
#define QOPT_TOOLS_QOPT_ADAPTERS_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/JSON.h"

namespace qopt::driver {

/// Names, the active one first, and for each slot its place, its scale and the
/// places of what the other adapters put there; null without adapters.
llvm::json::Value describeAdapters(mlir::ModuleOp program);

} // namespace qopt::driver

#endif // QOPT_TOOLS_QOPT_ADAPTERS_H
