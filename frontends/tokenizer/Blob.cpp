// Writes the blob.

#include "qopt/frontends/tokenizer/Pattern.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

namespace qopt::tokenizer {

using namespace format;

namespace {

/// The sections, in order, behind the header.
class Writer {
public:
  Writer() : bytes(sizeof(Header), '\0') {}

  template <typename T> void add(Section section, llvm::ArrayRef<T> data) {
    bytes.resize(llvm::alignTo(bytes.size(), 8));
    header.sections[section] = {bytes.size(), data.size() * sizeof(T)};
    bytes.append(reinterpret_cast<const char *>(data.data()),
                 data.size() * sizeof(T));
  }

  std::string finish() {
    bytes.resize(llvm::alignTo(bytes.size(), 8));
    header.bytes = bytes.size();
    memcpy(bytes.data(), &header, sizeof header);
    return std::move(bytes);
  }

  Header header = {};

private:
  std::string bytes;
};

} // namespace

/// Puts `entries` into 2^k slots, each as near behind its hash's slot as there
/// is room; returns the most slots that a search must look at.
template <typename T, typename Hash>
static uint32_t fillSlots(llvm::ArrayRef<T> entries, T empty, Hash hash,
                          bool (*isEmpty)(const T &), std::vector<T> &slots) {
  // At most three quarters full.
  slots.assign(llvm::PowerOf2Ceil(entries.size() * 4 / 3 + 2), empty);
  size_t mask = slots.size() - 1;
  uint32_t most = 1;
  for (const T &entry : entries) {
    size_t slot = hash(entry) & mask;
    uint32_t probes = 1;
    for (; !isEmpty(slots[slot]); slot = (slot + 1) & mask)
      ++probes;
    slots[slot] = entry;
    most = std::max(most, probes + 1); // one more: the empty one behind it
  }
  return most;
}

static void writeSymbols(const Description &description, Writer &writer) {
  std::string texts;
  std::vector<uint32_t> offsets{0};
  std::vector<uint8_t> flags;
  std::vector<uint32_t> pieces;
  llvm::StringMap<char> seen;
  for (auto [id, symbol] : llvm::enumerate(description.symbols)) {
    texts += symbol.text;
    offsets.push_back(uint32_t(texts.size()));
    if (id < description.vocabulary)
      flags.push_back((symbol.isSpecial ? tokenSpecial : 0) |
                      (symbol.isEnd ? tokenEnd : 0));
    // Of pieces with the same text the first one counts.
    if (symbol.isPiece && !symbol.text.empty() &&
        seen.try_emplace(symbol.text).second)
      pieces.push_back(uint32_t(id));
  }
  auto hash = [&](uint32_t id) {
    const std::string &text = description.symbols[id].text;
    return hashText(reinterpret_cast<const uint8_t *>(text.data()),
                    text.size());
  };
  std::vector<uint32_t> slots;
  writer.header.textProbes = fillSlots<uint32_t>(
      pieces, nothing, hash, [](const uint32_t &id) { return id == nothing; },
      slots);
  writer.add<uint32_t>(symbolOffsets, offsets);
  writer.add<char>(symbolBytes, llvm::ArrayRef(texts.data(), texts.size()));
  writer.add<uint8_t>(tokenFlags, flags);
  writer.add<uint32_t>(symbolSlots, slots);
  writer.add<uint32_t>(byteSymbols, description.byteSymbols);
}

static void writeMerges(const Description &description, Writer &writer) {
  auto hash = [](const Merge &merge) {
    return hashPair(merge.left, merge.right);
  };
  std::vector<Merge> slots;
  writer.header.mergeProbes = fillSlots<Merge>(
      description.merges, Merge{nothing, 0, 0, 0}, hash,
      [](const Merge &merge) { return merge.left == nothing; }, slots);
  writer.add<Merge>(mergeSlots, slots);
}

static void writeAdded(const Description &description, Writer &writer) {
  std::vector<const AddedToken *> sorted;
  for (const AddedToken &added : description.added)
    if (!added.text.empty())
      sorted.push_back(&added);
  llvm::sort(sorted, [](const AddedToken *a, const AddedToken *b) {
    int order = a->text.compare(b->text); // as unsigned bytes
    return order ? order < 0 : a->id < b->id;
  });
  std::string texts;
  std::vector<Added> tables[2];
  for (const AddedToken *added : sorted) {
    tables[added->normalized].push_back({added->id, added->flags,
                                         uint32_t(texts.size()),
                                         uint32_t(added->text.size())});
    texts += added->text;
  }
  writer.add<Added>(addedRaw, tables[0]);
  writer.add<Added>(addedNormal, tables[1]);
  writer.add<char>(addedBytes, llvm::ArrayRef(texts.data(), texts.size()));
}

static void writeNfc(const Description &description, Writer &writer) {
  NfcTables tables;
  if (description.has(composes))
    tables = makeNfcTables();
  writer.add<uint16_t>(nfcPages, tables.pages);
  writer.add<uint16_t>(nfcBlocks, tables.blocks);
  writer.add<NfcRecord>(nfcRecords, tables.records);
  writer.add<uint32_t>(nfcParts, tables.parts);
  writer.add<NfcPair>(nfcPairs, tables.pairs);
}

llvm::Expected<std::string> writeBlob(const Description &description) {
  auto programs = compilePatterns(description.steps);
  if (!programs)
    return programs.takeError();
  Writer writer;
  Header &header = writer.header;
  memcpy(header.magic, magic, sizeof magic);
  header.version = version;
  header.flags = description.flags;
  header.vocabulary = description.vocabulary;
  header.symbols = uint32_t(description.symbols.size());
  header.unknown = description.unknown;
  header.bos = description.prefix.empty() ? nothing : description.prefix[0];
  header.spaceMask = programs->spaceMask;
  header.wordMask = programs->wordMask;
  const Chat &chat = description.chat;
  chat.name.copy(header.chatName, sizeof header.chatName - 1);
  if (chat.trims)
    header.flags |= chatTrims;
  writeSymbols(description, writer);
  writeMerges(description, writer);
  writeAdded(description, writer);
  writer.add<uint32_t>(prefixIds, description.prefix);
  writer.add<uint32_t>(suffixIds, description.suffix);
  writer.add<uint16_t>(classPages, programs->classPages);
  writer.add<uint8_t>(classBlocks, programs->classBlocks);
  writer.add<Step>(steps, programs->steps);
  writer.add<Instruction>(program, programs->program);
  writeNfc(description, writer);
  writer.add<char>(chatPrefix,
                   llvm::ArrayRef(chat.prefix.data(), chat.prefix.size()));
  writer.add<char>(chatSuffix,
                   llvm::ArrayRef(chat.suffix.data(), chat.suffix.size()));
  return writer.finish();
}

} // namespace qopt::tokenizer
