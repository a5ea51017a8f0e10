// The file that a compilation leaves: linked code, weights, tokenizer, info.

#ifndef QOPT_CODEGEN_LINK_OUTPUT_H
#define QOPT_CODEGEN_LINK_OUTPUT_H

#include "qopt/codegen/link/Linker.h"
#include "qopt/codegen/link/Weights.h"

namespace qopt::link {

/// What is linked, and what is written behind it.
struct Model {
  llvm::ArrayRef<char> object;
  mlir::ModuleOp program; ///< at the kernel stage: its weights are written
  nn::WeightFiles &files;
  llvm::StringRef tokenizer; ///< the runtime's blob, or empty
  llvm::StringRef info;      ///< JSON
};

/// Calls `write` with a temporary name in the folder of `path`; if it
/// succeeds the file is synced and gets its name and `mode`, else it is
/// removed. So `path` is never half written.
llvm::Error writeFile(llvm::StringRef path, unsigned mode,
                      llvm::function_ref<llvm::Error(llvm::StringRef)> write);

/// Makes the executable or library `path`.
llvm::Error writeModel(const Model &model, Kind kind, llvm::StringRef bundle,
                       llvm::StringRef path);

} // namespace qopt::link

#endif // QOPT_CODEGEN_LINK_OUTPUT_H
