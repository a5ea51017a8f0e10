// What the command line says, and how it ends.
#ifndef QOPT_RUNTIME_CLI_REPORT_H
#define QOPT_RUNTIME_CLI_REPORT_H

#include "qopt/runtime/qopt.h"

namespace qopt::cli {

/// Exit codes. `misused` is a command line that is wrong whatever the model;
/// what only the model or a file makes wrong is `failed`.
enum Exit { done = 0, failed = 1, misused = 2, interrupted = 130 };

/// One line to stderr: "error: ..." and "note: ...".
void error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/// An error that knows its size.
struct Error : qopt_error {
  Error() : qopt_error{sizeof(qopt_error), ""} {}
};

/// Says what the runtime says; returns `failed`.
int fail(const qopt_error &what);

/// Says that memory ran out while `what`; returns `failed`.
int failMemory(const char *what);

/// Whether what was printed has arrived; else says why, unless the reader has
/// gone, which is no news to it.
bool flushOutput();

/// Seconds since some moment in the past.
double now();

} // namespace qopt::cli

#endif // QOPT_RUNTIME_CLI_REPORT_H
