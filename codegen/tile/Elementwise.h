// The arithmetic of one element, or of a vector of them.

#ifndef QOPT_CODEGEN_TILE_ELEMENTWISE_H
#define QOPT_CODEGEN_TILE_ELEMENTWISE_H

#include "mlir/IR/Builders.h"

namespace qopt::tile {

/// Whether emitElement knows the op: the elementwise ops of nn.
bool isElementwise(mlir::Operation *op);

/// What `op` computes for operands that are scalars, or vectors of one length,
/// of its element types; floats of 16 bits come and go as f32. Transcendental
/// functions are polynomials of arith ops, within 2 ulp of f32 of the true
/// value; no library call.
mlir::Value emitElement(mlir::OpBuilder &builder, mlir::Operation *op,
                        mlir::ValueRange operands);

/// e^x for a scalar or vector of f32, within 2 ulp; 0 below -104, inf above
/// 88.8, NaN of NaN.
mlir::Value emitExp(mlir::OpBuilder &builder, mlir::Location loc,
                    mlir::Value x);

} // namespace qopt::tile

#endif // QOPT_CODEGEN_TILE_ELEMENTWISE_H
