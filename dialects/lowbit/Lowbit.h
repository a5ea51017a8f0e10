// The lowbit dialect: the one header that the rest of qopt includes.

#ifndef QOPT_DIALECTS_LOWBIT_LOWBIT_H
#define QOPT_DIALECTS_LOWBIT_LOWBIT_H

#include "qopt/dialects/nn/Nn.h"

#include "qopt/dialects/lowbit/LowbitDialect.h.inc"

#include "qopt/dialects/lowbit/LowbitEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "qopt/dialects/lowbit/LowbitAttrs.h.inc"

#define GET_OP_CLASSES
#include "qopt/dialects/lowbit/LowbitOps.h.inc"

#endif // QOPT_DIALECTS_LOWBIT_LOWBIT_H
