// Opens a tokenizer: checks the blob and finds its tables.

#include "qopt/runtime/tokenizer/Tables.h"

#include <stdio.h>

namespace qopt::runtime {

using namespace tokenizer;

namespace {

/// Checks a blob, part by part; the first thing that is wrong becomes the
/// message.
class Opening {
public:
  Opening(Tokenizer &tables, const uint8_t *blob, uint64_t bytes, char *message,
          size_t messageBytes)
      : tables(tables), blob(blob), bytes(bytes), message(message),
        messageBytes(messageBytes) {}

  bool check() {
    return checkHeader() && findSections() && checkVocabulary() &&
           checkAdded(tables.addedRaw) && checkAdded(tables.addedNormal) &&
           checkClasses() && checkSteps() && checkNfc();
  }

private:
  bool wrong(const char *what) {
    if (message && messageBytes)
      snprintf(message, messageBytes,
               "damaged tokenizer: %s; compile the model again", what);
    return false;
  }

  bool checkHeader() {
    if (bytes < sizeof(Header) || reinterpret_cast<uintptr_t>(blob) % 8)
      return wrong("it is shorter than its header, or not aligned");
    const Header &header = *reinterpret_cast<const Header *>(blob);
    tables.header = &header;
    if (memcmp(header.magic, magic, sizeof magic))
      return wrong("its magic is wrong");
    if (header.version != version) {
      if (message && messageBytes)
        snprintf(message, messageBytes,
                 "expected a tokenizer of version %u, got %u; compile the "
                 "model again",
                 version, header.version);
      return false;
    }
    if (header.bytes != bytes)
      return wrong("its length is not the one that it says");
    if (header.flags & ~uint32_t(allFlags))
      return wrong("unknown flags");
    if (!memchr(header.chatName, 0, sizeof header.chatName))
      return wrong("the name of the chat template has no end");
    return true;
  }

  template <typename T> bool find(Section section, Table<T> &table) {
    const SectionRange &range = tables.header->sections[section];
    if (range.offset % 8 || range.offset > bytes ||
        range.bytes > bytes - range.offset || range.bytes % sizeof(T))
      return wrong("a section does not lie inside of it");
    table = {reinterpret_cast<const T *>(blob + range.offset),
             size_t(range.bytes / sizeof(T))};
    return true;
  }

  bool findSections() {
    Tokenizer &t = tables;
    return find(symbolOffsets, t.symbolOffsets) &&
           find(symbolBytes, t.symbolBytes) && find(tokenFlags, t.tokenFlags) &&
           find(symbolSlots, t.symbolSlots) && find(mergeSlots, t.mergeSlots) &&
           find(byteSymbols, t.byteSymbols) && find(addedRaw, t.addedRaw) &&
           find(addedNormal, t.addedNormal) && find(addedBytes, t.addedBytes) &&
           find(prefixIds, t.prefixIds) && find(suffixIds, t.suffixIds) &&
           find(classPages, t.classPages) && find(classBlocks, t.classBlocks) &&
           find(steps, t.steps) && find(program, t.program) &&
           find(nfcPages, t.nfcPages) && find(nfcBlocks, t.nfcBlocks) &&
           find(nfcRecords, t.nfcRecords) && find(nfcParts, t.nfcParts) &&
           find(nfcPairs, t.nfcPairs) && find(chatPrefix, t.chatPrefix) &&
           find(chatSuffix, t.chatSuffix);
  }

  bool isToken(uint32_t id) const { return id < tables.header->vocabulary; }

  static bool isPowerOfTwo(size_t n) { return n && !(n & (n - 1)); }

  bool checkVocabulary() {
    const Header &header = *tables.header;
    if (!header.vocabulary || header.vocabulary > maxVocabulary ||
        header.symbols < header.vocabulary ||
        header.symbols > 2 * maxVocabulary)
      return wrong("the size of its vocabulary is out of range");
    if (tables.symbolOffsets.size != size_t(header.symbols) + 1 ||
        tables.tokenFlags.size != header.vocabulary ||
        tables.byteSymbols.size != 256)
      return wrong("a table does not fit its vocabulary");
    if (!isPowerOfTwo(tables.symbolSlots.size) ||
        !isPowerOfTwo(tables.mergeSlots.size))
      return wrong("the size of a hash table is no power of two");
    for (uint32_t id : tables.prefixIds)
      if (!isToken(id))
        return wrong("a token that it adds is not in its vocabulary");
    for (uint32_t id : tables.suffixIds)
      if (!isToken(id))
        return wrong("a token that it adds is not in its vocabulary");
    for (uint32_t symbol : tables.byteSymbols)
      if (symbol != nothing && symbol >= header.symbols)
        return wrong("a byte's symbol is not in its vocabulary");
    if ((header.unknown != nothing && !isToken(header.unknown)) ||
        (header.bos != nothing && !isToken(header.bos)))
      return wrong("a special token is not in its vocabulary");
    return true;
  }

  bool checkAdded(const Table<Added> &table) {
    for (const Added &added : table)
      if (!isToken(added.id) || !added.bytes ||
          added.offset > tables.addedBytes.size ||
          added.bytes > tables.addedBytes.size - added.offset)
        return wrong("the text of an added token does not lie inside of it");
    return true;
  }

  /// `pages` has an entry for each page, and each has its block.
  bool checkPages(const Table<uint16_t> &pages, size_t blocks) {
    if (pages.size != pageCount)
      return wrong("a table of characters has the wrong size");
    for (uint16_t page : pages)
      if (page >= blocks)
        return wrong("a block of characters is missing");
    return true;
  }

  bool checkClasses() {
    return checkPages(tables.classPages, tables.classBlocks.size / 256);
  }

  bool checkSteps() {
    if (tables.steps.size > maxSteps || tables.program.size > maxInstructions)
      return wrong("its patterns are too long");
    for (const Step &step : tables.steps) {
      if (step.begin >= step.end || step.end > tables.program.size ||
          tables.program[step.end - 1].op != opMatch)
        return wrong("a pattern does not lie inside of it");
      // Forward jumps only: a match ends, and its stack has a bound.
      for (uint32_t i = step.begin; i < step.end; ++i) {
        const Instruction &instruction = tables.program[i];
        bool jumps = instruction.op == opSplit || instruction.op == opJump;
        if (instruction.op > opMatch ||
            (jumps && (instruction.target <= i - step.begin ||
                       instruction.target >= step.end - step.begin)))
          return wrong("a pattern has an instruction that cannot be");
      }
    }
    return true;
  }

  bool checkNfc() {
    if (!tables.has(composes))
      return true;
    if (!checkPages(tables.nfcPages, tables.nfcBlocks.size / 256))
      return false;
    for (const NfcRecord &record : tables.nfcRecords)
      if (record.offset > tables.nfcParts.size ||
          record.count > tables.nfcParts.size - record.offset)
        return wrong("a decomposition does not lie inside of it");
    for (uint16_t record : tables.nfcBlocks)
      if (record >= tables.nfcRecords.size)
        return wrong("a character's decomposition is missing");
    return true;
  }

  Tokenizer &tables;
  const uint8_t *blob;
  uint64_t bytes;
  char *message;
  size_t messageBytes;
};

} // namespace

bool tokenizerOpen(const uint8_t *blob, uint64_t bytes, Tokenizer **out,
                   char *message, size_t messageBytes) {
  *out = nullptr;
  auto *opened = static_cast<Tokenizer *>(calloc(1, sizeof(Tokenizer)));
  if (!opened) {
    if (message && messageBytes)
      snprintf(message, messageBytes, "out of memory");
    return false;
  }
  if (!Opening(*opened, blob, bytes, message, messageBytes).check()) {
    free(opened);
    return false;
  }
  *out = opened;
  return true;
}

void tokenizerClose(Tokenizer *tokenizer) { free(tokenizer); }

} // namespace qopt::runtime
