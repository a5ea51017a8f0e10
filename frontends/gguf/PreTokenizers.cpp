// The pre-tokenizers that GGUF files name, as their tokenizer.json has them.

#include "qopt/frontends/gguf/Vocabulary.h"

namespace qopt::gguf {

static constexpr llvm::StringLiteral gpt2 = "";
static constexpr llvm::StringLiteral llama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
static constexpr llvm::StringLiteral qwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
static constexpr llvm::StringLiteral tekken =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*)"
    R"([\p{Ll}\p{Lm}\p{Lo}\p{M}]+|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+)"
    R"([\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// clang-format off
static constexpr PreTokenizer known[] = {
    // name              pattern single composes whole  bos
    {"gpt-2",            gpt2,   false, false,   false, false},
    {"phi-2",            gpt2,   false, false,   false, false},
    {"smollm",           gpt2,   true,  false,   false, false},
    {"starcoder",        gpt2,   true,  false,   false, false},
    {"refact",           gpt2,   true,  false,   false, false},
    {"command-r",        gpt2,   true,  false,   false, false},
    {"llama-bpe",        llama3, false, false,   true,  true},
    {"llama3",           llama3, false, false,   true,  true},
    {"llama-v3",         llama3, false, false,   true,  true},
    {"falcon3",          llama3, false, false,   true,  true},
    {"smaug-bpe",        llama3, false, false,   false, false},
    {"dbrx",             llama3, false, false,   false, false},
    {"qwen2",            qwen2,  false, true,    false, false},
    {"deepseek-r1-qwen", qwen2,  false, true,    false, false},
    {"tekken",           tekken, false, false,   true,  false},
};
// clang-format on

const PreTokenizer *findPreTokenizer(llvm::StringRef name) {
  for (const PreTokenizer &pre : known)
    if (pre.name == name)
      return &pre;
  return nullptr;
}

} // namespace qopt::gguf
