// Token ids out of files.
#ifndef QOPT_RUNTIME_CLI_TOKENS_H
#define QOPT_RUNTIME_CLI_TOKENS_H

#include "qopt/runtime/cli/Prompt.h"

namespace qopt::cli {

/// Ids of a .npy file: one axis, or all others of size 1. Says why when it
/// cannot.
bool readIdArray(const char *path, Ids &ids);

} // namespace qopt::cli

#endif // QOPT_RUNTIME_CLI_TOKENS_H
