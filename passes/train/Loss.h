// A head together with its loss.

#ifndef QOPT_PASSES_TRAIN_LOSS_H
#define QOPT_PASSES_TRAIN_LOSS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "qopt/dialects/nn/Nn.h"
#include "qopt/dialects/train/Train.h"

namespace qopt::train {

/// The layer without a bias whose logits one op reads; null if there is none.
nn::LinearOp headOf(mlir::Value logits);

/// Makes one op of a head of codes and its loss: the codes are read as the
/// numbers that they mean. Null, and nothing changes, if the loss reads no such
/// head.
ClassifierLossOp fuseCodes(nn::CrossEntropyOp loss);

/// The gradient of a head computes its loss, too, from the same logits: who
/// reads the loss reads that of the gradient, if this does not depend on it.
void takeLossesOfGradients(mlir::func::FuncOp function);

} // namespace qopt::train

#endif // QOPT_PASSES_TRAIN_LOSS_H
