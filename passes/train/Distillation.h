// Losses that a teacher has a say in.

#ifndef QOPT_PASSES_TRAIN_DISTILLATION_H
#define QOPT_PASSES_TRAIN_DISTILLATION_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace qopt::train {

/// The loss of a target, with a teacher or without.
struct Distillation {
  mlir::func::FuncOp teacher; ///< gives logits of ids; null: there is none
  double klWeight = 0, ceWeight = 1;

  /// Whether a head on `element`s and the teacher's can be one op with the
  /// loss.
  bool isFused(mlir::Type element) const;
  /// What takes the place of the result of `loss`, at the builder's place. The
  /// teacher is computed at the start of the function, so that only what its
  /// head reads is alive beside the student. If either head is none that can
  /// be one op with the loss, the logits of both are kept.
  mlir::Value lossOf(mlir::OpBuilder &builder, mlir::Operation *loss) const;

private:
  mlir::Value apart(mlir::OpBuilder &builder, mlir::Operation *loss,
                    mlir::Value logits) const;
};

} // namespace qopt::train

#endif // QOPT_PASSES_TRAIN_DISTILLATION_H
