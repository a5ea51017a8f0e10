// Losses that a teacher has a say in.

#ifndef QOPT_PASSES_TRAIN_DISTILLATION_H
#define QOPT_PASSES_TRAIN_DISTILLATION_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace qopt::train {

/// The loss of a target, with a teacher or without.
struct Distillation {
  mlir::func::FuncOp teacher; ///< gives logits of ids; null: there is none
  double klWeight = 0, ceWeight = 1;

  /// The loss that `nll` returns, apart from the head if the teacher's logits
  /// are compared with the head's.
  mlir::Operation *withLogits(mlir::Operation *loss) const;
  /// What takes the place of the result of `loss`, at the builder's place. The
  /// teacher is computed at the start of the function, so that only its logits
  /// are alive beside the student.
  mlir::Value lossOf(mlir::OpBuilder &builder, mlir::Operation *loss) const;
};

} // namespace qopt::train

#endif // QOPT_PASSES_TRAIN_DISTILLATION_H
