// From words and files to token ids, and back.
#ifndef QOPT_RUNTIME_CLI_PROMPT_H
#define QOPT_RUNTIME_CLI_PROMPT_H

#include "qopt/runtime/Growing.h"
#include "qopt/runtime/qopt.h"

namespace qopt::cli {

using Ids = runtime::Growing<int64_t>;

/// The token ids of a text, begin-of-text included where the tokenizer adds
/// it; says why when there are none.
bool encode(const qopt_model *model, const char *text, size_t bytes, Ids &ids);

/// The token ids of a user's turn in the model's chat template.
bool encodeChat(const qopt_model *model, const char *text, size_t bytes,
                Ids &ids);

/// Token ids written as numbers with white space between them.
bool readIds(const char *text, size_t bytes, Ids &ids);

/// Whether all ids are in the vocabulary; names the first that is not.
bool checkIds(const Ids &ids, int64_t vocabulary);

/// Whether these tokens have no text: the next one is the first that has.
bool beginsText(const qopt_model *model, const Ids &ids);

/// The bytes of a token, `first` in its text or not; false when memory ran out.
bool decodeToken(const qopt_model *model, int64_t token, bool first,
                 runtime::Growing<char> &bytes);

} // namespace qopt::cli

#endif // QOPT_RUNTIME_CLI_PROMPT_H
