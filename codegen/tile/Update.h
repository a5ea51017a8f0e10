// The arithmetic of an optimizer's step, train.sgd and train.adamw, of one
// element or of a vector of them.

#ifndef QOPT_CODEGEN_TILE_UPDATE_H
#define QOPT_CODEGEN_TILE_UPDATE_H

#include "qopt/codegen/tile/Emitter.h"
#include "qopt/codegen/tile/Math.h"
#include "qopt/dialects/train/Train.h"

namespace qopt::tile {

/// How elements are read and written, f32 in registers.
struct UpdateAccess {
  llvm::function_ref<mlir::Value(mlir::Value tensor)> load;
  llvm::function_ref<void(mlir::Value value, mlir::Value tensor)> store;
  /// A scalar in the shape of what is loaded.
  llvm::function_ref<mlir::Value(mlir::Value scalar)> all;
};

class Update {
public:
  /// A number of rank 0, f32, or an i64.
  using Number = llvm::function_ref<mlir::Value(mlir::Value tensor)>;

  /// The op of a kernel; null if it is something else.
  static mlir::Operation *find(kernel::FuncOp kernel);

  /// Writes what all elements share: the numbers of the step.
  Update(Emitter &e, mlir::Operation *op, Number number);
  /// Writes the update of some elements. A scale of NaN changes nothing.
  void write(const UpdateAccess &access);

private:
  /// A running mean: its factors, and what makes up for its beginning.
  struct Mean {
    mlir::Value beta, rest, correction;
  };
  Mean meanOf(mlir::Value beta, mlir::Value step);
  mlir::Value power(mlir::Value x, mlir::Value n);
  void write(train::SgdOp op, const UpdateAccess &access);
  void write(train::AdamwOp op, const UpdateAccess &access);

  Emitter &e;
  Math m;
  mlir::Operation *op;
  mlir::Value scale, skip, lr;
  mlir::Value momentum;   ///< of SGD
  mlir::Value decay, eps; ///< of AdamW, as the means
  Mean first, second;
};

} // namespace qopt::tile

#endif // QOPT_CODEGEN_TILE_UPDATE_H
