// A parsed pattern: nodes whose leaves are sets of characters.
#ifndef QOPT_FRONTENDS_TOKENIZER_PATTERNNODE_H
#define QOPT_FRONTENDS_TOKENIZER_PATTERNNODE_H

#include "qopt/frontends/tokenizer/Pattern.h"

#include <memory>

namespace qopt::tokenizer {

struct Node {
  enum Kind { Set, Repeat, Ahead, Sequence, Alternatives, Optional };
  explicit Node(Kind kind) : kind(kind) {}
  Kind kind;
  unsigned set = 0;              ///< Set, Repeat, Ahead: index of a set
  uint32_t min = 1, max = 1;     ///< Repeat
  format::Op op = format::opOne; ///< Repeat: greedy, lazy, possessive
  bool negative = false;         ///< Ahead
  bool lazy = false;             ///< Optional
  std::vector<std::unique_ptr<Node>> children;
};
using NodePtr = std::unique_ptr<Node>;
using Sets = std::vector<CharSet>;

/// Parses `pattern`; its sets are added to `sets`, unless they are there.
llvm::Expected<NodePtr> parsePattern(llvm::StringRef pattern, Sets &sets);

} // namespace qopt::tokenizer

#endif // QOPT_FRONTENDS_TOKENIZER_PATTERNNODE_H
