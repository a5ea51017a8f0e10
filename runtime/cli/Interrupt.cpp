// Signals that ask a command to end.

#include "qopt/runtime/cli/Interrupt.h"

#include <signal.h>

namespace qopt::cli {

/// A handler can reach nothing but a variable like this.
static volatile sig_atomic_t wanted = 0;

static void onSignal(int) { wanted = 1; }

void catchInterrupt(bool terminate) {
  struct sigaction action = {};
  action.sa_handler = onSignal;
  action.sa_flags = SA_RESETHAND | SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  if (terminate)
    sigaction(SIGTERM, &action, nullptr);
}

bool interruptWanted() { return wanted; }

} // namespace qopt::cli
