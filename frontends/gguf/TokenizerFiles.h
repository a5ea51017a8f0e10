// Writes a vocabulary as the files that Hugging Face keeps beside a model.

#ifndef QOPT_FRONTENDS_GGUF_TOKENIZERFILES_H
#define QOPT_FRONTENDS_GGUF_TOKENIZERFILES_H

#include <string>

#include "qopt/frontends/gguf/Vocabulary.h"

namespace qopt::gguf {

/// tokenizer.json: how text becomes tokens.
std::string writeTokenizer(const Vocabulary &vocabulary);

/// tokenizer_config.json: the tokens by their meaning, the chat template.
std::string writeTokenizerConfig(const Vocabulary &vocabulary);

/// generation_config.json: where generation begins and ends.
std::string writeGenerationConfig(const Vocabulary &vocabulary);

} // namespace qopt::gguf

#endif // QOPT_FRONTENDS_GGUF_TOKENIZERFILES_H
