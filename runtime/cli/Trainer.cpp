// The loop of `train`: steps, log, state files, and how it ends.

#include "qopt/runtime/cli/Trainer.h"
#include "qopt/runtime/cli/Interrupt.h"
#include "qopt/runtime/cli/Report.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qopt::cli {

/// So many steps without a finite gradient one after another end a run: what
/// they skip would not come back.
constexpr uint64_t mostSkips = 10;

/// Seconds between lines where nobody watches.
constexpr double quietPeriod = 10, watchedPeriod = 0.1;

static unsigned long long wide(uint64_t value) { return value; }

bool Trainer::resume() {
  state.size = sizeof state;
  state.seed = options.seed == TrainOptions::notGiven ? 0 : options.seed;
  struct stat about;
  if (!options.state || stat(options.state, &about) != 0)
    return true;
  Error what;
  uint64_t wanted = state.seed;
  if (qopt_state_load(session.context, options.state, &state, &what) !=
      QOPT_OK) {
    fail(what);
    return false;
  }
  if (options.seed != TrainOptions::notGiven && wanted != state.seed) {
    error("'%s' was trained with --seed %llu, got --seed %llu: leave it out, "
          "or begin another state file",
          options.state, wide(state.seed), wide(wanted));
    return false;
  }
  first = saved = state.step;
  note("goes on from '%s' after step %llu", options.state, wide(state.step));
  return true;
}

/// Makes room for a step.
bool Trainer::open(const Windows &windows) {
  char data[sizeof state.data];
  windows.describe(data);
  if (first && strcmp(data, state.data)) {
    note("the data, --seq or --order are others than before: begins with their "
         "first sequence");
    state.data_position = 0;
  }
  strcpy(state.data, data);
  uint64_t tokens = options.batch * options.seq;
  uint64_t all = tokens * options.accumulate;
  uint64_t sites = qopt_model_lambda_count(session.model);
  if (!ids.resize(all) || !targets.resize(all) || !lambda.resize(sites) ||
      !batches.resize(options.accumulate)) {
    failMemory("starting to train");
    return false;
  }
  for (uint64_t i = 0; i < options.accumulate; ++i)
    batches[i] = {ids.begin() + i * tokens, targets.begin() + i * tokens,
                  options.batch, options.seq};
  how.size = sizeof how;
  how.clip = static_cast<float>(options.clip);
  how.beta1 = static_cast<float>(options.beta1);
  how.beta2 = static_cast<float>(options.beta2);
  how.eps = static_cast<float>(options.eps);
  how.weight_decay = static_cast<float>(options.decay);
  how.momentum = static_cast<float>(options.momentum);
  how.seed = state.seed;
  how.lambda = lambda.begin();
  how.lambda_count = sites;
  result.size = sizeof result;
  return log.open(options.log, first);
}

/// One step; false after saying why there is none.
bool Trainer::step(Windows &windows) {
  double begin = now();
  uint64_t sequences = options.batch * options.accumulate;
  for (uint64_t i = 0; i < sequences; ++i)
    windows.read(state.data_position + i, ids.begin() + i * options.seq,
                 targets.begin() + i * options.seq);
  double rate = options.rate.after(state.step);
  options.lambda.after(state.step, lambda.begin(), lambda.size());
  how.lr = static_cast<float>(rate);
  how.step = state.step + 1;
  Error what;
  if (qopt_train_step(session.context, batches.begin(), batches.size(), &how,
                      &result, &what) != QOPT_OK) {
    endLine();
    fail(what);
    return false;
  }
  ++state.step;
  state.data_position += sequences;
  double seconds = now() - begin;
  log.add({state.step, result.loss, result.grad_norm, rate, lambda.begin(),
           lambda.size(),
           static_cast<double>(sequences * options.seq) / seconds});
  return true;
}

/// Says that a step changed nothing; false when there were too many.
bool Trainer::skipped() {
  ++skips;
  endLine();
  if (++inARow == 1)
    note("step %llu: the gradients are not finite, nothing was changed",
         wide(state.step));
  if (inARow < mostSkips)
    return true;
  error("the gradients of %llu steps in a row were not finite: use a smaller "
        "--lr, more --warmup or a smaller --clip",
        wide(mostSkips));
  return false;
}

/// Writes the state file if there is anything new; false after saying why not.
bool Trainer::save() {
  if (!options.state || (saved == state.step && saved))
    return true;
  Error what;
  if (qopt_state_save(session.context, options.state, &state, &what) !=
      QOPT_OK) {
    endLine();
    fail(what);
    return false;
  }
  saved = state.step;
  return true;
}

/// "3 h 12 min", "2 min 05 s".
static void printTime(double seconds) {
  auto whole = static_cast<uint64_t>(seconds + 0.5);
  if (whole >= 3600)
    fprintf(stderr, "%llu h %02llu min", wide(whole / 3600),
            wide(whole / 60 % 60));
  else
    fprintf(stderr, "%llu min %02llu s", wide(whole / 60), wide(whole % 60));
}

/// A line on a terminal that is written over again and again; elsewhere one now
/// and then.
void Trainer::show(bool last) {
  bool watched = isatty(STDERR_FILENO);
  double time = now();
  if (!last && shown > 0 &&
      time - shown < (watched ? watchedPeriod : quietPeriod))
    return;
  shown = time;
  double sum = 0;
  for (float value : lambda)
    sum += static_cast<double>(value);
  fprintf(stderr, "%sstep %llu/%llu  loss %.4f  norm %.3g", watched ? "\r" : "",
          wide(state.step), wide(options.steps), result.loss, result.grad_norm);
  if (lambda.size())
    fprintf(stderr, "  lambda %.3f", sum / static_cast<double>(lambda.size()));
  uint64_t tokens = options.batch * options.accumulate * options.seq;
  double pace = (time - began) / static_cast<double>(state.step - first);
  fprintf(stderr, "  %.0f tokens/s  ", static_cast<double>(tokens) / pace);
  printTime(pace * static_cast<double>(options.steps - state.step));
  lineOpen = watched && !last;
  fprintf(stderr, " left%s", lineOpen ? "\033[K" : "\n");
}

void Trainer::endLine() {
  if (lineOpen)
    fputc('\n', stderr);
  lineOpen = false;
}

int Trainer::run(Windows &windows) {
  if (!open(windows))
    return failed;
  if (state.step >= options.steps) {
    note("'%s' has %llu steps already: there is nothing to do", options.state,
         wide(state.step));
    return done;
  }
  // A disk that is full may have room again when the next state is written.
  bool fine = true;
  began = now();
  while (fine && state.step < options.steps && !interruptWanted()) {
    fine = step(windows);
    if (!fine)
      break;
    bool finite = result.grad_norm - result.grad_norm == 0;
    if (finite)
      inARow = 0;
    else
      fine = skipped();
    bool last = !fine || state.step == options.steps || interruptWanted();
    if (!last)
      show(false);
    if (!last && options.saveEvery && state.step % options.saveEvery == 0)
      save();
  }
  if (state.step > first)
    show(true);
  bool kept = save();
  if (skips)
    note("%llu of %llu steps were skipped", wide(skips),
         wide(state.step - first));
  if (!fine || !kept)
    return failed;
  if (state.step == options.steps)
    return done;
  note("stopped after step %llu%s", wide(state.step),
       options.state ? "; the same command goes on from there" : "");
  return interrupted;
}

} // namespace qopt::cli
