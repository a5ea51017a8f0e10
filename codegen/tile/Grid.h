// The f32 arithmetic of quantizing, as lowbit/Quantizer.h says it, in kernels:
// each operation is one of f32, the division included, and none is fused.

#ifndef QOPT_CODEGEN_TILE_GRID_H
#define QOPT_CODEGEN_TILE_GRID_H

#include "qopt/codegen/tile/Emitter.h"
#include "qopt/dialects/lowbit/Lowbit.h"

namespace qopt::tile {

/// What the elements that share a scale are divided by, scalars of f32.
struct Grid {
  mlir::Value inv;
  mlir::Value scale; ///< f16 if the scheme says so
  mlir::Value zero;  ///< code of 0, a float; null if the scheme has none

  /// The scale as f32.
  mlir::Value wideScale(Emitter &e) const;
};

/// The grid of elements that lie between 0 and `most` in size, for schemes
/// without zeros; else between `least` and `most`, which include 0. Not for
/// ternary schemes.
Grid gridOf(Emitter &e, lowbit::SchemeAttr scheme, mlir::Value most,
            mlir::Value least);

/// That of ternary numbers: `mean` of their sizes, or the one size that those
/// have which are not 0, if it is one: the largest and the smallest.
Grid ternaryGrid(Emitter &e, lowbit::SchemeAttr scheme, mlir::Value mean,
                 mlir::Value largest, mlir::Value smallest);

/// clamp(rint(x inv) + zero), floats; scalars and vectors, of the grid, too.
/// The least code of NaN.
mlir::Value codesOf(Emitter &e, lowbit::SchemeAttr scheme, const Grid &grid,
                    mlir::Value x);

/// What codes mean: (code - zero) scale.
mlir::Value valuesOf(Emitter &e, const Grid &grid, mlir::Value codes);

} // namespace qopt::tile

#endif // QOPT_CODEGEN_TILE_GRID_H
