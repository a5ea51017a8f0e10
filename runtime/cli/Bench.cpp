// `bench`: how fast the model is on this machine.
//
// A round prefills P tokens and decodes G more one by one; a model without a
// past runs once. Rounds that other programs disturbed are repeated, and none
// of their times is used while enough others are left. The tokens are random
// and always the same: time does not depend on what they say.
//
// On a GPU the bandwidth beside the times is that of a copy within its memory,
// bytes read and bytes written, and the time between the first launch of a call
// and the end of the last stands beside that of the call.
//
// --profile runs the same once more and counts what each kernel takes.

#include "qopt/runtime/Context.h"
#include "qopt/runtime/Cpu.h"
#include "qopt/runtime/Model.h"
#include "qopt/runtime/cli/Commands.h"
#include "qopt/runtime/cli/Fill.h"
#include "qopt/runtime/cli/Json.h"
#include "qopt/runtime/cli/Machine.h"
#include "qopt/runtime/cli/MemoryPlan.h"
#include "qopt/runtime/cli/Profiler.h"
#include "qopt/runtime/cli/Report.h"

#include <stdio.h>

namespace qopt::cli {

namespace {
struct Options {
  uint64_t prompt = 0, gen = 0, seq = 0; ///< 0: not given
  uint64_t rounds = 5, batch = 1;
  bool json = false, allLogits = false, profile = false;
};

/// Seconds that a round took; 0 for what it does not do.
struct Round {
  double prefill = 0, decode = 0, run = 0;
  /// Of the launches alone, on a GPU.
  double devicePrefill = 0, deviceDecode = 0, deviceRun = 0;
};

/// The rounds that count, and how many did not.
struct Rounds {
  runtime::Growing<Round> quiet, noisy;
  uint64_t disturbed = 0;
};

class Bench {
public:
  Bench(const Options &options, const Session &session)
      : options(options), session(session), entry(session) {}

  bool prepare();
  bool measure(Rounds &rounds);
  /// Counts the launches of each part of a round, and of a step of training.
  bool profile(Profiler &profiler);
  bool cached() const { return qopt_model_has_cache(session.model); }

  Options options; ///< with what was not given filled in

private:
  bool settle();
  bool forward(const int64_t *ids, uint64_t count);
  bool round(Round &times);
  bool run() { return entry.run(); }
  bool refill();
  bool prefill();
  bool decode();
  bool train();
  bool trains() const { return qopt_model_trainable(session.model, 0); }
  /// Runs a part of a round; adds the seconds that it takes.
  bool time(bool (Bench::*part)(), double &seconds, double &onDevice);

  const Session &session;
  Entry entry; ///< where all logits are computed
  runtime::Growing<int64_t> ids;
  runtime::Growing<float> logits;
};
} // namespace

//===--- rounds -----------------------------------------------------------===//

static bool refuse(const char *flag, const char *why) {
  error("%s does not go with this model: %s", flag, why);
  return false;
}

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

/// Checks lengths against the model, and chooses those that were not given.
bool Bench::settle() {
  auto limit = static_cast<uint64_t>(qopt_context_max_seq(session.context));
  if (!cached()) {
    if (options.prompt || options.gen)
      return refuse(options.prompt ? "--prompt" : "--gen",
                    "it has no past; --batch and --seq say what it runs on");
    if (options.allLogits)
      return refuse("--all-logits", "it has no past and computes all anyway");
    if (!options.seq)
      options.seq = limit && limit < 128 ? limit : 128;
    return true;
  }
  if (options.seq)
    return refuse("--seq", "it has a past; --prompt and --gen say what it runs "
                           "on");
  // What was not given makes room for what was.
  uint64_t prompt = options.prompt, gen = options.gen;
  if (!gen)
    gen = least(64, !prompt ? limit / 3 : prompt < limit ? limit - prompt : 0);
  if (!prompt)
    prompt = least(128, gen < limit ? limit - gen : 0);
  options.prompt = prompt = prompt ? prompt : 1;
  options.gen = gen = gen ? gen : 1;
  if (prompt + gen <= limit)
    return true;
  error("%llu tokens of prompt and %llu generated are more than the model's "
        "longest sequence, %llu",
        static_cast<unsigned long long>(prompt),
        static_cast<unsigned long long>(gen),
        static_cast<unsigned long long>(limit));
  return false;
}

bool Bench::prepare() {
  if (!settle() ||
      (cached() && !fitsOnDevice(session, session.model->prefill, options.batch,
                                 options.prompt, options.prompt + options.gen)))
    return false;
  int64_t vocabulary = qopt_model_vocabulary(session.model);
  if (!cached() || options.allLogits) {
    uint64_t seq = cached() ? options.prompt : options.seq;
    if (!entry.open() || !fillInputs(entry, options.batch, seq, vocabulary) ||
        !entry.makeOutputs())
      return false;
  }
  if (!cached() && !trains())
    return true;
  uint64_t most = options.prompt > options.gen ? options.prompt : options.gen;
  most = most > options.seq ? most : options.seq;
  uint64_t idCount = 0, logitCount = 0;
  if (__builtin_mul_overflow(options.batch, most, &idCount) ||
      __builtin_mul_overflow(options.batch, static_cast<uint64_t>(vocabulary),
                             &logitCount) ||
      !ids.resize(idCount) || !logits.resize(logitCount)) {
    failMemory("preparing the measurement");
    return false;
  }
  for (size_t i = 0; i < ids.size(); ++i)
    ids[i] = static_cast<int64_t>(randomNumber(i) %
                                  static_cast<uint64_t>(vocabulary));
  return true;
}

bool Bench::forward(const int64_t *tokens, uint64_t count) {
  Error what;
  if (qopt_forward(session.context, tokens, options.batch, count,
                   logits.begin(), &what) == QOPT_OK)
    return true;
  fail(what);
  return false;
}

/// Fills the caches with the prompt.
bool Bench::refill() {
  Error what;
  if (qopt_context_rewind(session.context, 0, &what) != QOPT_OK) {
    fail(what);
    return false;
  }
  return forward(ids.begin(), options.prompt);
}

bool Bench::prefill() { return options.allLogits ? entry.run() : refill(); }

/// Behind the prompt.
bool Bench::decode() {
  for (uint64_t i = 0; i < options.gen; ++i)
    if (!forward(ids.begin() + i * options.batch, 1))
      return false;
  return true;
}

/// A step on the tokens of the prompt, each its own target, that changes no
/// parameter.
bool Bench::train() {
  Error what;
  qopt_train_options how = {};
  how.size = sizeof how;
  qopt_train_result result = {};
  result.size = sizeof result;
  qopt_micro_batch batch = {ids.begin(), ids.begin(), options.batch,
                            cached() ? options.prompt : options.seq};
  qopt_status status = qopt_train_defaults(&how, &what);
  how.lr = 0;
  if (!status)
    status = qopt_train_step(session.context, &batch, 1, &how, &result, &what);
  if (status)
    fail(what);
  return !status;
}

bool Bench::time(bool (Bench::*part)(), double &seconds, double &onDevice) {
  runtime::cuda::Device *device = session.context->device;
  if (device) {
    device->timed = true;
    device->seconds = 0;
  }
  double begin = now();
  bool ran = (this->*part)();
  seconds = now() - begin;
  onDevice = device ? device->seconds : 0;
  return ran;
}

bool Bench::round(Round &times) {
  if (!cached())
    return time(&Bench::run, times.run, times.deviceRun);
  if (!time(&Bench::prefill, times.prefill, times.devicePrefill))
    return false;
  // All logits come from another entry, which leaves no keys and values.
  return (!options.allLogits || refill()) &&
         time(&Bench::decode, times.decode, times.deviceDecode);
}

bool Bench::measure(Rounds &rounds) {
  Round warmUp;
  if (!round(warmUp))
    return false;
  for (uint64_t i = 0; i < 2 * options.rounds; ++i) {
    Watch watch;
    Round times;
    if (!round(times))
      return false;
    if (watch.disturbed()) {
      ++rounds.disturbed;
      rounds.noisy.push(times);
    } else {
      rounds.quiet.push(times);
    }
    if (rounds.quiet.size() == options.rounds)
      break;
  }
  if (rounds.disturbed)
    note("other programs disturbed %llu of %zu rounds%s",
         static_cast<unsigned long long>(rounds.disturbed),
         rounds.quiet.size() + rounds.noisy.size(),
         rounds.quiet.size() ? "; they do not count"
                             : "; the times below are theirs");
  if (!rounds.quiet.size())
    rounds.quiet.append(rounds.noisy.begin(), rounds.noisy.size());
  if (!rounds.quiet.failed())
    return true;
  failMemory("measuring");
  return false;
}

bool Bench::profile(Profiler &profiler) {
  struct Part {
    const char *name;
    bool isThere;
    uint64_t steps;
    bool (Bench::*before)(); ///< not counted
    bool (Bench::*work)();
  };
  const Part parts[] = {
      {"run", !cached(), 1, &Bench::run, &Bench::run},
      {"prefill", cached(), 1, &Bench::prefill, &Bench::prefill},
      {"decode", cached(), options.gen, &Bench::refill, &Bench::decode},
      {"train_step", trains(), 1, &Bench::train, &Bench::train}};
  for (const Part &part : parts) {
    if (!part.isThere)
      continue;
    for (uint64_t i = 0; i < options.rounds; ++i) {
      if (!(this->*part.before)())
        return false;
      profiler.start();
      bool ran = (this->*part.work)();
      profiler.stop();
      if (!ran)
        return false;
    }
    profiler.end(part.name, part.steps * options.rounds);
  }
  return true;
}

//===--- results ----------------------------------------------------------===//

namespace {
/// Median and best of the times of one part of a round.
struct Times {
  Times(const Rounds &rounds, double Round::*part) {
    runtime::Growing<double> sorted;
    for (const Round &round : rounds.quiet) {
      sorted.push(round.*part);
      for (size_t i = sorted.size() - 1; i && sorted[i] < sorted[i - 1]; --i) {
        double other = sorted[i - 1];
        sorted[i - 1] = sorted[i];
        sorted[i] = other;
      }
    }
    size_t n = sorted.size();
    if (!n || sorted.failed() || sorted[0] <= 0)
      return;
    best = sorted[0];
    median = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
  }
  double median = 0, best = 0; ///< seconds; 0: there are none
};
} // namespace

/// What there is no number for.
static double none() { return __builtin_nan(""); }

static double rate(double amount, double seconds) {
  return seconds > 0 ? amount / seconds : none();
}

static double milliseconds(double seconds) {
  return seconds > 0 ? seconds * 1e3 : none();
}

/// The keys that programs rely on, then what the numbers were measured with.
static void fill(Json &out, const Bench &bench, const Rounds &rounds,
                 const Session &session, uint64_t threads,
                 uint64_t bytesPerToken) {
  const Options &options = bench.options;
  auto batch = static_cast<double>(options.batch);
  double prompt = batch * static_cast<double>(options.prompt);
  double gen = batch * static_cast<double>(options.gen);
  Times prefill(rounds, &Round::prefill), decode(rounds, &Round::decode);
  Times run(rounds, &Round::run);
  uint64_t peak = peakMemory(); // before the buffer that is read next
  runtime::cuda::Device *device = session.context->device;
  double bandwidth = device ? copyBandwidth(*device) : readBandwidth(threads);
  bandwidth = bandwidth > 0 ? bandwidth : none();
  // The sequences of a batch share what is read.
  double read =
      static_cast<double>(bytesPerToken) * static_cast<double>(options.gen);

  out.set("prefill_tokens_per_s", rate(prompt, prefill.median));
  out.set("prefill_tokens_per_s_best", rate(prompt, prefill.best));
  out.set("decode_tokens_per_s", rate(gen, decode.median));
  out.set("decode_tokens_per_s_best", rate(gen, decode.best));
  out.set("run_ms", milliseconds(run.median));
  out.set("run_ms_best", milliseconds(run.best));
  out.set("peak_rss_bytes", peak);
  out.set("bytes_per_token", bytesPerToken);
  out.set("read_bandwidth_bytes_per_s", bandwidth);
  out.set("decode_bandwidth_share", rate(read, decode.median) / bandwidth);
  out.set("decode_bandwidth_share_best", rate(read, decode.best) / bandwidth);
  if (device) {
    Times prefill(rounds, &Round::devicePrefill);
    Times decode(rounds, &Round::deviceDecode), run(rounds, &Round::deviceRun);
    double steps = static_cast<double>(options.gen);
    out.set("prefill_device_ms_best", milliseconds(prefill.best));
    out.set("decode_device_ms_best", milliseconds(decode.best / steps));
    out.set("run_device_ms_best", milliseconds(run.best));
  }
  out.set("rounds", static_cast<uint64_t>(rounds.quiet.size()));
  out.set("disturbed_rounds", rounds.disturbed);
  out.set("threads", threads);
  out.set("variant", session.model->variant->name);
  if (device)
    out.set("device", device->name());
  out.set("batch", options.batch);
  if (bench.cached()) {
    out.set("prompt", options.prompt);
    out.set("gen", options.gen);
    out.set("prefill_logits", options.allLogits ? "all" : "last");
  } else {
    out.set("seq", options.seq);
  }
}

static double numberOf(const Json &results, const char *key) {
  return json_number_value(json_object_get(results.get(), key));
}

static void printLine(const Json &results, const char *name, const char *key,
                      const char *unit, double scale) {
  char best[64];
  snprintf(best, sizeof best, "%s_best", key);
  if (!json_is_number(json_object_get(results.get(), key)))
    return;
  printf("%-16s%.2f %s", name, numberOf(results, key) * scale, unit);
  if (json_object_get(results.get(), best))
    printf(" (best %.2f)", numberOf(results, best) * scale);
  putchar('\n');
}

static void print(const Json &results) {
  printLine(results, "prefill", "prefill_tokens_per_s", "tokens/s", 1);
  printLine(results, "decode", "decode_tokens_per_s", "tokens/s", 1);
  printLine(results, "run", "run_ms", "ms", 1);
  printLine(results, "peak memory", "peak_rss_bytes", "MB", 1e-6);
  printLine(results, "read by a token", "bytes_per_token", "MB", 1e-6);
  const char *device = textOf(results.get(), "device", nullptr);
  printLine(results, device ? "copy bandwidth" : "read bandwidth",
            "read_bandwidth_bytes_per_s", "GB/s", 1e-9);
  printLine(results, "share in decode", "decode_bandwidth_share", "%", 100);
  printf("%-16s%.0f, ", "rounds", numberOf(results, "rounds"));
  if (device)
    printf("%s\n", device);
  else
    printf("%.0f threads, %s\n", numberOf(results, "threads"),
           textOf(results.get(), "variant"));
}

//===--- the command ------------------------------------------------------===//

static bool readOptions(const Invocation &invocation, Options &options,
                        Common &common, int *code) {
  const Flag flags[] = {
      {"--prompt", "P", "tokens of the prompt (default: 128)", options.prompt,
       1, most32},
      {"--gen", "G", "tokens to decode after it (default: 64)", options.gen, 1,
       most32},
      {"--all-logits",
       "compute the logits of all tokens of the prompt,\n"
       "not of the last one alone",
       options.allLogits},
      {"--rounds", "R", "rounds that count (default: 5)", options.rounds, 1,
       100000},
      {"--batch", "B", "sequences (default: 1)", options.batch, 1, most32},
      {"--seq", "S", "tokens of a model without a past (default: 128)",
       options.seq, 1, most32},
      {"--profile",
       "also launches, time, bytes and share of bandwidth\n"
       "of each kernel",
       options.profile},
      {"--json", "print JSON", options.json}};
  Description about = {"[flags]",
                       "Measures prefill of P tokens and decode of G more, or "
                       "for a model without a\npast one run: median and best "
                       "of R rounds after one to warm up.\n",
                       flags, sizeof flags / sizeof *flags};
  return parse(invocation, about, common, code);
}

int bench(const Invocation &invocation) {
  Options options;
  Common common;
  int code = done;
  if (!readOptions(invocation, options, common, &code))
    return code;
  Session session;
  if (!session.open(common))
    return failed;
  if (session.model->variant->emulated) {
    error("this code is for %s and was compiled with --emulate-isa: its speed "
          "says nothing; compile with --mcpu=native",
          session.model->variant->name);
    return failed;
  }
  Json info(readInfo(session.model));
  if (!info)
    return failed;
  Bench bench(options, session);
  Rounds rounds;
  if (!bench.prepare() || !bench.measure(rounds))
    return failed;
  Json results(json_object());
  uint64_t threads = common.threads ? common.threads : runtime::cpuCores();
  fill(results, bench, rounds, session, threads,
       countOf(info.get(), "bytes_per_token"));
  if (options.profile) {
    Profiler profiler(session, numberOf(results, "read_bandwidth_bytes_per_s"));
    if (!profiler.open() || !bench.profile(profiler))
      return failed;
    json_object_set(results.get(), "profile", profiler.results());
  }
  if (options.json)
    return results.print() ? done : failed;
  print(results);
  if (options.profile)
    printProfile(json_object_get(results.get(), "profile"));
  return flushOutput() ? done : failed;
}

} // namespace qopt::cli
