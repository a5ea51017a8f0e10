// Reads the tokenizer of a GGUF file.

#include "qopt/frontends/gguf/Vocabulary.h"

#include <cmath>

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/JSON.h"

namespace qopt::gguf {

/// What to do where a tokenizer is not known.
static constexpr llvm::StringLiteral otherWay =
    "pass --no-tokenizer, and put the original model's tokenizer.json into the "
    "folder";

/// What qopt's tokenizers have room for.
static constexpr size_t maxTokens = 1 << 22;
/// Longer pieces would take long to cut in two everywhere; SentencePiece's own
/// limit is 512 bytes.
static constexpr size_t maxPieceBytes = 1024;

namespace {

class VocabularyReader {
public:
  explicit VocabularyReader(const GgufFile &file) : file(file) {}

  llvm::Expected<Vocabulary> read() {
    for (auto step :
         {&VocabularyReader::readKind, &VocabularyReader::readTexts,
          &VocabularyReader::readTypes, &VocabularyReader::indexTexts,
          &VocabularyReader::readMerges, &VocabularyReader::readMeanings,
          &VocabularyReader::readTemplate})
      if (llvm::Error error = (this->*step)())
        return std::move(error);
    return std::move(result);
  }

private:
  llvm::Error readKind();
  llvm::Error readTexts();
  llvm::Error readTypes();
  llvm::Error indexTexts();
  llvm::Error readMerges();
  llvm::Error deriveMerges();
  llvm::Error readMeanings();
  llvm::Error readTemplate();
  llvm::Error readId(llvm::StringRef name, std::optional<uint32_t> fallback,
                     std::optional<uint32_t> &id);
  llvm::Error readFlag(llvm::StringRef name, bool fallback, bool &flag);
  llvm::Expected<uint32_t> partOf(size_t merge, llvm::StringRef text);

  const GgufFile &file;
  Vocabulary result;
  llvm::StringMap<uint32_t> ids;
};

} // namespace

llvm::Error VocabularyReader::readKind() {
  auto model = file.text("tokenizer.ggml.model");
  if (!model)
    return model.takeError();
  if (*model == "llama")
    return llvm::Error::success();
  if (*model != "gpt2")
    return wrong("it has a tokenizer of kind " + quoted(*model) +
                 ", expects 'gpt2' (byte-level BPE) or 'llama' "
                 "(SentencePiece): " +
                 otherWay);
  auto pre = file.text("tokenizer.ggml.pre", "");
  if (!pre)
    return pre.takeError();
  result.pre = findPreTokenizer(*pre);
  if (result.pre)
    return llvm::Error::success();
  return wrong("it has the pre-tokenizer " + quoted(*pre) +
               ", expects gpt-2, smollm, llama-bpe, qwen2, tekken or a kin of "
               "these: " +
               otherWay);
}

llvm::Error VocabularyReader::readTexts() {
  auto tokens = file.texts("tokenizer.ggml.tokens");
  if (!tokens)
    return tokens.takeError();
  if (tokens->empty() || tokens->size() > maxTokens)
    return wrong("it has " + llvm::Twine(tokens->size()) +
                 " tokens, expects 1 to " + llvm::Twine(maxTokens));
  for (auto [id, text] : llvm::enumerate(*tokens)) {
    if (!llvm::json::isUTF8(text))
      return wrong("token " + llvm::Twine(id) + ", " + quoted(text) +
                   ", is not UTF-8, expects text");
    // As llama.cpp does.
    result.texts.push_back(text.empty() ? "[EMPTY_" + std::to_string(id) + "]"
                                        : text.str());
  }
  return llvm::Error::success();
}

llvm::Error VocabularyReader::readTypes() {
  size_t count = result.texts.size();
  auto types = file.numbers("tokenizer.ggml.token_type");
  if (!types)
    return types.takeError();
  if (!file.has("tokenizer.ggml.token_type"))
    types->assign(count, double(TokenType::normal));
  if (types->size() != count)
    return wrong("it has " + llvm::Twine(types->size()) +
                 " types of tokens, expects one for each of its " +
                 llvm::Twine(count) + " tokens");
  for (double type : *types) {
    if (!(type >= 0 && type <= double(TokenType::byte)))
      return wrong("it has tokens of type " + llvm::Twine(int64_t(type)) +
                   ", expects 0 to 6");
    result.types.push_back(TokenType(int(type)));
  }
  return llvm::Error::success();
}

llvm::Error VocabularyReader::indexTexts() {
  for (auto [id, text] : llvm::enumerate(result.texts)) {
    auto [at, isNew] = ids.try_emplace(text, uint32_t(id));
    if (!isNew)
      return wrong("tokens " + llvm::Twine(at->second) + " and " +
                   llvm::Twine(id) + " are both " + quoted(text) +
                   ", expects each text once");
  }
  return llvm::Error::success();
}

llvm::Expected<uint32_t> VocabularyReader::partOf(size_t merge,
                                                  llvm::StringRef text) {
  auto at = ids.find(text);
  if (at != ids.end())
    return at->second;
  return wrong("merge " + llvm::Twine(merge) + " has " + quoted(text) +
               ", expects pairs of tokens that are a token together");
}

llvm::Error VocabularyReader::readMerges() {
  if (!result.isByteLevel())
    return deriveMerges();
  auto merges = file.texts("tokenizer.ggml.merges");
  if (!merges)
    return merges.takeError();
  if (merges->empty())
    return wrong("it has no 'tokenizer.ggml.merges', which a byte-level "
                 "tokenizer needs: " +
                 otherWay);
  for (auto [rank, merge] : llvm::enumerate(*merges)) {
    // A part is never empty: a space in front is one.
    size_t space = merge.find(' ', 1);
    llvm::StringRef left = merge.take_front(space);
    llvm::StringRef right =
        space == llvm::StringRef::npos ? "" : merge.drop_front(space + 1);
    auto first = partOf(rank, left);
    if (!first)
      return first.takeError();
    auto second = partOf(rank, right);
    if (!second)
      return second.takeError();
    auto both = partOf(rank, (left + right).str());
    if (!both)
      return both.takeError();
    result.merges.push_back({*first, *second});
  }
  return llvm::Error::success();
}

llvm::Error VocabularyReader::deriveMerges() {
  auto scores = file.numbers("tokenizer.ggml.scores");
  if (!scores)
    return scores.takeError();
  if (scores->size() != result.texts.size())
    return wrong("it has " + llvm::Twine(scores->size()) +
                 " scores, expects one for each of its " +
                 llvm::Twine(result.texts.size()) + " tokens");
  llvm::StringMap<uint32_t> pieces;
  for (auto [id, text] : llvm::enumerate(result.texts)) {
    if (!std::isfinite((*scores)[id]))
      return wrong("the score of token " + llvm::Twine(id) +
                   " is not finite, expects a number");
    if (result.types[id] > TokenType::normal)
      continue;
    if (text.size() > maxPieceBytes)
      return wrong("token " + llvm::Twine(id) + " has " +
                   llvm::Twine(text.size()) + " bytes, expects at most " +
                   llvm::Twine(maxPieceBytes));
    pieces[text] = uint32_t(id);
  }
  result.merges = mergesByScore(result.texts, *scores, pieces);
  return llvm::Error::success();
}

/// A token that the file names; one that it does not have is none: that is how
/// some files say so.
llvm::Error VocabularyReader::readId(llvm::StringRef name,
                                     std::optional<uint32_t> fallback,
                                     std::optional<uint32_t> &id) {
  std::string key = ("tokenizer.ggml." + name).str();
  constexpr uint64_t none = ~uint32_t(0);
  auto value = file.real(key, double(fallback.value_or(none)));
  if (!value)
    return value.takeError();
  if (*value >= 0 && *value < double(result.texts.size()))
    id = uint32_t(*value);
  return llvm::Error::success();
}

llvm::Error VocabularyReader::readFlag(llvm::StringRef name, bool fallback,
                                       bool &flag) {
  auto value = file.boolean(("tokenizer.ggml." + name).str(), fallback);
  if (!value)
    return value.takeError();
  flag = *value;
  return llvm::Error::success();
}

llvm::Error VocabularyReader::readMeanings() {
  // What llama.cpp takes SentencePiece's tokens to be.
  bool isPieces = !result.isByteLevel();
  auto usual = [&](uint32_t id) {
    return isPieces ? std::optional<uint32_t>(id) : std::nullopt;
  };
  std::optional<uint32_t> turnEnd, messageEnd;
  struct Id {
    llvm::StringLiteral name;
    std::optional<uint32_t> fallback;
    std::optional<uint32_t> &id;
  } named[] = {{"bos_token_id", usual(1), result.bos},
               {"eos_token_id", usual(2), result.eos},
               {"unknown_token_id", usual(0), result.unknown},
               {"padding_token_id", std::nullopt, result.padding},
               {"eot_token_id", std::nullopt, turnEnd},
               {"eom_token_id", std::nullopt, messageEnd}};
  for (Id &entry : named)
    if (llvm::Error error = readId(entry.name, entry.fallback, entry.id))
      return error;
  for (std::optional<uint32_t> end : {result.eos, turnEnd, messageEnd})
    if (end && !llvm::is_contained(result.ends, *end))
      result.ends.push_back(*end);
  if (llvm::Error error = readFlag(
          "add_bos_token", isPieces || result.pre->addsBos, result.addsBos))
    return error;
  if (llvm::Error error = readFlag("add_eos_token", false, result.addsEos))
    return error;
  if (llvm::Error error =
          readFlag("add_space_prefix", isPieces, result.addsSpace))
    return error;
  if ((result.addsBos && !result.bos) || (result.addsEos && !result.eos))
    return wrong("its tokenizer adds a token that it does not name, expects "
                 "bos_token_id and eos_token_id");
  return llvm::Error::success();
}

llvm::Error VocabularyReader::readTemplate() {
  auto text = file.text("tokenizer.chat_template", "");
  if (!text)
    return text.takeError();
  if (!llvm::json::isUTF8(*text))
    return wrong("'tokenizer.chat_template' is not UTF-8, expects text");
  result.chatTemplate = *text;
  auto architecture = file.text("general.architecture", "");
  if (!architecture)
    return architecture.takeError();
  auto context = file.integer(*architecture + ".context_length", 0);
  if (!context)
    return context.takeError();
  result.context = *context;
  return llvm::Error::success();
}

llvm::Expected<std::optional<Vocabulary>> readVocabulary(const GgufFile &file) {
  auto model = file.text("tokenizer.ggml.model", "none");
  if (!model)
    return model.takeError();
  if (*model == "none" || *model == "no_vocab")
    return std::nullopt;
  auto result = VocabularyReader(file).read();
  if (!result)
    return result.takeError();
  return std::move(*result);
}

} // namespace qopt::gguf
