// Brings text into the form that the vocabulary is written in: composed (NFC),
// spaces as SentencePiece wants them.

#include "qopt/runtime/tokenizer/Parts.h"

namespace qopt::runtime::tokenizer {

/// Syllables of Hangul are composed by arithmetic (Unicode, section 3.12).
namespace hangul {
constexpr uint32_t syllables = 0xac00, leads = 0x1100, vowels = 0x1161,
                   tails = 0x11a7, leadCount = 19, vowelCount = 21,
                   tailCount = 28;
constexpr uint32_t syllableCount = leadCount * vowelCount * tailCount;
} // namespace hangul

const NfcRecord &Normalizer::record(uint32_t code) const {
  size_t block = code < 0x110000 ? tables.nfcPages[code >> 8] : 0;
  return tables.nfcRecords[tables.nfcBlocks[block * 256 + (code & 255)]];
}

void Normalizer::decompose(uint32_t code) {
  uint32_t syllable = code - hangul::syllables;
  if (syllable < hangul::syllableCount) {
    uint32_t tail = syllable % hangul::tailCount;
    uint32_t rest = syllable / hangul::tailCount;
    codes.push(hangul::leads + rest / hangul::vowelCount);
    codes.push(hangul::vowels + rest % hangul::vowelCount);
    if (tail)
      codes.push(hangul::tails + tail);
    return;
  }
  const NfcRecord &parts = record(code);
  if (parts.count)
    codes.append(tables.nfcParts.data + parts.offset, parts.count);
  else
    codes.push(code);
}

/// The character that `first` and `second` compose to, or 0.
uint32_t Normalizer::composePair(uint32_t first, uint32_t second) const {
  uint32_t lead = first - hangul::leads, vowel = second - hangul::vowels;
  if (lead < hangul::leadCount && vowel < hangul::vowelCount)
    return hangul::syllables +
           (lead * hangul::vowelCount + vowel) * hangul::tailCount;
  uint32_t syllable = first - hangul::syllables, tail = second - hangul::tails;
  if (syllable < hangul::syllableCount && syllable % hangul::tailCount == 0 &&
      tail && tail < hangul::tailCount)
    return first + tail;
  size_t low = 0, high = tables.nfcPairs.size;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    const NfcPair &pair = tables.nfcPairs[middle];
    if (pair.first == first && pair.second == second)
      return pair.composed < 0x110000 ? pair.composed : 0;
    if (pair.first != first ? pair.first < first : pair.second < second)
      low = middle + 1;
    else
      high = middle;
  }
  return 0;
}

/// Composes `codes`, which are decomposed, and appends them to `composed`.
void Normalizer::composeRun() {
  // Marks are put in their order: a stable sort of each run without starters.
  // Merging would be faster for a thousand marks; texts have three.
  size_t size = codes.size();
  for (size_t i = 1; i < size; ++i) {
    uint32_t code = codes[i];
    uint8_t order = record(code).order;
    size_t to = i;
    for (; order && to && record(codes[to - 1]).order > order; --to)
      codes[to] = codes[to - 1];
    codes[to] = code;
  }
  // A mark joins the last starter unless one of its own order, or a higher
  // one, stands between them.
  size_t starter = size, kept = 0;
  int last = -1;
  for (size_t i = 0; i < size; ++i) {
    uint32_t code = codes[i];
    int order = record(code).order;
    uint32_t joined =
        starter < size && last < order ? composePair(codes[starter], code) : 0;
    if (joined) {
      codes[starter] = joined;
      continue;
    }
    if (!order)
      starter = kept;
    last = order ? order : -1;
    codes[kept++] = code;
  }
  for (size_t i = 0; i < kept; ++i)
    writeCharacter(codes[i], composed);
  codes.clear();
}

Text Normalizer::compose(Text text) {
  // Nearly all text is composed already: look before copying.
  size_t same = 0;
  while (same < text.size) {
    Character character = readCharacter(text.data + same, text.size - same);
    if (!(record(character.code).flags & nfcBoundary))
      break;
    same += character.bytes;
  }
  if (same == text.size)
    return text;
  composed.clear();
  codes.clear();
  for (size_t i = 0; i < text.size;) {
    Character character = readCharacter(text.data + i, text.size - i);
    if (!character.valid || (record(character.code).flags & nfcBoundary))
      composeRun();
    if (character.valid)
      decompose(character.code);
    else
      composed.push(text.data[i]);
    i += character.bytes;
  }
  composeRun();
  return {composed.begin(), composed.size()};
}

bool Normalizer::wantsPrefix(Text text, bool first) const {
  return text.size && tables.has(prefixSpace) &&
         (first || !tables.has(prefixFirst)) &&
         (text.data[0] != ' ' || !tables.has(prefixMissing));
}

/// Spaces for U+2581, U+FFFD for what is not UTF-8, and no spaces too many.
Text Normalizer::rewriteSpaces(Text text, bool first) {
  normal.clear();
  bool squeezes = tables.has(squeezeSpaces);
  if (tables.has(prefixEarly) && wantsPrefix(text, first))
    normal.push(' ');
  size_t start = normal.size(), kept = start;
  for (size_t i = 0; i < text.size;) {
    Character character = readCharacter(text.data + i, text.size - i);
    bool marker = tables.has(spaceMarker) && startsWith(text, i, spaceMark);
    if (!character.valid)
      writeCharacter(0xfffd, normal);
    else if (marker)
      normal.push(' ');
    else if (text.data[i] != ' ' || !squeezes ||
             (normal.size() > start && normal.back() != ' '))
      normal.append(text.data + i, character.bytes);
    if (normal.size() && normal.back() != ' ')
      kept = normal.size();
    i += character.bytes;
  }
  if (squeezes)
    normal.resize(kept == start ? 0 : kept); // nothing but spaces: no text
  return {normal.begin(), normal.size()};
}

Text Normalizer::normalize(Text text, bool first) {
  if (tables.has(composes))
    text = compose(text);
  if (!tables.has(byteLevel))
    text = rewriteSpaces(text, first);
  return text;
}

Text Normalizer::addPrefix(Text text, bool first) {
  if (tables.has(prefixEarly) || !wantsPrefix(text, first))
    return text;
  prefixed.clear();
  prefixed.push(' ');
  prefixed.append(text.data, text.size);
  return {prefixed.begin(), prefixed.size()};
}

} // namespace qopt::runtime::tokenizer
