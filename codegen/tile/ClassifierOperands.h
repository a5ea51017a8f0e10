// What a classifier's loss and its gradient work on, for every target.

#ifndef QOPT_CODEGEN_TILE_CLASSIFIEROPERANDS_H
#define QOPT_CODEGEN_TILE_CLASSIFIEROPERANDS_H

#include "qopt/codegen/tile/Tasks.h"
#include "qopt/dialects/train/Train.h"

namespace qopt::tile {

/// The operands and sizes of either op.
struct ClassifierOperands {
  mlir::Value input, weight, targets, dy, result, dinput, dweight;
  int64_t channels = 0, words = 0;

  explicit ClassifierOperands(kernel::FuncOp kernel) {
    if (auto op = onlyOp<train::ClassifierLossOp>(kernel)) {
      input = op.getInput(), weight = op.getWeight();
      targets = op.getTargets(), result = op.getResult();
    } else if (auto op = onlyOp<train::ClassifierLossGradOp>(kernel)) {
      input = op.getInput(), weight = op.getWeight();
      targets = op.getTargets(), dy = op.getDy();
      dinput = op.getDinput(), dweight = op.getDweight();
    } else {
      return;
    }
    auto shape =
        mlir::cast<mlir::RankedTensorType>(weight.getType()).getShape();
    words = shape[0], channels = shape[1];
  }
};

} // namespace qopt::tile

#endif // QOPT_CODEGEN_TILE_CLASSIFIEROPERANDS_H
