// Reads and writes tensors as NumPy's .npy files.

#ifndef QOPT_CODEGEN_INTERPRETER_NPY_H
#define QOPT_CODEGEN_INTERPRETER_NPY_H

#include "qopt/codegen/interpreter/Interpreter.h"
#include "llvm/Support/Error.h"

namespace qopt::interpreter {

/// What a file holds. A bool, and each unsigned type, is its own kind.
struct NpyArray {
  Tensor tensor;
  std::string type; ///< as NumPy says it, without byte order: "f4", "b1"
};

/// Little endian, versions 1 to 3, either order of the elements.
llvm::Expected<NpyArray> readNpy(llvm::StringRef path);

/// How NumPy calls an element type; bf16, which it lacks, is written as f4.
/// Empty for types that no file can hold.
std::string npyType(mlir::Type element);

/// The elements are rounded already.
llvm::Error writeNpy(llvm::StringRef path, const Tensor &tensor,
                     mlir::Type element);

} // namespace qopt::interpreter

#endif // QOPT_CODEGEN_INTERPRETER_NPY_H
