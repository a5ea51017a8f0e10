// Signals that ask a command to end.
#ifndef QOPT_RUNTIME_CLI_INTERRUPT_H
#define QOPT_RUNTIME_CLI_INTERRUPT_H

namespace qopt::cli {

/// From now on the first Ctrl-C only sets what interruptWanted tells, and the
/// second ends the program; with `terminate`, SIGTERM does the same.
void catchInterrupt(bool terminate = false);

bool interruptWanted();

} // namespace qopt::cli

#endif // QOPT_RUNTIME_CLI_INTERRUPT_H
