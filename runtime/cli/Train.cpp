// `train`: from flags to a run.

#include "qopt/runtime/Context.h"
#include "qopt/runtime/cli/Commands.h"
#include "qopt/runtime/cli/Interrupt.h"
#include "qopt/runtime/cli/LossCurve.h"
#include "qopt/runtime/cli/Machine.h"
#include "qopt/runtime/cli/MemoryPlan.h"
#include "qopt/runtime/cli/Report.h"
#include "qopt/runtime/cli/Trainer.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

namespace qopt::cli {

/// Where they are not given, and the model allows it.
constexpr uint64_t usualBatch = 8, usualSeq = 256;
/// A gradual schedule that nobody set takes half of the run, and no more than
/// this many steps.
constexpr uint64_t usualLambdaSteps = 1000;
/// Of Muon, as it was published.
constexpr double muonMomentum = 0.95;

static unsigned long long wide(uint64_t value) { return value; }

namespace {
/// Flags whose values are texts first.
struct Texts {
  const char *schedule = "constant", *lambda = nullptr, *order = "shuffled";
};
} // namespace

//===--- flags ------------------------------------------------------------===//

/// Gives the texts their meaning; says which has none.
static bool readTexts(const Texts &texts, TrainOptions &options) {
  options.shuffled = !strcmp(texts.order, "shuffled");
  if (!options.data.size())
    error("train expects data: --data FILE");
  else if (!options.steps)
    error("train expects how long to train: --steps N");
  else if (!options.rate.setShape(texts.schedule))
    error("--schedule expects constant, linear or cosine, got '%s'",
          texts.schedule);
  else if (!options.shuffled && strcmp(texts.order, "sequential"))
    error("--order expects shuffled or sequential, got '%s'", texts.order);
  else if (texts.lambda && !options.lambda.parse(texts.lambda))
    error("--lambda expects a number from 0 to 1, linear:N or layers:N, got "
          "'%s'",
          texts.lambda);
  else
    return true;
  return false;
}

static bool readOptions(const Invocation &invocation, TrainOptions &options,
                        Texts &texts, Common &common, int *code) {
  options.rate.peak = 1e-4;
  const Flag flags[] = {
      {"--data", "FILE",
       "UTF-8 text, .npy of token ids, or .jsonl with a line\n"
       "{\"text\"} or {\"prompt\", \"response\"} (loss on the\n"
       "response only) each; may be given more than once",
       options.data},
      {"--steps", "N", "steps of the whole run, those before a resume included",
       options.steps, 1, UINT64_MAX},
      {"--lr", "R", "learning rate (default: 1e-4)", options.rate.peak, 1000},
      {"--schedule", "SHAPE",
       "constant, linear or cosine: from R down to 0 over\nall steps (default: "
       "constant)",
       texts.schedule},
      {"--warmup", "N",
       "first steps, in which the rate rises to R (default: 0)",
       options.rate.warmup, 0, most32},
      {"--lambda", "SCHEDULE",
       "how far to quantize: a number, linear:N (0 to 1 over\n"
       "N steps) or layers:N (the same, layer after layer)\n"
       "(default: linear over half of the steps, at most 1000)",
       texts.lambda},
      {"--batch", "B",
       "sequences that are computed at once (default: 8, or\nwhat the model "
       "was compiled for if that is less)",
       options.batch, 1, most32},
      {"--seq", "S",
       "tokens of a sequence (default: 256, or the model's\nlongest if that "
       "is less)",
       options.seq, 1, most32},
      {"--accumulate", "A", "batches whose gradients make a step (default: 1)",
       options.accumulate, 1, 1 << 20},
      {"--order", "ORDER",
       "shuffled, or sequential: as they lie in the data\n(default: shuffled)",
       texts.order},
      {"--clip", "C", "largest norm of the gradients; 0: any (default: 1)",
       options.clip, 1e30},
      {"--beta1", "B", "of AdamW (default: 0.9)", options.beta1, 1},
      {"--beta2", "B", "of AdamW (default: 0.999)", options.beta2, 1},
      {"--eps", "E", "of AdamW (default: 1e-8)", options.eps, 1},
      {"--momentum", "M", "of SGD and Muon (default: 0 and 0.95)",
       options.momentum, 1},
      {"--weight-decay", "D", "(default: 0)", options.decay, 1000},
      {"--seed", "S", "order of the data, and rounding by chance (default: 0)",
       options.seed, 0, UINT64_MAX - 1},
      {"--state", "FILE",
       "safetensors file with all that a run needs to go on;\n"
       "if it is there, this one goes on from it",
       options.state},
      {"--save-every", "N",
       "steps between state files, beside the one at the\nend; 0: that one "
       "only (default: 100)",
       options.saveEvery, 0, UINT64_MAX},
      {"--save-adapter", "DIR",
       "what is trained, as a PEFT adapter (of a model that was\n"
       "compiled with --train=lora)",
       options.adapter},
      {"--log", "FILE",
       "a line of JSON for each step; the curve of the losses\nis drawn beside "
       "it (or the state file) as .svg",
       options.log}};
  Description about = {
      "--data FILE... --steps N [flags]",
      "Trains the parameters that the model was compiled for to train. Ctrl-C "
      "ends the\nrun after a step, with its state written.\n",
      flags, sizeof flags / sizeof *flags};
  if (!parse(invocation, about, common, code))
    return false;
  options.rate.steps = options.steps;
  return true;
}

//===--- what the model takes ---------------------------------------------===//

/// A size that may be left out; says so when the model does not take it.
static bool choose(const char *flag, uint64_t usual, uint64_t most,
                   const char *instead, uint64_t *size) {
  if (!*size)
    *size = usual < most ? usual : most;
  if (*size <= most)
    return true;
  error("%s %llu is more than the model was compiled for, %llu; compile it "
        "with %s %llu",
        flag, wide(*size), wide(most), instead, wide(*size));
  return false;
}

static double usualMomentum(const qopt_program &program) {
  for (uint32_t i = 0; i < program.variable_count; ++i)
    if (strstr(program.variables[i].name, ".muon."))
      return muonMomentum;
  return 0;
}

static bool trainsBranches(const qopt_program &program) {
  for (uint32_t i = 0; i < program.variable_count; ++i)
    if (strstr(program.variables[i].name, ".lora_A.weight"))
      return true;
  return false;
}

/// Fits what was asked for to the model; says why when it does not fit.
static bool fit(const Session &session, const Texts &texts,
                TrainOptions &options) {
  const qopt_model &model = *session.model;
  uint64_t sites = qopt_model_lambda_count(&model);
  if (options.accumulate > 1 && !(model.trainAccumulate && model.trainUpdate)) {
    error("--accumulate %llu: the model cannot sum gradients: it was compiled "
          "without train_accumulate",
          wide(options.accumulate));
    return false;
  }
  if (texts.lambda && !sites) {
    error("--lambda %s: the model has no gradual schedule; its recipe "
          "quantizes nothing while it trains",
          texts.lambda);
    return false;
  }
  if (options.adapter && !trainsBranches(*model.program)) {
    error("--save-adapter %s: the model trains no branches: compile it with "
          "'qopt --train=lora'",
          options.adapter);
    return false;
  }
  if (!texts.lambda)
    options.lambda.setLinear(options.steps / 2 < usualLambdaSteps
                                 ? options.steps / 2
                                 : usualLambdaSteps);
  if (options.momentum < 0)
    options.momentum = usualMomentum(*model.program);
  return choose("--batch", usualBatch, session.context->maxBatch, "--max-batch",
                &options.batch) &&
         choose("--seq", usualSeq, session.context->maxSeq, "--max-seq",
                &options.seq);
}

//===--- after the run ----------------------------------------------------===//

/// The path of a file with another ending.
static char *withEnding(const char *path, const char *ending) {
  const char *slash = strrchr(path, '/');
  const char *dot = strrchr(slash ? slash : path, '.');
  auto bytes = static_cast<int>(dot ? dot - path : strlen(path));
  char *result = nullptr;
  return asprintf(&result, "%.*s%s", bytes, path, ending) < 0 ? nullptr
                                                              : result;
}

/// Beside the log, or the state; nowhere for a run that leaves neither.
static void drawCurve(const TrainOptions &options,
                      const runtime::Growing<LossPoint> &losses) {
  const char *beside = options.log ? options.log : options.state;
  if (!beside || !losses.size())
    return;
  char *path = withEnding(beside, ".svg");
  const char *name = strrchr(beside, '/');
  if (!path || !writeLossCurve(path, name ? name + 1 : beside, losses))
    error("cannot write '%s': %s", path ? path : "the loss curve",
          strerror(errno));
  free(path);
}

static void reportMemory(const MemoryPlan &plan) {
  uint64_t real = peakMemory();
  fprintf(stderr, "memory      predicted %s, at most %s held (%+.0f %%)\n",
          ByteText(plan.total()).text, ByteText(real).text,
          100 * (static_cast<double>(real) / static_cast<double>(plan.total()) -
                 1));
}

static bool saveAdapter(const Session &session, const TrainOptions &options) {
  Error what;
  if (!options.adapter ||
      qopt_context_save_adapter(session.context, options.adapter, &what) ==
          QOPT_OK)
    return true;
  fail(what);
  return false;
}

static int trainWith(const Session &session, const TrainOptions &options) {
  TrainTokens tokens;
  for (const char *path : options.data)
    if (!tokens.add(session, path))
      return failed;
  MemoryPlan plan;
  bool sums = options.accumulate > 1 || !session.model->trainStep;
  if (!plan.make(session, options.batch, options.seq, sums)) {
    error("--batch %llu and --seq %llu make sizes that are no numbers",
          wide(options.batch), wide(options.seq));
    return failed;
  }
  plan.print();
  if (!plan.fits() || !fitsOnDevice(session,
                                    sums ? session.model->trainAccumulate
                                         : session.model->trainStep,
                                    options.batch, options.seq, options.seq))
    return failed;
  Trainer trainer(session, options);
  if (!trainer.resume())
    return failed;
  Windows windows(tokens, options.seq, options.shuffled, trainer.seed());
  if (!windows.open())
    return failed;
  // What cannot be written is known before the run costs time.
  if (options.adapter && access(options.adapter, F_OK) &&
      !saveAdapter(session, options))
    return failed;
  if (!options.state && !options.adapter)
    note("without --state nothing of what is trained is kept");
  catchInterrupt(/*terminate=*/true);
  int code = trainer.run(windows);
  if (!saveAdapter(session, options))
    code = failed;
  drawCurve(options, trainer.losses());
  reportMemory(plan);
  return code;
}

/// That there is nothing to train is said before what is missing for it.
static bool canTrain(const qopt_model &model) {
  if (model.trainStep || (model.trainAccumulate && model.trainUpdate))
    return true;
  error("this model has no training entry; compile it with 'qopt --train'");
  return false;
}

int train(const Invocation &invocation) {
  TrainOptions options;
  Texts texts;
  Common common;
  int code = done;
  if (!readOptions(invocation, options, texts, common, &code))
    return code;
  Session session;
  if (!session.openModel() || !canTrain(*session.model))
    return failed;
  if (!readTexts(texts, options))
    return misused;
  if (common.adapter && !strcmp(common.adapter, "none")) {
    error("--adapter none: branches of zeros stay zeros; leave it out, or name "
          "an adapter to go on from");
    return misused;
  }
  if (!session.openContext(common) || !fit(session, texts, options))
    return failed;
  return trainWith(session, options);
}

} // namespace qopt::cli
