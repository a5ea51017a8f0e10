// An opened tokenizer: the blob's tables behind checked accessors.
//
// Opening checks what is small and decides memory safety for all the rest; the
// large tables are not read then (it would cost more than it is worth to
// startup), so each accessor checks the entry that it returns.
#ifndef QOPT_RUNTIME_TOKENIZER_TABLES_H
#define QOPT_RUNTIME_TOKENIZER_TABLES_H

#include "qopt/runtime/Growing.h"
#include "qopt/runtime/tokenizer/Format.h"
#include "qopt/runtime/tokenizer/Tokenizer.h"

#include <stdlib.h>
#include <string.h>

namespace qopt::runtime::tokenizer {

/// Bytes of a text or of a table; not owned.
struct Text {
  const uint8_t *data = nullptr;
  size_t size = 0;
};

/// A section as an array. Sections are aligned, see checkSections.
template <typename T> struct Table {
  const T *data = nullptr;
  size_t size = 0;
  const T &operator[](size_t i) const { return data[i]; }
  const T *begin() const { return data; }
  const T *end() const { return data + size; }
};

/// The character at the beginning of `text`, which is not empty, and its
/// length. A byte that begins no valid character is one of length 1, with
/// `valid` false.
struct Character {
  uint32_t code;
  uint32_t bytes;
  bool valid;
};
Character readCharacter(const uint8_t *text, size_t size);

/// Appends `code` as UTF-8.
void writeCharacter(uint32_t code, Growing<uint8_t> &out);

/// Whether there is a character like `expected` at `position` of `text`.
inline bool startsWith(Text text, size_t position, const char *expected) {
  size_t bytes = strlen(expected);
  return text.size - position >= bytes &&
         !memcmp(text.data + position, expected, bytes);
}

/// A space as SentencePiece writes it: U+2581.
constexpr const char *spaceMark = "\xe2\x96\x81";

} // namespace qopt::runtime::tokenizer

namespace qopt::runtime {

struct Tokenizer {
  const tokenizer::Header *header;
  tokenizer::Table<uint32_t> symbolOffsets, symbolSlots, byteSymbols;
  tokenizer::Table<uint32_t> prefixIds, suffixIds, nfcParts;
  tokenizer::Table<uint16_t> classPages, nfcPages, nfcBlocks;
  tokenizer::Table<uint8_t> symbolBytes, tokenFlags, addedBytes, classBlocks;
  tokenizer::Table<uint8_t> chatPrefix, chatSuffix;
  tokenizer::Table<tokenizer::Merge> mergeSlots;
  tokenizer::Table<tokenizer::Added> addedRaw, addedNormal;
  tokenizer::Table<tokenizer::Step> steps;
  tokenizer::Table<tokenizer::Instruction> program;
  tokenizer::Table<tokenizer::NfcRecord> nfcRecords;
  tokenizer::Table<tokenizer::NfcPair> nfcPairs;

  bool has(tokenizer::Flag flag) const { return header->flags & flag; }

  /// The text of a symbol; empty where the blob is damaged.
  tokenizer::Text text(uint32_t symbol) const {
    if (symbol >= header->symbols)
      return {};
    uint32_t begin = symbolOffsets[symbol], end = symbolOffsets[symbol + 1];
    if (begin > end || end > symbolBytes.size)
      return {};
    return {symbolBytes.data + begin, end - begin};
  }

  /// The symbol whose text is `text`, or `nothing`.
  uint32_t find(tokenizer::Text text) const;

  /// How `left` and `right` join, or null.
  const tokenizer::Merge *merge(uint32_t left, uint32_t right) const;

  /// The class of a code point, below maxClasses.
  uint32_t classOf(uint32_t code) const {
    size_t block = code < 0x110000 ? classPages[code >> 8] : 0;
    uint8_t kind = classBlocks[block * 256 + (code & 255)];
    return kind & (tokenizer::maxClasses - 1);
  }
};

} // namespace qopt::runtime

#endif // QOPT_RUNTIME_TOKENIZER_TABLES_H
