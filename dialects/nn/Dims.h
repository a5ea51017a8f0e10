// The sizes of every tensor of a function, in terms of its free dimensions.

#ifndef QOPT_DIALECTS_NN_DIMS_H
#define QOPT_DIALECTS_NN_DIMS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AffineExpr.h"
#include "llvm/ADT/DenseMap.h"

namespace qopt::nn {

/// Maps each tensor of a function to its sizes and each index to its value, as
/// expressions of the function's `nn.symbols`. Where a size cannot be told (an
/// argument without `nn.dims`, an op of a foreign dialect) the expression is
/// null, and `unknown` says so.
class Dims {
public:
  /// Looks at every op of the body once, in order.
  explicit Dims(mlir::func::FuncOp function);
  /// The same for a block with, for each argument, a map to all its sizes (a
  /// tensor) or to its value (an index).
  Dims(mlir::Block &block, llvm::ArrayRef<mlir::AffineMap> arguments);

  /// [rank of value]
  llvm::ArrayRef<mlir::AffineExpr> of(mlir::Value tensor) const;
  /// Of an index; null if unknown.
  mlir::AffineExpr ofIndex(mlir::Value index) const;
  llvm::ArrayRef<std::string> symbols() const { return names; }
  /// Number of elements; null if a size is unknown.
  mlir::AffineExpr elements(mlir::Value tensor) const;

  /// Learns about an op that was created after construction.
  void add(mlir::Operation *op);

private:
  void addTensor(mlir::Operation *op, mlir::OpResult result);
  void addIndex(mlir::Operation *op);

  mlir::MLIRContext *context;
  llvm::SmallVector<std::string> names;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<mlir::AffineExpr>> tensors;
  llvm::DenseMap<mlir::Value, mlir::AffineExpr> indices;
};

} // namespace qopt::nn

#endif // QOPT_DIALECTS_NN_DIMS_H
