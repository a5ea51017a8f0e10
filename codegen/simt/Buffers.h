// Tensors between .npy files and the memory of the simulated device.

#ifndef QOPT_CODEGEN_SIMT_BUFFERS_H
#define QOPT_CODEGEN_SIMT_BUFFERS_H

#include "qopt/codegen/simt/Simulator.h"
#include "llvm/Support/Error.h"

namespace qopt::simt {

/// Bytes of an element of a qopt_type, see runtime/abi.h; 0 if there is none.
unsigned elementBytes(uint32_t type);
/// Its MLIR type.
mlir::Type elementType(uint32_t type, mlir::MLIRContext *context);
/// The qopt_type of a name: f32, f16, bf16, f64, i1 (bool), i8 to i64, u8.
std::optional<uint32_t> typeNamed(llvm::StringRef name);

/// The contents of a file, row-major.
struct Array {
  uint32_t type; ///< qopt_type
  llvm::SmallVector<int64_t> shape;
  std::vector<char> bytes;
};

/// Reads a file of elements of `type`; of bf16, which NumPy lacks, f4.
llvm::Expected<Array> readArray(llvm::StringRef path, uint32_t type);
/// The same, of whatever type the file has.
llvm::Expected<Array> readArray(llvm::StringRef path);

/// Writes DIR/NAME.npy, where each odd character of the name becomes `_`.
llvm::Error writeArray(llvm::StringRef folder, llvm::StringRef name,
                       uint32_t type, llvm::ArrayRef<int64_t> shape,
                       const char *data);
/// Reads a file whole.
llvm::Expected<std::vector<char>> readBytes(llvm::StringRef path);

} // namespace qopt::simt

#endif // QOPT_CODEGEN_SIMT_BUFFERS_H
