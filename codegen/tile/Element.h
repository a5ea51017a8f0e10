// What one element of a tensor is, as scalar code.
//
// A kernel of views and elementwise ops is a function from the indices of its
// result to a scalar: a transpose permutes them, a slice shifts them, a gather
// loads one. Nothing between the arguments and the result is stored.

#ifndef QOPT_CODEGEN_TILE_ELEMENT_H
#define QOPT_CODEGEN_TILE_ELEMENT_H

#include "qopt/codegen/tile/Emitter.h"
#include "qopt/dialects/lowbit/Lowbit.h"

namespace qopt::tile {

/// Whether Elements knows the op, given that it knows its operands.
bool isElementOp(mlir::Operation *op);

/// Writes the elements of the tensors of one kernel.
class Elements {
  using Indices = llvm::SmallVector<mlir::Value>;

public:
  explicit Elements(Emitter &emitter) : e(emitter) {}

  /// The element of `tensor` at `indices`, i64 [rank], at the insertion point;
  /// floats of 16 bits as f32.
  mlir::Value at(mlir::Value tensor, llvm::ArrayRef<mlir::Value> indices);
  /// Forgets what was written: for a new loop body or region.
  void forget() { known.clear(); }

  /// The index tuple of the `row`-th row of the tensor, its last axis left out.
  llvm::SmallVector<mlir::Value> rowIndices(mlir::Value tensor,
                                            mlir::Value row);
  /// The index tuple of the element at `position`, row by row.
  llvm::SmallVector<mlir::Value> indicesAt(mlir::Value tensor,
                                           mlir::Value position);
  /// Says what the only element of `tensor` is that will be asked for.
  void set(mlir::Value tensor, mlir::Value value) { given[tensor] = value; }

  using Join = llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)>;
  /// (count, neutral, join, of): `neutral` and of(i) for all i in [0, count),
  /// joined.
  using JoinAll =
      std::function<mlir::Value(mlir::Value, mlir::Value, Join,
                                llvm::function_ref<mlir::Value(mlir::Value)>)>;
  /// Says how a nn.reduce joins its elements, row by row; otherwise one after
  /// the other.
  void joinBy(JoinAll join) { joinAll = std::move(join); }
  /// What the code at `indices` means, f32.
  mlir::Value dequantized(mlir::Value codes, mlir::Value scales,
                          mlir::Value zeros, lowbit::SchemeAttr scheme,
                          llvm::ArrayRef<mlir::Value> indices);

private:
  mlir::Value compute(mlir::Value tensor, llvm::ArrayRef<mlir::Value> indices);
  mlir::Value argument(mlir::BlockArgument tensor,
                       llvm::ArrayRef<mlir::Value> indices);
  mlir::Value packed(mlir::BlockArgument tensor, mlir::Value row,
                     mlir::Value column);
  mlir::Value element(mlir::Operation *op, llvm::ArrayRef<mlir::Value> indices);
  mlir::Value constant(mlir::Operation *op,
                       llvm::ArrayRef<mlir::Value> indices);
  mlir::Value concat(mlir::Operation *op, llvm::ArrayRef<mlir::Value> indices);
  mlir::Value reduce(mlir::Operation *op, llvm::ArrayRef<mlir::Value> indices);
  mlir::Value joined(mlir::Operation *op, Indices own, mlir::Value neutral,
                     Join join,
                     llvm::function_ref<mlir::Value(const Indices &)> element);
  mlir::Value cumsum(mlir::Operation *op, llvm::ArrayRef<mlir::Value> indices);
  mlir::Value matmul(mlir::Operation *op, llvm::ArrayRef<mlir::Value> indices);
  mlir::Value linear(mlir::Operation *op, llvm::ArrayRef<mlir::Value> indices);
  mlir::Value rope(mlir::Operation *op, llvm::ArrayRef<mlir::Value> indices);
  mlir::Value triangle(mlir::Operation *op,
                       llvm::ArrayRef<mlir::Value> indices);
  Indices reshape(mlir::Operation *op, llvm::ArrayRef<mlir::Value> indices);
  Indices viewed(mlir::Operation *op, llvm::ArrayRef<mlir::Value> indices);
  mlir::Value wrapped(mlir::Value index, mlir::Value size);
  mlir::Value indexAt(mlir::Value tensor, llvm::ArrayRef<mlir::Value> indices);
  mlir::Value choose(mlir::Value condition, mlir::Type type,
                     llvm::function_ref<mlir::Value()> then,
                     llvm::function_ref<mlir::Value()> otherwise);
  mlir::Value less(mlir::Value a, mlir::Value b);
  mlir::Type registerType(mlir::Value tensor);

  Emitter &e;
  JoinAll joinAll;
  llvm::DenseMap<mlir::Value, mlir::Value> given;
  /// What was written for a tensor, by its indices.
  llvm::DenseMap<mlir::Value,
                 llvm::SmallVector<std::pair<Indices, mlir::Value>, 1>>
      known;
};

} // namespace qopt::tile

#endif // QOPT_CODEGEN_TILE_ELEMENT_H
