// Products of matrices of f32 that lie in memory as they are, for kernels that
// multiply on their way.
//
//   for every tile of rows x columns:           held in registers
//     for k in [0, K), in order:
//       c[i, n] += a[i, k] * b[k, n]            columns loads, rows broadcasts
//
// Bound by the multiply units where rows and columns fill the tiles and b fits
// a cache. `a` may lie either way; rows of `b` and of `c` are contiguous. Each
// element is one sum in the order of k, whatever tile it falls in.

#ifndef QOPT_CODEGEN_CPU_PRODUCT_H
#define QOPT_CODEGEN_CPU_PRODUCT_H

#include "qopt/codegen/cpu/Emitter.h"

namespace qopt::cpu {

/// Element (i, k) lies at start + i * row + k * column, in elements from base.
struct Strided {
  mlir::Value base, start, row, column;

  /// The same matrix from row i on; from column k on.
  Strided fromRow(Emitter &e, mlir::Value i) const;
  Strided fromColumn(Emitter &e, mlir::Value k) const;
  Strided transposed() const { return {base, start, column, row}; }
};

/// A matrix whose rows lie side by side, `row` elements apart.
Strided rowMajor(Emitter &e, mlir::Value base, mlir::Value start,
                 mlir::Value row);

/// The columns of as many vectors as they have lanes, a power of 2.
llvm::SmallVector<mlir::Value> turned(Emitter &e,
                                      llvm::ArrayRef<mlir::Value> rows);

class Product {
public:
  explicit Product(Emitter &e);

  /// c[M, N] = a[M, K] b[K, N], or += with `adds`.
  void write(Strided a, Strided b, Strided c, mlir::Value M, int64_t N,
             mlir::Value K, bool adds);
  /// The same for N that is a multiple of `width()`.
  void write(Strided a, Strided b, Strided c, mlir::Value M, mlir::Value N,
             mlir::Value K, bool adds);

  /// Columns of the largest tile, a divisor of 64.
  int64_t width() const { return lanes * vectors; }
  static int64_t widthOn(const Target &target);
  /// Rows of the largest tile.
  int64_t height() const { return rows; }

  /// c[M, N] = a[M, K] b[K, N] for b in panels of width() columns, as
  /// `transpose` writes them; N is rounded up to whole panels.
  void writePanels(Strided a, mlir::Value base, mlir::Value start, Strided c,
                   mlir::Value M, mlir::Value N, int64_t K);
  /// Transposes from[count, C] into panels [C, width()], one behind the other.
  /// Columns behind `count` are anything.
  void transpose(Strided from, mlir::Value count, int64_t C, mlir::Value to,
                 mlir::Value toStart);

private:
  struct Tile {
    int64_t rows, vectors, lanes;
  };
  void column(Strided a, Strided b, Strided c, mlir::Value M, mlir::Value K,
              int64_t vectors, int64_t lanes, bool adds);
  void tile(Strided a, Strided b, Strided c, mlir::Value K, Tile tile,
            bool adds);
  void transposeBlock(Strided from, mlir::Value last, mlir::Value to,
                      mlir::Value toStart, int64_t size);

  Emitter &e;
  int64_t lanes, vectors, rows;
};

} // namespace qopt::cpu

#endif // QOPT_CODEGEN_CPU_PRODUCT_H
