// The ops of the train dialect, by category.

#ifndef QOPT_DIALECTS_TRAIN_TRAINOPS_TD
#define QOPT_DIALECTS_TRAIN_TRAINOPS_TD

include "qopt/dialects/train/TrainChoiceOps.td"
include "qopt/dialects/train/TrainGradientOps.td"
include "qopt/dialects/train/TrainLossOps.td"
include "qopt/dialects/train/TrainOptimizerOps.td"
include "qopt/dialects/train/TrainStateOps.td"

#endif // QOPT_DIALECTS_TRAIN_TRAINOPS_TD
