// Which kernels the time of a step goes to: the tables of `bench --profile`.
#ifndef QOPT_RUNTIME_CLI_PROFILER_H
#define QOPT_RUNTIME_CLI_PROFILER_H

#include "qopt/runtime/Profile.h"
#include "qopt/runtime/cli/Json.h"
#include "qopt/runtime/cli/Session.h"

namespace qopt::cli {

/// Counts what a context launches between start and stop.
class Profiler {
public:
  /// `bandwidth`, bytes a second, is what kernels are compared with; NaN: with
  /// nothing.
  Profiler(const Session &session, double bandwidth)
      : session(session), bandwidth(bandwidth), parts(json_array()) {}

  /// False where memory ran out; says so.
  bool open();
  void start() { attach(&profile); }
  void stop() { attach(nullptr); }
  /// What was counted since the last end were `steps` steps of `part`.
  void end(const char *part, uint64_t steps);

  /// An object a part: its kernels, those that took longest first, and their
  /// sum.
  json_t *results() const { return parts.get(); }

private:
  void attach(runtime::Profile *profile);
  json_t *describe(const runtime::Profile::Row &row) const;

  const Session &session;
  double bandwidth;
  Json parts;
  runtime::Profile profile;
};

/// Prints what Profiler::results gives, a table a part, each step by step.
void printProfile(const json_t *parts);

} // namespace qopt::cli

#endif // QOPT_RUNTIME_CLI_PROFILER_H
