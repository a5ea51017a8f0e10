// The arithmetic of an optimizer's step, train.sgd and train.adamw, of one
// element or of a vector of them.

#ifndef QOPT_CODEGEN_TILE_UPDATE_H
#define QOPT_CODEGEN_TILE_UPDATE_H

#include "qopt/codegen/tile/Emitter.h"
#include "qopt/codegen/tile/Math.h"
#include "qopt/dialects/train/Train.h"

namespace qopt::tile {

class Update {
public:
  /// A number of rank 0, f32, or an i64.
  using Number = llvm::function_ref<mlir::Value(mlir::Value tensor)>;

  /// Writes what all elements share: the numbers of the step. Without an op
  /// numbers stay as they are.
  Update(Emitter &e, mlir::Operation *op, Number number);

  /// What comes of a parameter, its gradient and states, in the order of the
  /// op's operands: its results. Scalars or vectors of f32; `decay` is a scalar
  /// for AdamW. A scale of NaN changes nothing.
  llvm::SmallVector<mlir::Value> of(llvm::ArrayRef<mlir::Value> numbers,
                                    mlir::Value decay);

private:
  /// A running mean: its factors, and what makes up for its beginning.
  struct Mean {
    mlir::Value beta, rest, correction;
  };
  Mean meanOf(mlir::Value beta, mlir::Value step);
  mlir::Value power(mlir::Value x, mlir::Value n);

  Emitter &e;
  Math m;
  mlir::Operation *op;
  mlir::Value scale, skip, lr;
  mlir::Value momentum; ///< of SGD
  mlir::Value eps;      ///< of AdamW, as the means
  Mean first, second;
};

} // namespace qopt::tile

#endif // QOPT_CODEGEN_TILE_UPDATE_H
