// Reads .model files of SentencePiece: a protobuf, of which a few fields count.

#include "qopt/frontends/tokenizer/Description.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"

#include <cmath>

namespace qopt::tokenizer {

namespace {

/// A field of a message; which of the values it has depends on its wire type.
struct Field {
  uint64_t number = 0;
  uint64_t integer = 0;  ///< varint, or a fixed 4 or 8 bytes
  llvm::StringRef bytes; ///< a string or a message
};

/// Walks over the fields of a message.
class Message {
public:
  explicit Message(llvm::StringRef rest) : rest(rest) {}

  /// The next field; false at the end, or where the message is damaged.
  bool next(Field &field) {
    uint64_t tag = 0, size = 0;
    if (rest.empty() || !varint(tag))
      return false;
    field = {tag >> 3, 0, {}};
    switch (tag & 7) {
    case 0:
      return varint(field.integer);
    case 1:
      return fixed<uint64_t>(field.integer);
    case 5:
      return fixed<uint32_t>(field.integer);
    case 2:
      if (!varint(size) || size > rest.size())
        return damage();
      field.bytes = rest.take_front(size_t(size));
      rest = rest.drop_front(size_t(size));
      return true;
    default:
      return damage();
    }
  }

  bool isDamaged() const { return damaged; }

private:
  bool damage() {
    damaged = true;
    return false;
  }

  bool varint(uint64_t &value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && !rest.empty(); shift += 7) {
      uint8_t byte = uint8_t(rest[0]);
      rest = rest.drop_front();
      value |= uint64_t(byte & 0x7f) << shift;
      if (byte < 0x80)
        return true;
    }
    return damage();
  }

  template <typename T> bool fixed(uint64_t &value) {
    if (rest.size() < sizeof(T))
      return damage();
    value =
        llvm::support::endian::read<T, llvm::endianness::little>(rest.data());
    rest = rest.drop_front(sizeof(T));
    return true;
  }

  llvm::StringRef rest;
  bool damaged = false;
};

enum PieceType {
  normal = 1,
  unknown = 2,
  control = 3,
  userDefined = 4,
  unused = 5,
  byte = 6
};

class Reader {
public:
  llvm::Expected<Description> read(llvm::StringRef text) {
    Message model(text);
    Field field;
    while (model.next(field))
      if (llvm::Error error = readField(field))
        return std::move(error);
    if (model.isDamaged())
      return damaged();
    return finish();
  }

private:
  static llvm::Error damaged() {
    return wrong("expected a SentencePiece model, got something else or a part "
                 "of one");
  }

  llvm::Error readField(const Field &field) {
    if (field.number == 1)
      return readPiece(field.bytes);
    if (field.number == 2)
      return readTrainer(field.bytes);
    if (field.number == 3)
      return readNormalizer(field.bytes);
    return llvm::Error::success();
  }

  llvm::Error readPiece(llvm::StringRef bytes) {
    Message message(bytes);
    Field field;
    llvm::StringRef text;
    float score = 0;
    uint64_t type = normal;
    while (message.next(field)) {
      if (field.number == 1)
        text = field.bytes;
      else if (field.number == 2)
        score = llvm::bit_cast<float>(uint32_t(field.integer));
      else if (field.number == 3)
        type = field.integer;
    }
    if (message.isDamaged() || !std::isfinite(score))
      return damaged();
    if (result.symbols.size() == format::maxVocabulary)
      return wrong("the vocabulary has more than " +
                   llvm::Twine(format::maxVocabulary) + " pieces");
    addPiece(text, score, type);
    if (type == unused)
      return wrong("unsupported piece '" + text + "' of type UNUSED");
    if (type < normal || type > byte)
      return wrong("unknown type " + llvm::Twine(type) + " of piece '" + text +
                   "'");
    return llvm::Error::success();
  }

  void addPiece(llvm::StringRef text, float score, uint64_t type) {
    llvm::SmallVector<llvm::StringRef> parts;
    text.split(parts, "\xe2\x96\x81");
    uint32_t id = uint32_t(result.symbols.size());
    Symbol symbol;
    symbol.text = llvm::join(parts, " ");
    symbol.isPiece = type == normal;
    symbol.isSpecial = type == control || type == unknown;
    if (type == unknown && result.unknown == format::nothing)
      result.unknown = id;
    if (type == control)
      result.added.push_back({id, text.str(), format::addedSpecial, false});
    if (type == userDefined)
      result.added.push_back({id, symbol.text, 0, true});
    hasBytes |= type == byte;
    result.symbols.push_back(std::move(symbol));
    scores.push_back(score);
  }

  llvm::Error readTrainer(llvm::StringRef bytes) {
    Message message(bytes);
    Field field;
    uint64_t type = 1; // the default: Unigram
    while (message.next(field)) {
      if (field.number == 3)
        type = field.integer;
      else if (field.number == 41)
        bos = int32_t(field.integer);
      else if (field.number == 42)
        eos = int32_t(field.integer);
    }
    if (message.isDamaged())
      return damaged();
    static constexpr llvm::StringLiteral names[] = {"", "Unigram", "BPE",
                                                    "Word", "Char"};
    if (type != 2)
      return wrong("unsupported SentencePiece model '" +
                   (type < std::size(names) ? llvm::Twine(names[type])
                                            : llvm::Twine(type)) +
                   "', expects BPE");
    hasTrainer = true;
    return llvm::Error::success();
  }

  llvm::Error readNormalizer(llvm::StringRef bytes) {
    Message message(bytes);
    Field field;
    llvm::StringRef name;
    bool rules = false;
    while (message.next(field)) {
      if (field.number == 1)
        name = field.bytes;
      else if (field.number == 2)
        rules = !field.bytes.empty();
      else if (field.number == 3)
        addsPrefix = field.integer;
      else if (field.number == 4)
        squeezes = field.integer;
      else if (field.number == 5 && !field.integer)
        return wrong("unsupported normalizer: escape_whitespaces is off");
    }
    if (message.isDamaged())
      return damaged();
    if (rules)
      return wrong("unsupported normalizer '" + name + "', expects identity");
    return llvm::Error::success();
  }

  llvm::Expected<Description> finish() {
    if (!hasTrainer || result.symbols.empty())
      return damaged();
    result.vocabulary = uint32_t(result.symbols.size());
    result.flags = format::spaceMarker | format::fuseUnknown;
    if (addsPrefix)
      result.flags |=
          format::prefixSpace | format::prefixEarly | format::dropFirstSpace;
    if (squeezes)
      result.flags |= format::squeezeSpaces;
    if (hasBytes)
      useByteTokens(result);
    if (bos >= 0 && uint32_t(bos) < result.vocabulary) {
      result.bos = uint32_t(bos);
      result.prefix.push_back(result.bos);
      result.bosEnds = true;
    }
    if (eos >= 0 && uint32_t(eos) < result.vocabulary)
      result.eos = uint32_t(eos);
    if (llvm::Error error = mergeByScore(result, scores))
      return std::move(error);
    cutAtSpaces(result);
    return std::move(result);
  }

  Description result;
  std::vector<float> scores;
  int32_t bos = 1, eos = 2;
  bool hasTrainer = false, hasBytes = false;
  bool addsPrefix = true, squeezes = true; // the defaults of NormalizerSpec
};

} // namespace

llvm::Expected<Description> readSentencePiece(llvm::StringRef text) {
  return Reader().read(text);
}

} // namespace qopt::tokenizer
