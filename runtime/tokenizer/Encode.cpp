// Encodes text: cuts added tokens out of it and encodes what is between them.

#include "qopt/runtime/tokenizer/Parts.h"

namespace qopt::runtime {

namespace tokenizer {
namespace {

/// Where an added token was found; empty if there is none.
struct Found {
  size_t begin = 0, end = 0;
  const Added *added = nullptr;
};

class Encoder {
public:
  Encoder(const Tokenizer &tables, bool parseSpecial)
      : tables(tables), parseSpecial(parseSpecial), normalizer(tables),
        joiner(tables, ids), splitter(tables, joiner) {
    findFirstBytes(tables.addedRaw, rawFirst);
    findFirstBytes(tables.addedNormal, normalFirst);
  }

  void addIds(const Table<uint32_t> &table) {
    for (uint32_t id : table)
      ids.push(int32_t(id));
  }

  void addText(Text text) {
    size_t begin = 0;
    while (!failed()) {
      Found found = find(tables.addedRaw, rawFirst, text, begin);
      size_t end = found.added ? found.begin : text.size;
      if (begin < end)
        addGap({text.data + begin, end - begin}, begin == 0);
      if (!found.added)
        return;
      ids.push(int32_t(found.added->id));
      begin = found.end;
    }
  }

  bool failed() const {
    return ids.failed() || normalizer.failed() || joiner.failed() ||
           splitter.failed();
  }

  Growing<int32_t> ids;

private:
  /// Text without added tokens of the raw kind.
  void addGap(Text gap, bool first) {
    Text text = normalizer.normalize(gap, first);
    size_t begin = 0;
    while (!failed()) {
      Found found = find(tables.addedNormal, normalFirst, text, begin);
      size_t end = found.added ? found.begin : text.size;
      if (begin < end)
        splitter.addText(normalizer.addPrefix({text.data + begin, end - begin},
                                              first && begin == 0));
      if (!found.added)
        return;
      ids.push(int32_t(found.added->id));
      begin = found.end;
    }
  }

  void findFirstBytes(const Table<Added> &table, bool (&first)[256]) {
    memset(first, 0, sizeof first);
    for (const Added &added : table)
      first[tables.addedBytes[added.offset]] = true;
  }

  /// The leftmost added token from `begin` on, the longest of several.
  Found find(const Table<Added> &table, const bool (&first)[256], Text text,
             size_t begin) {
    if (!table.size)
      return {};
    for (size_t i = begin; i < text.size;) {
      const Added *added =
          first[text.data[i]] ? longest(table, text, i) : nullptr;
      if (!added) {
        ++i;
        continue;
      }
      size_t end = i + added->bytes;
      if ((added->flags & addedWord) && !standsAlone(text, i, end)) {
        i = end;
        continue;
      }
      return {(added->flags & addedLeft) ? skipLeft(text, begin, i) : i,
              (added->flags & addedRight) ? skipRight(text, end) : end, added};
    }
    return {};
  }

  const Added *longest(const Table<Added> &table, Text text, size_t at) {
    // The texts are sorted, so those that share `depth` bytes with `text` are
    // a stretch of the table, the one that ends there at its front.
    const Added *best = nullptr;
    size_t low = 0, high = table.size;
    for (size_t depth = 0; low < high && at + depth < text.size; ++depth) {
      int wanted = text.data[at + depth];
      low = lowerBound(table, low, high, depth, wanted);
      high = lowerBound(table, low, high, depth, wanted + 1);
      for (size_t i = low; i < high && table[i].bytes == depth + 1; ++i)
        if (parseSpecial || !(table[i].flags & addedSpecial))
          best = &table[i];
    }
    return best;
  }

  size_t lowerBound(const Table<Added> &table, size_t low, size_t high,
                    size_t depth, int wanted) {
    while (low < high) {
      size_t middle = low + (high - low) / 2;
      const Added &added = table[middle];
      int byte =
          added.bytes > depth ? tables.addedBytes[added.offset + depth] : -1;
      if (byte < wanted)
        low = middle + 1;
      else
        high = middle;
    }
    return low;
  }

  bool isOf(uint64_t mask, Character character) const {
    return character.valid && (mask >> tables.classOf(character.code) & 1);
  }

  /// The character that ends at `end`.
  static Character before(Text text, size_t end) {
    size_t begin = end - 1;
    while (begin && end - begin < 4 && (text.data[begin] & 0xc0) == 0x80)
      --begin;
    Character character = readCharacter(text.data + begin, end - begin);
    return character.bytes == end - begin ? character
                                          : Character{0xfffd, 1, false};
  }

  bool standsAlone(Text text, size_t begin, size_t end) const {
    uint64_t word = tables.header->wordMask;
    return (!begin || !isOf(word, before(text, begin))) &&
           (end == text.size ||
            !isOf(word, readCharacter(text.data + end, text.size - end)));
  }

  size_t skipLeft(Text text, size_t least, size_t end) const {
    while (end > least) {
      Character character = before(text, end);
      if (!isOf(tables.header->spaceMask, character))
        break;
      end -= character.bytes;
    }
    return end < least ? least : end;
  }

  size_t skipRight(Text text, size_t begin) const {
    while (begin < text.size) {
      Character character = readCharacter(text.data + begin, text.size - begin);
      if (!isOf(tables.header->spaceMask, character))
        break;
      begin += character.bytes;
    }
    return begin;
  }

  const Tokenizer &tables;
  bool parseSpecial;
  bool rawFirst[256], normalFirst[256]; ///< bytes that begin an added token
  Normalizer normalizer;
  Joiner joiner;
  Splitter splitter;
};

} // namespace
} // namespace tokenizer

int64_t tokenizerEncode(const Tokenizer *tokenizer, const char *text,
                        size_t bytes, bool addSpecial, bool parseSpecial,
                        int32_t **ids) {
  *ids = nullptr;
  // Offsets in a word are 32 bits wide; normalizing makes it thrice as long.
  if (bytes > UINT32_MAX / 4)
    return -1;
  tokenizer::Encoder encoder(*tokenizer, parseSpecial);
  if (!encoder.ids.resize(1)) // so that the result is never null
    return -1;
  encoder.ids.clear();
  if (addSpecial)
    encoder.addIds(tokenizer->prefixIds);
  encoder.addText({reinterpret_cast<const uint8_t *>(text), bytes});
  if (addSpecial)
    encoder.addIds(tokenizer->suffixIds);
  if (encoder.failed())
    return -1;
  int64_t count = int64_t(encoder.ids.size());
  *ids = encoder.ids.release();
  return count;
}

} // namespace qopt::runtime
