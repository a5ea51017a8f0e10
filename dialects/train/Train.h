// The train dialect: the one header that the rest of qopt includes.

#ifndef QOPT_DIALECTS_TRAIN_TRAIN_H
#define QOPT_DIALECTS_TRAIN_TRAIN_H

#include "qopt/dialects/lowbit/Lowbit.h"
#include "qopt/dialects/nn/Nn.h"

#include "qopt/dialects/train/TrainDialect.h.inc"

#define GET_OP_CLASSES
#include "qopt/dialects/train/TrainOps.h.inc"

#endif // QOPT_DIALECTS_TRAIN_TRAIN_H
