// From words and files to token ids, and back.

#include "qopt/runtime/cli/Prompt.h"
#include "qopt/runtime/Model.h"
#include "qopt/runtime/cli/Arguments.h"
#include "qopt/runtime/cli/Report.h"

#include <stdio.h>

namespace qopt::cli {

static bool hasTokenizer(const qopt_model *model) {
  if (model->tokenizer)
    return true;
  error("the model has no tokenizer, so it takes token ids only (generate "
        "--ids, eval and train with .npy files); compile it from a folder that "
        "holds "
        "tokenizer.json, too");
  return false;
}

/// Encodes; `trusted` text comes out of the chat template, which writes
/// special tokens out and begins the text itself.
static bool encode(const qopt_model *model, const char *text, size_t bytes,
                   bool trusted, Ids &ids) {
  int32_t *found = nullptr;
  int64_t count = runtime::tokenizerEncode(model->tokenizer, text, bytes,
                                           !trusted, trusted, &found);
  for (int64_t i = 0; i < count; ++i)
    ids.push(found[i]);
  free(found);
  if (count >= 0 && !ids.failed())
    return true;
  failMemory("encoding the text");
  return false;
}

bool encode(const qopt_model *model, const char *text, size_t bytes, Ids &ids) {
  return hasTokenizer(model) && encode(model, text, bytes, false, ids);
}

bool encodeChat(const qopt_model *model, const char *text, size_t bytes,
                Ids &ids) {
  if (!hasTokenizer(model))
    return false;
  char *prompt = nullptr;
  switch (runtime::tokenizerChat(model->tokenizer, text, bytes, &prompt)) {
  case 0: {
    bool encoded = encode(model, prompt, strlen(prompt), true, ids);
    free(prompt);
    return encoded;
  }
  case 1:
    error("the model's chat template is of no known kind ('%s'); known are "
          "chatml, llama2, llama3, gemma and phi",
          runtime::tokenizerChatName(model->tokenizer));
    return false;
  case 2:
    error("the model has no chat template; leave --chat out");
    return false;
  }
  failMemory("writing the chat prompt");
  return false;
}

static bool isSpace(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

bool readIds(const char *text, size_t bytes, Ids &ids) {
  size_t at = 0;
  while (true) {
    while (at < bytes && isSpace(text[at]))
      ++at;
    if (at == bytes)
      break;
    size_t begin = at;
    while (at < bytes && !isSpace(text[at]))
      ++at;
    uint64_t id = 0;
    if (!readCount(text + begin, at - begin, &id) || id > INT64_MAX) {
      error("--ids expects token ids with spaces between, got '%.*s'",
            static_cast<int>(at - begin < 40 ? at - begin : 40), text + begin);
      return false;
    }
    ids.push(static_cast<int64_t>(id));
  }
  if (ids.failed())
    failMemory("reading token ids");
  return !ids.failed();
}

bool checkIds(const Ids &ids, int64_t vocabulary) {
  for (size_t i = 0; i < ids.size(); ++i)
    if (ids[i] < 0 || ids[i] >= vocabulary) {
      error("token %zu is %lld, outside the vocabulary of %lld", i,
            static_cast<long long>(ids[i]), static_cast<long long>(vocabulary));
      return false;
    }
  return true;
}

bool beginsText(const qopt_model *model, const Ids &ids) {
  return model->tokenizer && ids.size() == 1 &&
         ids[0] == runtime::tokenizerBos(model->tokenizer);
}

bool decodeToken(const qopt_model *model, int64_t token, bool first,
                 runtime::Growing<char> &bytes) {
  auto id = static_cast<int32_t>(token);
  size_t size =
      runtime::tokenizerDecode(model->tokenizer, id, first, false, nullptr, 0);
  if (!bytes.resize(size))
    return false;
  runtime::tokenizerDecode(model->tokenizer, id, first, false, bytes.begin(),
                           size);
  return true;
}

} // namespace qopt::cli
