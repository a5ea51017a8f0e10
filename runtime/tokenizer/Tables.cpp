// Looks things up in an opened tokenizer; reads and writes UTF-8.

#include "qopt/runtime/tokenizer/Tables.h"

namespace qopt::runtime {

using namespace tokenizer;

uint32_t Tokenizer::find(Text wanted) const {
  size_t mask = symbolSlots.size - 1;
  size_t slot = hashText(wanted.data, wanted.size) & mask;
  for (uint32_t probe = 0; probe < header->textProbes && probe <= mask;
       ++probe, slot = (slot + 1) & mask) {
    uint32_t symbol = symbolSlots[slot];
    if (symbol == nothing)
      return nothing;
    Text found = text(symbol);
    if (found.size == wanted.size &&
        !memcmp(found.data, wanted.data, wanted.size))
      return symbol < header->symbols ? symbol : nothing;
  }
  return nothing;
}

const Merge *Tokenizer::merge(uint32_t left, uint32_t right) const {
  if (left == nothing || right == nothing)
    return nullptr;
  size_t mask = mergeSlots.size - 1;
  size_t slot = hashPair(left, right) & mask;
  for (uint32_t probe = 0; probe < header->mergeProbes && probe <= mask;
       ++probe, slot = (slot + 1) & mask) {
    const Merge &found = mergeSlots[slot];
    if (found.left == nothing)
      return nullptr;
    if (found.left == left && found.right == right)
      return found.result < header->symbols ? &found : nullptr;
  }
  return nullptr;
}

namespace tokenizer {

Character readCharacter(const uint8_t *text, size_t size) {
  uint8_t lead = text[0];
  if (lead < 0x80)
    return {lead, 1, true};
  uint32_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || bytes > size)
    return {0xfffd, 1, false};
  uint32_t code = lead & (0x7f >> bytes);
  for (uint32_t i = 1; i < bytes; ++i) {
    if ((text[i] & 0xc0) != 0x80)
      return {0xfffd, 1, false};
    code = (code << 6) | (text[i] & 0x3f);
  }
  // Too long a form, a surrogate, beyond Unicode.
  constexpr uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < least[bytes] || (code >= 0xd800 && code < 0xe000) ||
      code >= 0x110000)
    return {0xfffd, 1, false};
  return {code, bytes, true};
}

void writeCharacter(uint32_t code, Growing<uint8_t> &out) {
  uint8_t rest = 0x80 | (code & 0x3f);
  if (code < 0x80) {
    out.push(uint8_t(code));
  } else if (code < 0x800) {
    uint8_t bytes[] = {uint8_t(0xc0 | (code >> 6)), rest};
    out.append(bytes, 2);
  } else if (code < 0x10000) {
    uint8_t bytes[] = {uint8_t(0xe0 | (code >> 12)),
                       uint8_t(0x80 | ((code >> 6) & 0x3f)), rest};
    out.append(bytes, 3);
  } else {
    uint8_t bytes[] = {uint8_t(0xf0 | ((code >> 18) & 7)),
                       uint8_t(0x80 | ((code >> 12) & 0x3f)),
                       uint8_t(0x80 | ((code >> 6) & 0x3f)), rest};
    out.append(bytes, 4);
  }
}

} // namespace tokenizer
} // namespace qopt::runtime
