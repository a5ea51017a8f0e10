// Compiles a model's tokenizer into the blob that the runtime opens.
//
// Read are tokenizer.json (byte-level and SentencePiece-like BPE), .model files
// of SentencePiece (BPE), and the tokenizer.bin of llama2.c. What the runtime
// would do differently from the tokenizer's own library - another model,
// normalizer, pre-tokenizer or pattern - is refused by name.
#ifndef QOPT_FRONTENDS_TOKENIZER_TOKENIZER_H
#define QOPT_FRONTENDS_TOKENIZER_TOKENIZER_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace qopt::tokenizer {

/// The tokenizer file of a model's folder: tokenizer.json, tokenizer.model,
/// tokenizer.bin, or else the only *.model or tok*.bin. Empty: it has none.
std::string findTokenizer(llvm::StringRef folder);

/// Compiles `path`, a tokenizer file or a folder that holds one. What lies
/// beside it says which tokens begin and end a text and how a chat is written
/// (tokenizer_config.json, special_tokens_map.json, generation_config.json,
/// genai_config.json, config.json, chat_template.jinja). Files are not trusted.
llvm::Expected<std::string> compileTokenizer(llvm::StringRef path);

} // namespace qopt::tokenizer

#endif // QOPT_FRONTENDS_TOKENIZER_TOKENIZER_H
