// `generate`: continues a text, token by token.

#include "qopt/runtime/Model.h"
#include "qopt/runtime/cli/Commands.h"
#include "qopt/runtime/cli/Files.h"
#include "qopt/runtime/cli/Interrupt.h"
#include "qopt/runtime/cli/MemoryPlan.h"
#include "qopt/runtime/cli/Prompt.h"
#include "qopt/runtime/cli/Report.h"
#include "qopt/runtime/cli/Session.h"
#include "qopt/runtime/cli/TextStream.h"

#include <stdio.h>

namespace qopt::cli {

namespace {
struct Options {
  const char *prompt = nullptr;
  uint64_t tokens = 256, topK = 0, seed = 0;
  double temperature = 0, topP = 1;
  runtime::Growing<const char *> stops;
  bool ids = false, chat = false;
};

/// Why a generation ended.
enum class End { count, text, stop, context, interrupt, reader, error };

/// What the timings say.
struct Progress {
  uint64_t prompt = 0, generated = 0;
  double first = 0;  ///< seconds until the first token
  double others = 0; ///< seconds from then on
};
} // namespace

//===--- the prompt -------------------------------------------------------===//

static bool readPrompt(const Options &options, const Session &session,
                       Ids &ids) {
  runtime::Growing<char> text;
  if (options.prompt[0] == '@') {
    if (!readWhole(options.prompt + 1, text))
      return false;
  } else {
    text.append(options.prompt, strlen(options.prompt));
  }
  bool read = options.ids ? readIds(text.begin(), text.size(), ids)
              : options.chat
                  ? encodeChat(session.model, text.begin(), text.size(), ids)
                  : encode(session.model, text.begin(), text.size(), ids);
  if (!read || !checkIds(ids, qopt_model_vocabulary(session.model)))
    return false;
  auto limit = static_cast<uint64_t>(qopt_context_max_seq(session.context));
  if (ids.size() > limit) {
    error("the prompt has %zu tokens, but the model takes %llu at most",
          ids.size(), static_cast<unsigned long long>(limit));
    return false;
  }
  if (ids.size() == 0)
    error("the prompt has no tokens: give a text that is not empty");
  return ids.size() != 0;
}

//===--- the loop ---------------------------------------------------------===//

namespace {
/// One generation: its context, its last logits, what it prints.
class Generation {
public:
  Generation(const Options &options, const Session &session)
      : options(options), session(session), text(options.stops) {}

  End run(const Ids &prompt);
  Progress progress;

private:
  bool forward(const int64_t *ids, uint64_t count);
  bool choose(int64_t *token);
  bool print(int64_t token, bool *stopped);

  const Options &options;
  const Session &session;
  TextStream text;
  bool bare = false; ///< the prompt has no text
  runtime::Growing<float> logits;
};
} // namespace

bool Generation::forward(const int64_t *ids, uint64_t count) {
  Error what;
  if (qopt_forward(session.context, ids, 1, count, logits.begin(), &what) ==
      QOPT_OK)
    return true;
  fail(what);
  return false;
}

bool Generation::choose(int64_t *token) {
  qopt_sampling sampling = {};
  sampling.size = sizeof sampling;
  sampling.temperature = static_cast<float>(options.temperature);
  sampling.top_k = static_cast<uint32_t>(options.topK);
  // The API's 0 stands for 1; the fewest tokens with next to no probability
  // are the most likely one.
  sampling.top_p = options.topP > 0 ? static_cast<float>(options.topP) : 1e-30f;
  sampling.seed = options.seed;
  Error what;
  if (qopt_sample(logits.begin(), qopt_model_vocabulary(session.model),
                  &sampling, progress.generated, token, &what) == QOPT_OK)
    return true;
  fail(what);
  return false;
}

/// Prints a token; `*stopped`: it completes a stop string.
bool Generation::print(int64_t token, bool *stopped) {
  *stopped = false;
  if (options.ids) {
    printf("%s%lld", progress.generated ? " " : "",
           static_cast<long long>(token));
    return true;
  }
  bool first = bare && progress.generated == 0;
  runtime::Growing<char> bytes;
  if (!decodeToken(session.model, token, first, bytes)) {
    failMemory("decoding a token");
    return false;
  }
  *stopped = text.add(bytes.begin(), bytes.size());
  return true;
}

End Generation::run(const Ids &prompt) {
  if (!logits.resize(
          static_cast<size_t>(qopt_model_vocabulary(session.model)))) {
    failMemory("starting to generate");
    return End::error;
  }
  progress.prompt = prompt.size();
  bare = beginsText(session.model, prompt);
  double begin = now();
  if (options.tokens && !forward(prompt.begin(), prompt.size()))
    return End::error;

  End end = End::count;
  auto limit = static_cast<uint64_t>(qopt_context_max_seq(session.context));
  while (progress.generated < options.tokens) {
    int64_t token = 0;
    bool stopped = false;
    if (interruptWanted()) {
      end = End::interrupt;
      break;
    }
    if (!choose(&token))
      return End::error;
    if (qopt_model_is_end(session.model, token)) {
      end = End::text;
      break;
    }
    if (!print(token, &stopped))
      return End::error;
    if (!flushOutput())
      return End::reader;
    if (progress.generated++ == 0) {
      progress.first = now() - begin;
      begin = now();
    }
    if (stopped) {
      end = End::stop;
      break;
    }
    if (progress.generated == options.tokens)
      break;
    if (qopt_context_position(session.context) >= limit) {
      end = End::context;
      break;
    }
    if (!forward(&token, 1))
      return End::error;
  }
  progress.others = now() - begin;
  if (options.ids)
    putchar('\n');
  else
    text.finish();
  return flushOutput() ? end : End::reader;
}

static void printTimings(const Progress &progress) {
  if (!progress.generated)
    return;
  fprintf(stderr,
          "prompt %llu tokens, %.1f tokens/s; first token after %.1f ms",
          static_cast<unsigned long long>(progress.prompt),
          static_cast<double>(progress.prompt) / progress.first,
          progress.first * 1e3);
  if (progress.generated > 1)
    fprintf(stderr, "; generated %llu tokens, %.1f tokens/s",
            static_cast<unsigned long long>(progress.generated),
            static_cast<double>(progress.generated - 1) / progress.others);
  fputc('\n', stderr);
}

//===--- the command ------------------------------------------------------===//

static bool readOptions(const Invocation &invocation, Options &options,
                        Common &common, int *code) {
  const Flag flags[] = {
      {"-p", "TEXT", "the prompt; @FILE reads it from a file", options.prompt},
      {"-n", "N", "most tokens to generate (default: 256)", options.tokens, 0,
       most32},
      {"--temp", "T",
       "temperature; 0, the default, always takes the most\nlikely token",
       options.temperature, 100},
      {"--top-k", "K", "choose among the K most likely (default: 0, all)",
       options.topK, 0, most32},
      {"--top-p", "P",
       "choose among the fewest that together have\nprobability P (default: 1)",
       options.topP, 1},
      {"--seed", "S", "same seed, same text (default: 0)", options.seed, 0,
       UINT64_MAX},
      {"--stop", "TEXT", "end before this text; may be given more than once",
       options.stops},
      {"--ids", "prompt and result are token ids with spaces between",
       options.ids},
      {"--chat", "the prompt is a user's turn in the model's chat\ntemplate",
       options.chat}};
  Description about = {"-p TEXT [flags]",
                       "Prints the text that follows the prompt, until the "
                       "model ends it, N tokens\nor the longest sequence. "
                       "Timings go to stderr.\n",
                       flags, sizeof flags / sizeof *flags};
  if (!parse(invocation, about, common, code))
    return false;
  *code = misused;
  bool emptyStop = false;
  for (const char *stop : options.stops)
    emptyStop |= !*stop;
  if (!options.prompt)
    error("generate expects a prompt: -p TEXT or -p @FILE");
  else if (options.ids && options.stops.size())
    error("--stop is for text, it does not go with --ids");
  else if (options.ids && options.chat)
    error("--chat is for text, it does not go with --ids");
  else if (emptyStop)
    error("--stop expects a text that is not empty");
  else
    return true;
  return false;
}

int generate(const Invocation &invocation) {
  Options options;
  Common common;
  int code = done;
  if (!readOptions(invocation, options, common, &code))
    return code;
  Session session;
  if (!session.open(common))
    return failed;
  if (!qopt_model_vocabulary(session.model)) {
    error("this is no language model; 'run' runs it");
    return failed;
  }
  Ids prompt;
  if (!readPrompt(options, session, prompt))
    return failed;
  bool cached = qopt_model_has_cache(session.model);
  auto limit = static_cast<uint64_t>(qopt_context_max_seq(session.context));
  uint64_t total = prompt.size() + options.tokens;
  total = total < limit ? total : limit;
  if (!fitsOnDevice(session, session.model->prefill, 1,
                    cached ? prompt.size() : total, total))
    return failed;
  if (!cached)
    note("the model has no past: each token computes the whole text anew");

  catchInterrupt();
  Generation generation(options, session);
  End end = generation.run(prompt);
  if (end == End::error || end == End::reader)
    return failed;
  if (end == End::context)
    note("ended at the longest sequence, %lld tokens",
         static_cast<long long>(qopt_context_max_seq(session.context)));
  printTimings(generation.progress);
  return end == End::interrupt ? interrupted : done;
}

} // namespace qopt::cli
