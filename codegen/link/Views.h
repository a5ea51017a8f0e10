// Tensors that chains of ops only move.

#ifndef QOPT_CODEGEN_LINK_VIEWS_H
#define QOPT_CODEGEN_LINK_VIEWS_H

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"
#include "qopt/dialects/nn/WeightFile.h"

namespace qopt::link {

/// A tensor that lies somewhere with a stride, in bytes, for each axis.
struct View {
  llvm::ArrayRef<char> source; ///< what may be forgotten when it has been read
  const char *data;
  llvm::SmallVector<int64_t> shape, strides;
};

/// Strides of a tensor without gaps.
llvm::SmallVector<int64_t> rowMajor(mlir::RankedTensorType type);

/// Follows a chain that only moves elements.
class Mover {
public:
  Mover(mlir::ModuleOp program, nn::WeightFiles &files)
      : symbols(program), files(files) {}

  /// The pieces of a value, one behind the other along the first axis; none if
  /// the chain computes something.
  mlir::FailureOr<llvm::SmallVector<View>> pieces(mlir::Value value);

private:
  mlir::FailureOr<llvm::SmallVector<View>>
  global(mlir::ml_program::GlobalLoadOp load);

  mlir::SymbolTable symbols;
  nn::WeightFiles &files;
};

} // namespace qopt::link

#endif // QOPT_CODEGEN_LINK_VIEWS_H
