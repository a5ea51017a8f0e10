// Text on its way to stdout, token by token.

#include "qopt/runtime/cli/TextStream.h"
#include "qopt/runtime/tokenizer/Tables.h"

#include <stdio.h>

namespace qopt::cli {

/// Whether `bytes` begin a character whose end is still to come.
static bool isCutShort(const uint8_t *bytes, size_t size) {
  size_t whole = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : 2;
  if (bytes[0] < 0xc2 || bytes[0] > 0xf4 || size >= whole)
    return false;
  for (size_t i = 1; i < size; ++i)
    if ((bytes[i] & 0xc0) != 0x80)
      return false;
  return true;
}

/// Prints the first `size` bytes that wait, whole characters only unless
/// `all`, and keeps the others.
void TextStream::print(size_t size, bool all) {
  auto *bytes = reinterpret_cast<const uint8_t *>(waiting.begin());
  size_t at = 0;
  while (at < size) {
    auto c = runtime::tokenizer::readCharacter(bytes + at, size - at);
    if (!c.valid && isCutShort(bytes + at, waiting.size() - at)) {
      if (!all)
        break;
      // One U+FFFD for what there is of it.
      c.bytes = static_cast<uint32_t>(size - at);
    }
    if (c.valid)
      fwrite(bytes + at, 1, c.bytes, stdout);
    else
      fputs("\xef\xbf\xbd", stdout);
    last = static_cast<char>(bytes[at + c.bytes - 1]);
    at += c.bytes;
  }
  if (at) {
    memmove(waiting.begin(), waiting.begin() + at, waiting.size() - at);
    waiting.resize(waiting.size() - at);
  }
}

/// Bytes at the end of what waits that may be the beginning of a stop string.
size_t TextStream::mayBeStop() const {
  size_t most = 0;
  for (const char *stop : stops) {
    size_t size = strlen(stop) - 1;
    if (size > waiting.size())
      size = waiting.size();
    while (size > most &&
           memcmp(waiting.begin() + waiting.size() - size, stop, size) != 0)
      --size;
    if (size > most)
      most = size;
  }
  return most;
}

bool TextStream::add(const char *bytes, size_t size) {
  waiting.append(bytes, size);
  size_t stopped = SIZE_MAX;
  for (const char *stop : stops) {
    auto *found = static_cast<const char *>(
        memmem(waiting.begin(), waiting.size(), stop, strlen(stop)));
    if (found && static_cast<size_t>(found - waiting.begin()) < stopped)
      stopped = static_cast<size_t>(found - waiting.begin());
  }
  if (stopped == SIZE_MAX) {
    print(waiting.size() - mayBeStop(), false);
    return false;
  }
  print(stopped, true);
  waiting.clear();
  return true;
}

void TextStream::finish() {
  print(waiting.size(), true);
  if (last != '\n')
    putchar('\n');
}

} // namespace qopt::cli
