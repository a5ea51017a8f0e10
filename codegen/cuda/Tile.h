// A tile of a product of matrices, by multiply-adds of f32.
//
//   for every block of K terms:                    all threads of a block
//     a[K][rows], b[K][columns] to shared memory   each number once
//     for k: sum[4][4] += a[k] b[k]                2 loads for 16 products
//
// Each element is one sum in the order of k.

#ifndef QOPT_CODEGEN_CUDA_TILE_H
#define QOPT_CODEGEN_CUDA_TILE_H

#include "qopt/codegen/cuda/Emitter.h"

namespace qopt::cuda {

/// One of the factors.
struct TileSource {
  /// Element (i, k) as f32, both inside.
  std::function<mlir::Value(mlir::Value i, mlir::Value k)> at;
  /// Whether neighbours of k lie side by side in memory, and not those of i.
  bool alongTerms;
  mlir::Value size; ///< of i
  /// Where 16 bytes from element (i, k) on lie, if they lie side by side, as
  /// they are multiplied, at a multiple of 16 bytes.
  std::function<mlir::Value(mlir::Value i, mlir::Value k)> address = {};
};

struct TileShape {
  /// A tile for a result of so many columns.
  static TileShape of(int64_t columns);
  int64_t side; ///< rows and columns
  int64_t threads() const { return side / 4 * (side / 4); }
};

class Tile {
public:
  Tile(Emitter &e, TileShape shape);

  /// sum over k in [from, to) of a(row + i, k) b(column + j, k), for the 4 x 4
  /// elements of this thread.
  llvm::SmallVector<mlir::Value> sums(const TileSource &a, const TileSource &b,
                                      mlir::Value row, mlir::Value column,
                                      mlir::Value from, mlir::Value to);
  /// finish(sum, row, column) for those that are inside.
  void
  each(llvm::ArrayRef<mlir::Value> sums, mlir::Value row, mlir::Value column,
       mlir::Value rows, mlir::Value columns,
       llvm::function_ref<void(mlir::Value, mlir::Value, mlir::Value)> finish);

private:
  void fill(const TileSource &source, mlir::Value memory, mlir::Value first,
            mlir::Value from, mlir::Value to);

  Emitter &e;
  TileShape shape;
  mlir::Value memoryA, memoryB;
  mlir::Value threadRow, threadColumn; ///< i64, the first of this thread
};

} // namespace qopt::cuda

#endif // QOPT_CODEGEN_CUDA_TILE_H
