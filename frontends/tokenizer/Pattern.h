// Compiles regular expressions into the runtime's matcher programs.
#ifndef QOPT_FRONTENDS_TOKENIZER_PATTERN_H
#define QOPT_FRONTENDS_TOKENIZER_PATTERN_H

#include "qopt/frontends/tokenizer/Description.h"
#include "qopt/frontends/tokenizer/Unicode.h"

namespace qopt::tokenizer {

/// Programs, and the classes of characters that they tell apart.
struct Programs {
  std::vector<format::Step> steps;
  std::vector<format::Instruction> program;
  std::vector<uint16_t> classPages;
  std::vector<uint8_t> classBlocks;
  uint64_t spaceMask = 0, wordMask = 0; ///< the classes of \s and \w
};

/// The subset that pre-tokenizers use: characters, sets, \s \d \w \p{..},
/// groups, (?i:..), alternatives, quantifiers, and lookahead of one character.
/// Anything else is an error that names it.
llvm::Expected<Programs> compilePatterns(llvm::ArrayRef<PatternStep> steps);

/// `text` as a pattern that matches nothing else.
std::string escapePattern(llvm::StringRef text);

} // namespace qopt::tokenizer

#endif // QOPT_FRONTENDS_TOKENIZER_PATTERN_H
