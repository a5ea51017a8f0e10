// Adapters on their way into a program.

#ifndef QOPT_FRONTENDS_PEFT_ATTACH_H
#define QOPT_FRONTENDS_PEFT_ATTACH_H

#include "mlir/IR/BuiltinOps.h"

namespace qopt::peft {

/// Adds the branches of the adapters in `folders` to the linear layers that
/// they name, before recipes change these; the first adapter is active, the
/// others lie beside it (passes/lora/Adapters.h). `baseHash` is that of the
/// model's file, or empty. A module that is not there, a shape that does not
/// fit or an adapter for another base is an error, and nothing has changed.
llvm::LogicalResult attachAdapters(mlir::ModuleOp program,
                                   llvm::ArrayRef<std::string> folders,
                                   llvm::StringRef baseHash);

} // namespace qopt::peft

#endif // QOPT_FRONTENDS_PEFT_ATTACH_H
