// A row of a tensor in the registers of a block.

#ifndef QOPT_CODEGEN_CUDA_ROW_H
#define QOPT_CODEGEN_CUDA_ROW_H

#include "qopt/codegen/cuda/Emitter.h"
#include "qopt/codegen/tile/Math.h"

namespace qopt::cuda {

/// How a row of `channels` lies in the threads of a block: pieces of `width`
/// neighbours, thread after thread, then the next of each thread.
struct RowShape {
  /// Pieces end where each `unit` channels do.
  RowShape(int64_t channels, int64_t unit);
  explicit RowShape(int64_t channels) : RowShape(channels, channels) {}

  int64_t channels;
  int64_t width;   ///< elements of a piece: 1, 2 or 4
  int64_t threads; ///< of the block
  int64_t pieces;  ///< of a thread
  /// Whether it is short enough for registers.
  bool fits() const { return pieces * width <= mostElements; }

  /// Of a thread: what leaves room for the arithmetic.
  static constexpr int64_t mostElements = 32;
};

/// Writes what a block does with one row. Pieces are vectors of f32; those
/// behind the end of the row are zeros, and not stored.
class RowWriter {
public:
  using Pieces = llvm::SmallVector<mlir::Value>;

  RowWriter(Emitter &e, RowShape shape) : e(e), m{e.b, e.loc}, shape(shape) {}

  /// The channel of the first element of piece i.
  mlir::Value channel(int64_t i);
  /// Whether piece i is there; null if all are.
  mlir::Value isThere(int64_t i);
  /// The row that begins at element `start` of a tensor, or of memory.
  Pieces load(mlir::Value tensor, mlir::Value start);
  Pieces load(mlir::Value base, mlir::Type element, mlir::Value start);
  /// Stores it; 16-bit floats are rounded, integers are cut.
  void store(llvm::ArrayRef<mlir::Value> x, mlir::Value tensor,
             mlir::Value start);
  void store(llvm::ArrayRef<mlir::Value> x, mlir::Value base,
             mlir::Type element, mlir::Value start);
  /// Rounds to the element type of a tensor.
  Pieces rounded(llvm::ArrayRef<mlir::Value> x, mlir::Value tensor);
  /// The same scalar in all of a piece.
  mlir::Value all(mlir::Value scalar);
  /// Joins terms, f32 pieces, over this thread; `behind` stands for what is
  /// behind the end.
  mlir::Value ofThread(llvm::ArrayRef<mlir::Value> x, double behind,
                       Emitter::Join join);
  /// The sum of all squares, which every thread gets.
  mlir::Value squares(llvm::ArrayRef<mlir::Value> x);

  Emitter &e;
  Math m;
  RowShape shape;
};

} // namespace qopt::cuda

#endif // QOPT_CODEGEN_CUDA_ROW_H
