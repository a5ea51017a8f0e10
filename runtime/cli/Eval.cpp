// `eval`: how well the model predicts a text.
//
// The tokens are cut into windows of S that do not overlap. Within a window
// each token but the first is predicted from those before it: S - 1
// predictions. What is left at the end is a shorter window; one token alone
// predicts nothing.

#include "qopt/runtime/Model.h"
#include "qopt/runtime/Numbers.h"
#include "qopt/runtime/cli/Commands.h"
#include "qopt/runtime/cli/Files.h"
#include "qopt/runtime/cli/Json.h"
#include "qopt/runtime/cli/MemoryPlan.h"
#include "qopt/runtime/cli/Npy.h"
#include "qopt/runtime/cli/Prompt.h"
#include "qopt/runtime/cli/Report.h"
#include "qopt/runtime/cli/Session.h"
#include "qopt/runtime/cli/Tokens.h"

#include <stdio.h>
#include <unistd.h>

namespace qopt::cli {

/// Window length where none is asked for and the model allows it.
constexpr uint64_t usualWindow = 512;
/// Windows run together as long as their logits take less than this.
constexpr uint64_t mostLogitsBytes = uint64_t(256) << 20;

//===--- tokens -----------------------------------------------------------===//

static bool readTokens(const Session &session, const char *path, Ids &ids) {
  runtime::Growing<char> text;
  if (!readWhole(path, text))
    return false;
  if (isNpy(text.begin(), text.size()))
    return readIdArray(path, ids);
  return encode(session.model, text.begin(), text.size(), ids);
}

//===--- windows ----------------------------------------------------------===//

namespace {
/// Sums the windows of one text.
class Evaluation {
public:
  Evaluation(const Session &session, const Ids &ids, uint64_t window)
      : session(session), ids(ids), window(window) {}

  /// Windows that run together at first.
  bool run(uint64_t batch);

  uint64_t count = 0; ///< predictions
  double sum = 0;     ///< of their negative log-likelihoods

private:
  qopt_status measure(uint64_t begin, uint64_t size, uint64_t batch,
                      qopt_error *what);
  void showProgress(uint64_t done) const;

  const Session &session;
  const Ids &ids;
  uint64_t window;
  Ids inputs, targets;
  runtime::Growing<float> losses;
};
} // namespace

/// Adds `batch` windows of `size` tokens, the first one at `begin`.
qopt_status Evaluation::measure(uint64_t begin, uint64_t size, uint64_t batch,
                                qopt_error *what) {
  uint64_t predictions = size - 1;
  inputs.clear();
  targets.clear();
  for (uint64_t i = 0; i < batch; ++i) {
    const int64_t *tokens = ids.begin() + begin + i * size;
    inputs.append(tokens, predictions);
    targets.append(tokens + 1, predictions);
  }
  losses.resize(batch * predictions);
  if (inputs.failed() || targets.failed() || losses.failed()) {
    snprintf(what->message, sizeof what->message, "out of memory");
    return QOPT_UNAVAILABLE;
  }
  qopt_status status =
      qopt_nll(session.context, inputs.begin(), targets.begin(), batch,
               predictions, losses.begin(), what);
  if (status != QOPT_OK)
    return status;
  // In the order of the text, so that the sum does not depend on the batch.
  for (float loss : losses)
    sum += static_cast<double>(loss);
  count += batch * predictions;
  return QOPT_OK;
}

void Evaluation::showProgress(uint64_t done) const {
  if (isatty(STDERR_FILENO))
    fprintf(stderr, "\r%llu of %zu tokens%s",
            static_cast<unsigned long long>(done), ids.size(),
            done == ids.size() ? "\n" : "");
}

bool Evaluation::run(uint64_t batch) {
  uint64_t begin = 0;
  while (ids.size() - begin >= 2) {
    uint64_t whole = (ids.size() - begin) / window;
    uint64_t size = whole ? window : ids.size() - begin;
    if (!whole)
      batch = 1;
    else if (batch > whole)
      batch = whole;
    Error what;
    qopt_status status = measure(begin, size, batch, &what);
    if (status == QOPT_UNAVAILABLE && batch > 1) {
      batch /= 2; // less memory
      continue;
    }
    if (status != QOPT_OK) {
      fail(what);
      return false;
    }
    begin += batch * size;
    showProgress(begin);
  }
  return true;
}

/// How many windows run together: what the model takes, in little memory.
static uint64_t batchOf(const Session &session, uint64_t window) {
  auto batch = static_cast<uint64_t>(session.model->program->max_batch);
  uint64_t bytes =
      4 * window * static_cast<uint64_t>(qopt_model_vocabulary(session.model));
  uint64_t fitting = mostLogitsBytes / bytes;
  return fitting < 1 ? 1 : fitting < batch ? fitting : batch;
}

//===--- the command ------------------------------------------------------===//

/// The length of a window, which the model must take; 0 after saying why not.
static uint64_t windowOf(const Session &session, uint64_t wanted) {
  auto limit = static_cast<uint64_t>(qopt_context_max_seq(session.context));
  if (!wanted)
    return limit < usualWindow ? limit : usualWindow;
  if (wanted <= limit)
    return wanted;
  error("--seq %llu is longer than the model's longest sequence, %llu",
        static_cast<unsigned long long>(wanted),
        static_cast<unsigned long long>(limit));
  return 0;
}

static int print(const Evaluation &result, bool json) {
  double mean = result.sum / static_cast<double>(result.count);
  double perplexity = runtime::exponential(mean);
  if (json) {
    Json out(json_object());
    out.set("tokens", result.count);
    out.set("nll", mean);
    out.set("perplexity", perplexity);
    if (!out.print())
      return failed;
  } else {
    printf("tokens      %llu\nnll         %.6f\nperplexity  %.6f\n",
           static_cast<unsigned long long>(result.count), mean, perplexity);
    if (!flushOutput())
      return failed;
  }
  if (perplexity - perplexity == 0)
    return done;
  error("the model's predictions are not finite");
  return failed;
}

int eval(const Invocation &invocation) {
  const char *path = nullptr;
  uint64_t seq = 0;
  bool json = false;
  Common common;
  const Flag flags[] = {
      {"--data", "FILE", "UTF-8 text, or .npy of token ids (i32 or i64)", path},
      {"--seq", "S",
       "tokens in a window (default: 512, or the model's\n"
       "longest sequence if that is less)",
       seq, 2, most32},
      {"--json", "print JSON", json}};
  Description about = {"--data FILE [--seq S] [--json]",
                       "Prints the mean negative log-likelihood (nats) of a "
                       "predicted token, over\nwindows of S tokens that do not "
                       "overlap, and its exponential.\n",
                       flags, sizeof flags / sizeof *flags};
  int code = done;
  if (!parse(invocation, about, common, &code))
    return code;
  if (!path) {
    error("eval expects a text: --data FILE");
    return misused;
  }

  Session session;
  if (!session.open(common))
    return failed;
  if (!qopt_model_vocabulary(session.model)) {
    error("this is no language model; 'run' runs it");
    return failed;
  }
  uint64_t window = windowOf(session, seq);
  Ids ids;
  if (!window || !readTokens(session, path, ids) ||
      !checkIds(ids, qopt_model_vocabulary(session.model)))
    return failed;
  if (ids.size() < 2 || window < 2) {
    error("'%s' has %zu tokens, expects at least 2: there is nothing to "
          "predict",
          path, ids.size());
    return failed;
  }
  uint64_t batch = batchOf(session, window);
  Evaluation evaluation(session, ids, window);
  if (!fitsOnDevice(session, session.model->nll, batch, window - 1,
                    window - 1) ||
      !evaluation.run(batch))
    return failed;
  return print(evaluation, json);
}

} // namespace qopt::cli
