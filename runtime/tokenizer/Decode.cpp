// Turns tokens into text, and a user's turn into a prompt.

#include "qopt/runtime/tokenizer/Tables.h"

namespace qopt::runtime {

using namespace tokenizer;

size_t tokenizerDecode(const Tokenizer *tokenizer, int32_t id, bool first,
                       bool showSpecial, char *out, size_t capacity) {
  if (id < 0 || uint32_t(id) >= tokenizer->header->vocabulary)
    return 0;
  if (!showSpecial && (tokenizer->tokenFlags[size_t(id)] & tokenSpecial))
    return 0;
  Text text = tokenizer->text(uint32_t(id));
  if (first && tokenizer->has(dropFirstSpace) && text.size &&
      text.data[0] == ' ') {
    ++text.data;
    --text.size;
  }
  if (size_t fits = text.size < capacity ? text.size : capacity)
    memcpy(out, text.data, fits);
  return text.size;
}

bool tokenizerIsEnd(const Tokenizer *tokenizer, int32_t id) {
  return id >= 0 && uint32_t(id) < tokenizer->header->vocabulary &&
         (tokenizer->tokenFlags[size_t(id)] & tokenEnd);
}

int32_t tokenizerBos(const Tokenizer *tokenizer) {
  return int32_t(tokenizer->header->bos); // `nothing` is -1
}

static bool isSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

int tokenizerChat(const Tokenizer *tokenizer, const char *user, size_t bytes,
                  char **prompt) {
  *prompt = nullptr;
  const char *name = tokenizer->header->chatName;
  if (!*name)
    return 2;
  if (!strcmp(name, "unknown"))
    return 1;
  if (tokenizer->has(chatTrims)) {
    for (; bytes && isSpace(*user); ++user)
      --bytes;
    while (bytes && isSpace(user[bytes - 1]))
      --bytes;
  }
  Growing<uint8_t> text;
  text.append(tokenizer->chatPrefix.data, tokenizer->chatPrefix.size);
  text.append(reinterpret_cast<const uint8_t *>(user), bytes);
  text.append(tokenizer->chatSuffix.data, tokenizer->chatSuffix.size);
  text.push(0);
  if (text.failed())
    return -1;
  *prompt = reinterpret_cast<char *>(text.release());
  return 0;
}

const char *tokenizerChatName(const Tokenizer *tokenizer) {
  return tokenizer->header->chatName;
}

} // namespace qopt::runtime
