// What a run writes about each step, and what it remembers of its losses.
#ifndef QOPT_RUNTIME_CLI_TRAINLOG_H
#define QOPT_RUNTIME_CLI_TRAINLOG_H

#include "qopt/runtime/Growing.h"

namespace qopt::cli {

/// One step, as the log has it.
struct StepRecord {
  uint64_t step;
  double loss, norm, rate;
  const float *lambda; ///< [sites]; one number where all are equal
  uint64_t sites;
  double tokensPerSecond;
};

/// A loss, for the curve.
struct LossPoint {
  uint64_t step;
  double loss;
};

/// A line of JSON per step; numbers with all digits, null for what is none.
class TrainLog {
public:
  TrainLog() = default;
  TrainLog(const TrainLog &) = delete;
  TrainLog &operator=(const TrainLog &) = delete;
  ~TrainLog();

  /// Opens the file, and forgets the lines behind step `done` and what a killed
  /// run left of a line: it goes on from there. Says why when it cannot. Null:
  /// only losses are remembered.
  bool open(const char *path, uint64_t done);
  /// A disk that is full ends the log, not the run; that is said once.
  void add(const StepRecord &record);

  const runtime::Growing<LossPoint> &losses() const { return points; }

private:
  uint64_t readLines(const runtime::Growing<char> &text, uint64_t done);

  const char *path = nullptr;
  int file = -1;
  runtime::Growing<LossPoint> points;
};

} // namespace qopt::cli

#endif // QOPT_RUNTIME_CLI_TRAINLOG_H
