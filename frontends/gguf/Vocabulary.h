// The tokenizer of a GGUF file: tokens, merges, and which tokens mean what.

#ifndef QOPT_FRONTENDS_GGUF_VOCABULARY_H
#define QOPT_FRONTENDS_GGUF_VOCABULARY_H

#include "qopt/frontends/gguf/GgufFile.h"

namespace qopt::gguf {

/// How the text is cut before merges apply, by the name in the file.
struct PreTokenizer {
  llvm::StringLiteral name;
  /// A regular expression; empty: GPT-2's, which ByteLevel has built in.
  llvm::StringLiteral pattern;
  bool singleDigits; ///< each digit is cut out first
  bool composes;     ///< the text is composed (NFC)
  bool wholeWords;   ///< a word that is a token is not split
  bool addsBos;      ///< unless the file says otherwise
};

enum class TokenType {
  undefined,
  normal,
  unknown,
  control,
  user,
  unused,
  byte
};

struct Vocabulary {
  /// Null for SentencePiece's kind, where U+2581 stands for a space.
  const PreTokenizer *pre = nullptr;
  std::vector<std::string> texts;
  std::vector<TokenType> types;
  std::vector<std::pair<uint32_t, uint32_t>> merges; ///< the best first
  std::optional<uint32_t> bos, eos, unknown, padding;
  std::vector<uint32_t> ends; ///< where generation ends
  bool addsBos = false, addsEos = false;
  bool addsSpace = false; ///< in front of a text
  std::string chatTemplate;
  uint64_t context = 0; ///< tokens; 0 if the file does not say

  bool isByteLevel() const { return pre; }
  /// Cut out of the text before all else.
  bool isAdded(uint32_t id) const {
    return types[id] == TokenType::user || isSpecial(id);
  }
  bool isSpecial(uint32_t id) const {
    return types[id] == TokenType::control || types[id] == TokenType::unknown;
  }
};

/// Nothing if the file has no tokenizer. One that cannot be written as
/// tokenizer.json is refused by name.
llvm::Expected<std::optional<Vocabulary>> readVocabulary(const GgufFile &file);

/// Null if it is not known.
const PreTokenizer *findPreTokenizer(llvm::StringRef name);

/// The merges of a SentencePiece vocabulary: every way to make a piece of two,
/// the best score first, as Hugging Face's converter orders them. `ids` has the
/// pieces that may take part.
std::vector<std::pair<uint32_t, uint32_t>>
mergesByScore(llvm::ArrayRef<std::string> texts, llvm::ArrayRef<double> scores,
              const llvm::StringMap<uint32_t> &ids);

} // namespace qopt::gguf

#endif // QOPT_FRONTENDS_GGUF_VOCABULARY_H
