// The loop of `train`: steps, log, state files, and how it ends.
#ifndef QOPT_RUNTIME_CLI_TRAINER_H
#define QOPT_RUNTIME_CLI_TRAINER_H

#include "qopt/runtime/cli/Schedule.h"
#include "qopt/runtime/cli/TrainLog.h"
#include "qopt/runtime/cli/Windows.h"

namespace qopt::cli {

/// What a run was asked for.
struct TrainOptions {
  static constexpr uint64_t notGiven = UINT64_MAX;

  runtime::Growing<const char *> data;
  uint64_t steps = 0, batch = 0, seq = 0, accumulate = 1;
  uint64_t seed = notGiven, saveEvery = 100;
  RateSchedule rate;
  LambdaSchedule lambda;
  double clip = 1, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, decay = 0;
  double momentum = -1; ///< negative: what the optimizer usually has
  bool shuffled = true;
  const char *state = nullptr, *log = nullptr;
  const char *adapter = nullptr; ///< where it is written; null: nowhere
};

class Trainer {
public:
  Trainer(const Session &session, const TrainOptions &options)
      : session(session), options(options) {}

  /// Goes on from the state file if there is one; says why when it cannot.
  bool resume();
  /// The exit code: of the last step, or of a signal.
  int run(Windows &windows);

  uint64_t seed() const { return state.seed; }
  const runtime::Growing<LossPoint> &losses() const { return log.losses(); }

private:
  bool open(const Windows &windows);
  bool step(Windows &windows);
  bool skipped();
  bool save();
  void show(bool last);
  void endLine();

  const Session &session;
  const TrainOptions &options;
  qopt_train_state state = {};
  TrainLog log;
  qopt_train_options how = {};
  qopt_train_result result = {};
  Ids ids, targets;
  runtime::Growing<qopt_micro_batch> batches;
  runtime::Growing<float> lambda;
  uint64_t first = 0;          ///< steps that were done before this run
  uint64_t saved = 0;          ///< steps that the state file has
  uint64_t inARow = 0;         ///< steps that were skipped
  uint64_t skips = 0;          ///< all of them
  double began = 0, shown = 0; ///< seconds
  bool lineOpen = false;       ///< of the terminal, which messages go below
};

} // namespace qopt::cli

#endif // QOPT_RUNTIME_CLI_TRAINER_H
