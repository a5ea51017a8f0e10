// The bytes of weights that lie in files.

#ifndef QOPT_DIALECTS_NN_WEIGHTFILE_H
#define QOPT_DIALECTS_NN_WEIGHTFILE_H

#include <memory>

#include "mlir/IR/BuiltinOps.h"
#include "qopt/dialects/nn/Nn.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"

namespace qopt::nn {

/// Maps the files that `#nn.weight`s name, each once, and keeps them.
class WeightFiles {
public:
  /// `folder` is that of the program or model that was read.
  explicit WeightFiles(llvm::StringRef folder) : folder(folder) {}

  /// The bytes of a weight, in its element type, row-major. A file that is
  /// missing or too short, or a key that it does not hold, is an error at
  /// `loc`.
  mlir::FailureOr<llvm::ArrayRef<char>> find(WeightAttr weight,
                                             mlir::Location loc);
  /// The tensors of a safetensors file, by key, with what it calls their types.
  struct Entry {
    std::string key, type;
    llvm::SmallVector<int64_t> shape;
  };
  mlir::FailureOr<std::vector<Entry>> list(llvm::StringRef file,
                                           mlir::Location loc);
  /// The texts that a safetensors file says of itself, by key.
  mlir::FailureOr<llvm::StringMap<std::string>> metadata(llvm::StringRef file,
                                                         mlir::Location loc);
  /// Lets the pages of these bytes go; they come back when they are read.
  static void forget(llvm::ArrayRef<char> bytes);

private:
  struct File;
  mlir::FailureOr<File *> open(llvm::StringRef name, mlir::Location loc);
  /// The same, with its safetensors header.
  mlir::FailureOr<File *> openHeader(llvm::StringRef name, mlir::Location loc);

  std::string folder;
  llvm::StringMap<std::shared_ptr<File>> files;
};

/// The folder of the file that a program was read from.
std::string folderOf(mlir::ModuleOp program);

/// What safetensors calls an element type; empty if it has no name for it.
llvm::StringRef safetensorsName(mlir::Type element);

/// Bytes that a tensor takes in a file; bools one each.
int64_t storedBytes(mlir::RankedTensorType type);

} // namespace qopt::nn

#endif // QOPT_DIALECTS_NN_WEIGHTFILE_H
