// A tile of a product of matrices, by matrix instructions.
//
//   for every block of 64 bytes of K:              all threads of a block
//     the next of a[rows][K], b[columns][K] is on its way to shared memory
//     sum[side / 2][side / 2] += a b                a warp, see Mma.h
//   sums through shared memory                     a thread neighbours
//
// Two buffers: one barrier a block of K. What lies in memory as it is needed is
// copied asynchronously, 16 bytes a copy; elements that have to be computed
// (turned, converted) are loaded before the products and stored after them. The
// order of the sums is fixed: by K, in the pieces of the instructions.
//
// Of f32, sums that are not finite are made again by multiply-adds: infinity
// times a part of a number may have the other sign than it times the number.
// Where K is cut among blocks that is done when the parts are joined.

#ifndef QOPT_CODEGEN_CUDA_MATRIXTILE_H
#define QOPT_CODEGEN_CUDA_MATRIXTILE_H

#include "qopt/codegen/cuda/Mma.h"
#include "qopt/codegen/cuda/Tile.h"

namespace qopt::cuda {

class MatrixTile {
public:
  static constexpr int64_t threads = 128; ///< of a block: 2 x 2 warps

  /// Factors of `element`: f32, f16 or bf16.
  MatrixTile(Emitter &e, TileShape shape, mlir::FloatType element);

  /// For all elements of the tile that are inside:
  /// finish(sum over k in [from, to) of a(row + i, k) b(column + j, k), ...).
  void
  each(const TileSource &a, const TileSource &b, mlir::Value row,
       mlir::Value column, mlir::Value from, mlir::Value to,
       llvm::function_ref<void(mlir::Value, mlir::Value, mlir::Value)> finish);

private:
  using Values = llvm::SmallVector<mlir::Value>;
  /// A source, where its tile begins, and how it lies in shared memory.
  struct Side {
    const TileSource &source;
    mlir::Value first; ///< of i
    int64_t place;     ///< byte of a buffer
    SharedFactor factor;
  };
  int64_t terms() { return 64 / (element.getWidth() / 8); }
  Side sideOf(const TileSource &source, mlir::Value first);
  SharedFactor inBuffer(const Side &side, mlir::Value buffer);
  /// body(n, i, k) for the pieces of `width` elements of this thread.
  void eachPlace(const Side &side, int64_t width,
                 llvm::function_ref<void(int64_t, mlir::Value, mlir::Value)>);
  /// Copies a block of terms into a buffer, if it is copied as it lies; else
  /// loads what `end` stores.
  Values begin(const Side &side, mlir::Value buffer, mlir::Value term,
               mlir::Value to);
  void end(const Side &side, mlir::Value buffer, llvm::ArrayRef<mlir::Value> x);
  Values multiply(const Side &a, const Side &b, mlir::Value buffer,
                  mlir::ValueRange sums);
  /// All sums of this thread.
  Values sums(const Side &a, const Side &b, mlir::Value from, mlir::Value to);
  void share(llvm::ArrayRef<mlir::Value> sums);
  int64_t sumStride() const { return shape.side + 8; }
  Emitter &e;
  TileShape shape;
  mlir::FloatType element;
  int64_t down, across;            ///< fragments of a warp
  mlir::Value memory;              ///< two buffers, later the sums
  int64_t used = 0;                ///< bytes of a buffer
  mlir::Value warpRow, warpColumn; ///< i64, the first of this warp
};

/// `sum` of a row and a column, made of parts for tf32, if it is finite; else
/// that over k in [0, to) by multiply-adds.
mlir::Value ifFinite(Emitter &e, const TileSource &a, const TileSource &b,
                     mlir::Value row, mlir::Value column, mlir::Value to,
                     mlir::Value sum);

} // namespace qopt::cuda

#endif // QOPT_CODEGEN_CUDA_MATRIXTILE_H
