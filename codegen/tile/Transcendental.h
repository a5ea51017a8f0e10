// Transcendental functions of scalars and vectors of f32, without library
// calls.

#ifndef QOPT_CODEGEN_TILE_TRANSCENDENTAL_H
#define QOPT_CODEGEN_TILE_TRANSCENDENTAL_H

#include "qopt/codegen/tile/Elementwise.h"

namespace qopt::tile {

enum class Transcendental { Log, Sin, Cos, Tanh, Erf };

/// Within 1 ulp of f32 (sin, cos: for |x| up to 1e9).
mlir::Value emitTranscendental(mlir::OpBuilder &builder, mlir::Location loc,
                               Transcendental function, mlir::Value x);

/// x^y within 1 ulp of f32.
mlir::Value emitPow(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value x,
                    mlir::Value y);

} // namespace qopt::tile

#endif // QOPT_CODEGEN_TILE_TRANSCENDENTAL_H
