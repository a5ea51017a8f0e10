// What `info` says of a model that trains.
#ifndef QOPT_RUNTIME_CLI_TRAININFO_H
#define QOPT_RUNTIME_CLI_TRAININFO_H

#include "qopt/runtime/cli/Json.h"

namespace qopt::cli {

/// One line; nothing for a model that does not train.
void printTraining(const qopt_model *model);

/// The same as a member "training".
void addTraining(Json &info, const qopt_model *model);

} // namespace qopt::cli

#endif // QOPT_RUNTIME_CLI_TRAININFO_H
