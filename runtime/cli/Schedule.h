// What changes from step to step: the learning rate, and lambda.
#ifndef QOPT_RUNTIME_CLI_SCHEDULE_H
#define QOPT_RUNTIME_CLI_SCHEDULE_H

#include <stdint.h>

namespace qopt::cli {

/// The learning rate. With t steps done of N, and W of warm-up:
///   t < W      peak (t + 1) / (W + 1)
///   constant   peak
///   linear     peak (1 - p),                p = (t - W) / (N - W)
///   cosine     peak (1 + cos(pi p)) / 2
/// so that no step has a rate of 0.
struct RateSchedule {
  enum Shape { constant, linear, cosine } shape = constant;
  double peak = 0;
  uint64_t warmup = 0, steps = 0;

  /// False if there is no such shape.
  bool setShape(const char *name);
  double after(uint64_t done) const;
};

/// Lambda of each site, after t steps:
///   a number   that
///   linear:N   min(t / N, 1)
///   layers:N   the same, site after site: clamp(t L / N - l, 0, 1) for site l
///              of L
class LambdaSchedule {
public:
  /// False if the text is none of these.
  bool parse(const char *text);
  void setLinear(uint64_t steps);
  void after(uint64_t done, float *values, uint64_t sites) const;

private:
  enum { fixed, linear, layers } shape = fixed;
  double value = 1;
  uint64_t steps = 1;
};

} // namespace qopt::cli

#endif // QOPT_RUNTIME_CLI_SCHEDULE_H
