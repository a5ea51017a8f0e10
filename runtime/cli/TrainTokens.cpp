// The tokens that a model is trained on, and which of them it shall learn.

#include "qopt/runtime/cli/TrainTokens.h"
#include "qopt/runtime/Hash.h"
#include "qopt/runtime/JsonText.h"
#include "qopt/runtime/Model.h"
#include "qopt/runtime/cli/Files.h"
#include "qopt/runtime/cli/Npy.h"
#include "qopt/runtime/cli/Report.h"
#include "qopt/runtime/cli/Tokens.h"

#include <string.h>

namespace qopt::cli {

uint64_t TrainTokens::hash() const {
  return runtime::xxh64(reinterpret_cast<const uint8_t *>(tokens.begin()),
                        bytes());
}

/// Appends a document, whose first `known` tokens are not to be learned.
bool TrainTokens::addIds(const char *path, const Ids &ids, uint64_t known,
                         int64_t vocabulary) {
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= vocabulary) {
      error("'%s': expects tokens from 0 to %lld, got %lld (its token %zu): it "
            "was made with another tokenizer",
            path, static_cast<long long>(vocabulary - 1),
            static_cast<long long>(ids[i]), i);
      return false;
    }
    tokens.push(static_cast<uint32_t>(ids[i]) |
                (i == 0 || i < known ? skipped : 0));
  }
  if (tokens.failed())
    failMemory("reading training data");
  return !tokens.failed();
}

bool TrainTokens::addText(const Session &session, const char *path,
                          const runtime::Growing<char> &text) {
  Ids ids;
  return encode(session.model, text.begin(), text.size(), ids) &&
         addIds(path, ids, 0, session.model->program->vocabulary);
}

/// The token that ends a text: the first of the tokenizer's; -1: none.
static int64_t endOf(const Session &session) {
  int64_t vocabulary = session.model->program->vocabulary;
  for (int64_t id = 0; id < vocabulary; ++id)
    if (qopt_model_is_end(session.model, id))
      return id;
  return -1;
}

/// Tokens of a prompt and its answer, and how many of them are the prompt's.
/// The two are encoded together, as they will stand in one text: a token that
/// reaches over their border belongs to the answer.
static bool encodePair(const Session &session, const char *prompt,
                       const char *response, Ids &ids, uint64_t *known) {
  runtime::Growing<char> both;
  both.append(prompt, strlen(prompt));
  both.append(response, strlen(response));
  Ids alone;
  if (both.failed()) {
    failMemory("reading training data");
    return false;
  }
  if (!encode(session.model, prompt, strlen(prompt), alone) ||
      !encode(session.model, both.begin(), both.size(), ids))
    return false;
  *known = 0;
  while (*known < alone.size() && *known < ids.size() &&
         alone[*known] == ids[*known])
    ++*known;
  return true;
}

bool TrainTokens::addLines(const Session &session, const char *path,
                           const runtime::Growing<char> &text) {
  int64_t end = endOf(session), vocabulary = session.model->program->vocabulary;
  const char *at = text.begin(), *stop = text.end();
  runtime::JsonText line;
  for (uint64_t number = 1; at < stop; ++number) {
    auto *newline = static_cast<const char *>(
        memchr(at, '\n', static_cast<size_t>(stop - at)));
    const char *lineEnd = newline ? newline : stop;
    auto bytes = static_cast<size_t>(lineEnd - at);
    const char *begin = at;
    at = lineEnd + 1;
    if (strspn(begin, " \t\r") >= bytes)
      continue;
    bool isJson = line.parse(begin, bytes);
    const char *whole =
                   isJson ? line.textOf(line.root(), "text", nullptr) : nullptr,
               *prompt = isJson ? line.textOf(line.root(), "prompt", nullptr)
                                : nullptr,
               *response = isJson
                               ? line.textOf(line.root(), "response", nullptr)
                               : nullptr;
    if (!whole && !(prompt && response)) {
      error("'%s', line %llu: expects {\"text\": ...} or {\"prompt\": ..., "
            "\"response\": ...}, got %s",
            path, static_cast<unsigned long long>(number),
            isJson ? "other JSON" : "no JSON");
      return false;
    }
    Ids ids;
    uint64_t known = 0;
    bool encoded = whole ? encode(session.model, whole, strlen(whole), ids)
                         : encodePair(session, prompt, response, ids, &known);
    if (!encoded)
      return false;
    if (end >= 0)
      ids.push(end);
    if (!addIds(path, ids, known, vocabulary))
      return false;
  }
  return true;
}

bool TrainTokens::add(const Session &session, const char *path) {
  runtime::Growing<char> text;
  if (!readWhole(path, text))
    return false;
  if (isNpy(text.begin(), text.size())) {
    Ids ids;
    return readIdArray(path, ids) &&
           addIds(path, ids, 0, session.model->program->vocabulary);
  }
  size_t bytes = strlen(path);
  bool isLines = bytes > 6 && !strcmp(path + bytes - 6, ".jsonl");
  // strspn needs an end.
  text.push(0);
  if (text.failed()) {
    failMemory("reading training data");
    return false;
  }
  text.pop();
  return isLines ? addLines(session, path, text) : addText(session, path, text);
}

} // namespace qopt::cli
