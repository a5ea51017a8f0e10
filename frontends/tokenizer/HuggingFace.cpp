// Reads tokenizer.json: vocabulary, merges and added tokens.

#include "qopt/frontends/tokenizer/Description.h"
#include "qopt/frontends/tokenizer/Unicode.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace qopt::tokenizer {

using llvm::json::Array;
using llvm::json::Object;
using llvm::json::Value;

namespace {

/// How byte-level vocabularies write bytes: printable ones of Latin-1 as
/// themselves, the others as U+0100 and on, in order.
class ByteAlphabet {
public:
  ByteAlphabet() {
    uint32_t next = 0x100;
    for (uint32_t byte = 0; byte < 256; ++byte) {
      bool printable = (byte >= '!' && byte <= '~') ||
                       (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
      bytes[printable ? byte : next++] = uint8_t(byte);
    }
  }

  /// `text` with bytes for its characters, unless one stands for none.
  std::optional<std::string> decode(llvm::StringRef text) const {
    std::string result;
    while (!text.empty()) {
      uint32_t code;
      if (!takeCharacter(text, code))
        return std::nullopt;
      auto at = bytes.find(code);
      if (at == bytes.end())
        return std::nullopt;
      result += char(at->second);
    }
    return result;
  }

private:
  llvm::DenseMap<uint32_t, uint8_t> bytes;
};

/// Reads `model` and `added_tokens`; the pipeline's flags are set already.
class Reader {
public:
  Reader(const Object &root, Description &result)
      : root(root), result(result) {}

  llvm::Error read() {
    const Object *model = root.getObject("model");
    if (!model)
      return wrong("expected an object 'model'");
    if (llvm::Error error = checkModel(*model))
      return error;
    if (llvm::Error error = readVocabulary(*model))
      return error;
    if (llvm::Error error = readMerges(*model))
      return error;
    if (llvm::Error error = readAdded())
      return error;
    if (result.has(format::byteLevel))
      findBytes();
    else if (model->getBoolean("byte_fallback").value_or(false))
      useByteTokens(result);
    cutAtSpaces(result);
    return llvm::Error::success();
  }

private:
  llvm::Error checkModel(const Object &model) {
    llvm::StringRef type = model.getString("type").value_or("BPE");
    if (type != "BPE")
      return wrong("unsupported model '" + type + "', expects BPE");
    for (llvm::StringRef name :
         {"continuing_subword_prefix", "end_of_word_suffix"})
      if (!model.getString(name).value_or("").empty())
        return wrong("unsupported " + name + " '" + *model.getString(name) +
                     "', expects none");
    if (model.getNumber("dropout").value_or(0) != 0)
      return wrong("unsupported dropout, expects none");
    if (model.getBoolean("ignore_merges").value_or(false))
      result.flags |= format::wholeWords;
    if (model.getBoolean("fuse_unk").value_or(false))
      result.flags |= format::fuseUnknown;
    return llvm::Error::success();
  }

  llvm::Expected<uint32_t> checkId(llvm::StringRef text,
                                   std::optional<int64_t> id) {
    if (!id || *id < 0 || *id >= format::maxVocabulary)
      return wrong("expected an id from 0 to " +
                   llvm::Twine(format::maxVocabulary - 1) + " for the token '" +
                   text + "'");
    if (*id >= int64_t(result.symbols.size()))
      result.symbols.resize(size_t(*id) + 1);
    return uint32_t(*id);
  }

  /// The symbol of a piece of the vocabulary.
  void setPiece(llvm::StringRef piece, Symbol &symbol) {
    if (result.has(format::byteLevel)) {
      auto bytes = alphabet.decode(piece);
      symbol.isPiece = bytes.has_value();
      symbol.text = bytes.value_or(piece.str());
    } else {
      symbol.text = withSpaces(piece);
      // A space is written U+2581: a piece with a space is never met.
      symbol.isPiece = !result.has(format::spaceMarker) || !piece.contains(' ');
    }
  }

  std::string withSpaces(llvm::StringRef text) {
    if (!result.has(format::spaceMarker))
      return text.str();
    llvm::SmallVector<llvm::StringRef> parts;
    text.split(parts, "\xe2\x96\x81");
    return llvm::join(parts, " ");
  }

  llvm::Error readVocabulary(const Object &model) {
    const Object *vocabulary = model.getObject("vocab");
    if (!vocabulary)
      return wrong("expected an object 'vocab' in 'model'");
    for (const auto &[key, value] : *vocabulary) {
      llvm::StringRef text = key;
      auto id = checkId(text, value.getAsInteger());
      if (!id)
        return id.takeError();
      ids[text] = *id;
      setPiece(text, result.symbols[*id]);
    }
    if (result.symbols.empty())
      return wrong("the vocabulary is empty");
    // Ids of the file that no token has stay holes, but not millions of them.
    if (result.symbols.size() > 65536 + 16 * vocabulary->size())
      return wrong("the vocabulary has " + llvm::Twine(vocabulary->size()) +
                   " tokens, but ids up to " +
                   llvm::Twine(result.symbols.size() - 1));
    if (auto unknown = model.getString("unk_token")) {
      auto at = ids.find(*unknown);
      if (at == ids.end())
        return wrong("unk_token '" + *unknown + "' is not in the vocabulary");
      result.unknown = at->second;
    }
    return llvm::Error::success();
  }

  static std::optional<std::pair<llvm::StringRef, llvm::StringRef>>
  readPair(const Value &merge) {
    if (auto text = merge.getAsString())
      return text->split(' ');
    const Array *pair = merge.getAsArray();
    if (!pair || pair->size() != 2 || !(*pair)[0].getAsString() ||
        !(*pair)[1].getAsString())
      return std::nullopt;
    return std::pair(*(*pair)[0].getAsString(), *(*pair)[1].getAsString());
  }

  llvm::Error readMerges(const Object &model) {
    const Array *merges = model.getArray("merges");
    if (!merges)
      return wrong("expected a list 'merges' in 'model'");
    llvm::DenseMap<std::pair<uint32_t, uint32_t>, size_t> known;
    for (auto [rank, merge] : llvm::enumerate(*merges)) {
      auto pair = readPair(merge);
      if (!pair)
        return wrong("merge " + llvm::Twine(rank) +
                     ": expected a pair of pieces");
      auto left = ids.find(pair->first), right = ids.find(pair->second);
      auto both = ids.find((pair->first + pair->second).str());
      if (left == ids.end() || right == ids.end() || both == ids.end())
        return wrong("merge " + llvm::Twine(rank) + ", '" + pair->first +
                     "' and '" + pair->second +
                     "': a piece is not in the vocabulary");
      format::Merge entry{left->second, right->second, uint32_t(rank),
                          both->second};
      auto [at, isNew] =
          known.try_emplace({entry.left, entry.right}, result.merges.size());
      if (isNew)
        result.merges.push_back(entry);
      else
        result.merges[at->second] = entry; // as in the library: the last counts
    }
    return llvm::Error::success();
  }

  llvm::Error readAdded() {
    const Array *list = root.getArray("added_tokens");
    for (const Value &value : list ? *list : Array()) {
      const Object *token = value.getAsObject();
      auto content = token ? token->getString("content") : std::nullopt;
      if (!content)
        return wrong("expected a string 'content' in each of added_tokens");
      auto id = checkId(*content, token->getInteger("id"));
      if (!id)
        return id.takeError();
      auto flag = [&](llvm::StringRef name, uint32_t bit) -> uint32_t {
        return token->getBoolean(name).value_or(false) ? bit : 0;
      };
      AddedToken added;
      added.id = *id;
      added.flags = flag("special", format::addedSpecial) |
                    flag("lstrip", format::addedLeft) |
                    flag("rstrip", format::addedRight) |
                    flag("single_word", format::addedWord);
      added.normalized = token->getBoolean("normalized").value_or(false);
      added.text = added.normalized ? normalize(*content) : content->str();
      Symbol &symbol = result.symbols[*id];
      // What it matches is what it decodes to.
      symbol.text = added.normalized ? added.text : withSpaces(*content);
      symbol.isSpecial = added.flags & format::addedSpecial;
      ids.try_emplace(*content, *id);
      result.added.push_back(std::move(added));
    }
    result.vocabulary = uint32_t(result.symbols.size());
    return llvm::Error::success();
  }

  /// What the runtime makes of `text` before it looks for added tokens.
  std::string normalize(llvm::StringRef text) {
    std::string normal =
        withSpaces(result.has(format::composes) ? compose(text) : text.str());
    return result.has(format::prefixEarly) && !normal.empty() ? " " + normal
                                                              : normal;
  }

  void findBytes() {
    for (const auto &[id, symbol] : llvm::enumerate(result.symbols))
      if (symbol.isPiece && symbol.text.size() == 1)
        result.byteSymbols[uint8_t(symbol.text[0])] = uint32_t(id);
  }

  const Object &root;
  Description &result;
  ByteAlphabet alphabet;
  llvm::StringMap<uint32_t> ids; ///< of tokens as the file writes them
};

} // namespace

llvm::Expected<Description> readHuggingFace(const Object &root) {
  Description result;
  if (llvm::Error error = readPipeline(root, result))
    return std::move(error);
  if (llvm::Error error = Reader(root, result).read())
    return std::move(error);
  for (uint32_t id : result.prefix)
    if (id >= result.vocabulary)
      return wrong("post_processor adds a token that is not in the vocabulary");
  for (uint32_t id : result.suffix)
    if (id >= result.vocabulary)
      return wrong("post_processor adds a token that is not in the vocabulary");
  return std::move(result);
}

} // namespace qopt::tokenizer
