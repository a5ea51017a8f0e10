// A tokenizer as its readers describe it, whatever file it came from.
#ifndef QOPT_FRONTENDS_TOKENIZER_DESCRIPTION_H
#define QOPT_FRONTENDS_TOKENIZER_DESCRIPTION_H

#include "qopt/runtime/tokenizer/Format.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace qopt::tokenizer {

namespace format = runtime::tokenizer;

/// A token, or a character that only occurs inside of longer pieces.
struct Symbol {
  std::string text;     ///< what it decodes to; U+2581 is a space already
  bool isPiece = false; ///< found by its text, when words are split or whole
  bool isSpecial = false;
  bool isEnd = false;
};

/// A token that is cut out of the text before all else.
struct AddedToken {
  uint32_t id = 0;
  std::string text;
  uint32_t flags = 0; ///< format::AddedFlag
  bool normalized = false;
};

/// One step of the pre-tokenizer.
struct PatternStep {
  std::string pattern; ///< a regular expression
  uint32_t flags = 0;  ///< format::StepFlag
};

/// How a user's turn is written.
struct Chat {
  std::string name; ///< empty: there is no template
  std::string prefix, suffix;
  bool trims = false;
};

struct Description {
  Description() { byteSymbols.fill(format::nothing); }

  std::vector<Symbol> symbols; ///< `vocabulary` tokens, then the others
  uint32_t vocabulary = 0;
  std::vector<format::Merge> merges;
  std::array<uint32_t, 256> byteSymbols;
  std::vector<AddedToken> added;
  std::vector<PatternStep> steps;
  std::vector<uint32_t> prefix, suffix; ///< what addSpecial adds
  uint32_t flags = 0;                   ///< format::Flag
  uint32_t unknown = format::nothing;
  uint32_t bos = format::nothing; ///< what a template means by bos_token
  uint32_t eos = format::nothing;
  /// A model of llama2.c begins the next story instead of ending one.
  bool bosEnds = false;
  Chat chat;

  bool has(format::Flag flag) const { return flags & flag; }
};

/// An error about the tokenizer; the entry point adds the file's name.
llvm::Error wrong(const llvm::Twine &what);

/// Reads a file, of at most 256 MiB.
llvm::Expected<std::string> readFile(const llvm::Twine &path);

/// Parses JSON that may be hostile: nested too deeply, it is an error.
llvm::Expected<llvm::json::Value> parseJson(llvm::StringRef text);

/// The readers. `text` is the file.
llvm::Expected<Description> readHuggingFace(const llvm::json::Object &root);
llvm::Expected<Description> readSentencePiece(llvm::StringRef text);
llvm::Expected<Description> readLlama2c(llvm::StringRef text);

/// Reads normalizer, pre_tokenizer, post_processor and decoder into flags,
/// steps, prefix and suffix.
llvm::Error readPipeline(const llvm::json::Object &root, Description &result);

/// Sets byteSymbols to the tokens "<0x00>" to "<0xFF>", which become the bytes
/// that they mean, and byteFallback if all are there.
void useByteTokens(Description &result);

/// For a vocabulary of pieces with scores: any two neighbours that are a piece
/// together may join, the best score first. `scores` are those of the tokens.
llvm::Error mergeByScore(Description &result, llvm::ArrayRef<float> scores);

/// Splits words before spaces, if no piece has one elsewhere than in front:
/// the result is the same, and many short words are faster than a long one.
void cutAtSpaces(Description &result);

/// Reads what lies beside the tokenizer, and `root` if it is a tokenizer.json,
/// into ends and chat.
llvm::Error readCompanions(llvm::StringRef folder,
                           const llvm::json::Object *root, Description &result);

/// How a template writes a user's turn, for the kinds that are known.
Chat readChatTemplate(llvm::StringRef text, llvm::StringRef bos);

/// Writes the blob.
llvm::Expected<std::string> writeBlob(const Description &description);

} // namespace qopt::tokenizer

#endif // QOPT_FRONTENDS_TOKENIZER_DESCRIPTION_H
