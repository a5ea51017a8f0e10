// The tokens that a model is trained on, and which of them it shall learn.
#ifndef QOPT_RUNTIME_CLI_TRAINTOKENS_H
#define QOPT_RUNTIME_CLI_TRAINTOKENS_H

#include "qopt/runtime/cli/Prompt.h"
#include "qopt/runtime/cli/Session.h"

namespace qopt::cli {

/// One stream, file behind file and document behind document. Files are
///   .npy of token ids, taken as they are;
///   JSONL (named *.jsonl), a document a line: {"text"}, or {"prompt",
///     "response"} with the loss on the response only; each ends with the
///     tokenizer's end-of-text;
///   else UTF-8 text, one document as it is.
/// Nothing predicts the first token of a document.
class TrainTokens {
public:
  /// Appends a file; says why when it cannot.
  bool add(const Session &session, const char *path);

  uint64_t size() const { return tokens.size(); }
  /// Of memory.
  uint64_t bytes() const { return tokens.size() * sizeof(uint32_t); }
  int64_t id(uint64_t i) const { return tokens[i] & ~skipped; }
  /// Whether a model shall learn to predict it.
  bool isLearned(uint64_t i) const { return !(tokens[i] & skipped); }
  /// xxh64 of all of it.
  uint64_t hash() const;

private:
  bool addIds(const char *path, const Ids &ids, uint64_t known,
              int64_t vocabulary);
  bool addText(const Session &session, const char *path,
               const runtime::Growing<char> &text);
  bool addLines(const Session &session, const char *path,
                const runtime::Growing<char> &text);

  static constexpr uint32_t skipped = 1u << 31;
  runtime::Growing<uint32_t> tokens; ///< ids, marked where they are skipped
};

} // namespace qopt::cli

#endif // QOPT_RUNTIME_CLI_TRAINTOKENS_H
