// The commands of an emitted executable. Each reads its own words and returns
// the exit code.
#ifndef QOPT_RUNTIME_CLI_COMMANDS_H
#define QOPT_RUNTIME_CLI_COMMANDS_H

#include "qopt/runtime/cli/Arguments.h"

namespace qopt::cli {

int info(const Invocation &invocation);
int run(const Invocation &invocation);
int generate(const Invocation &invocation);
int bench(const Invocation &invocation);
int eval(const Invocation &invocation);
int train(const Invocation &invocation);

} // namespace qopt::cli

#endif // QOPT_RUNTIME_CLI_COMMANDS_H
