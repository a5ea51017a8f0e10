// What a training run left: a state file as `train --state` writes it.

#ifndef QOPT_FRONTENDS_STATE_STATE_H
#define QOPT_FRONTENDS_STATE_STATE_H

#include "qopt/dialects/nn/WeightFile.h"
#include "llvm/ADT/StringSet.h"

namespace qopt::state {

/// The tensors of one state file, for the parameters of a program. Values stay
/// in the file: globals name it.
class State {
public:
  /// `path` is a safetensors file; `modelHash` that of the ONNX file that it
  /// must have been trained from, which it names in its metadata.
  static mlir::FailureOr<State>
  open(llvm::StringRef path, llvm::StringRef modelHash, mlir::Location loc);

  /// Gives the globals of `program` that the file holds their values. May be
  /// called again when passes have added parameters. A tensor of another type
  /// or shape is an error.
  llvm::LogicalResult apply(mlir::ModuleOp program);

  /// Fails if there are tensors that no call of `apply` has used, but for the
  /// states of optimizers.
  llvm::LogicalResult finish(mlir::Location loc) const;

private:
  std::string path; ///< absolute
  std::vector<nn::WeightFiles::Entry> tensors;
  llvm::StringSet<> used;
};

} // namespace qopt::state

#endif // QOPT_FRONTENDS_STATE_STATE_H
