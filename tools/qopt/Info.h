// The description of a compiled model: what `info` shows.

#ifndef QOPT_TOOLS_QOPT_INFO_H
#define QOPT_TOOLS_QOPT_INFO_H

#include "mlir/IR/BuiltinOps.h"
#include "qopt/codegen/KernelFamily.h"
#include "qopt/runtime/abi.h"
#include "qopt/tools/qopt/Compile.h"
#include "qopt/tools/qopt/Tensors.h"

namespace qopt::driver {

constexpr llvm::StringLiteral version = QOPT_VERSION;

/// JSON text for a program at the kernel stage. The same model and options
/// give the same text.
std::string describe(mlir::ModuleOp program, llvm::ArrayRef<Target> targets,
                     const Options &options, llvm::StringRef source,
                     uint64_t parameters, llvm::ArrayRef<TensorReport> tensors);
/// Bytes of the arena of the first entry at batch 1 and `seq` positions.
int64_t arenaBytes(mlir::ModuleOp program, int64_t seq);
/// "xxh64:" and a hash of a file; what an adapter may say of its base.
std::string hashOf(llvm::StringRef path);
/// Elements of all parameters of a program, scales and zeros left out.
uint64_t countParameters(mlir::ModuleOp program);
/// Size of the last axis of the result named "logits"; 0 if there is none.
int64_t vocabularyOf(mlir::ModuleOp program);

} // namespace qopt::driver

#endif // QOPT_TOOLS_QOPT_INFO_H
