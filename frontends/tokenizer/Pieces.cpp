// What the vocabularies of SentencePiece have in common: tokens for bytes,
// merges that follow from scores, spaces only in front.

#include "qopt/frontends/tokenizer/Description.h"
#include "qopt/frontends/tokenizer/Unicode.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <algorithm>

namespace qopt::tokenizer {

void useByteTokens(Description &result) {
  uint32_t count = 0;
  for (auto [id, symbol] : llvm::enumerate(result.symbols)) {
    llvm::StringRef text = symbol.text;
    uint8_t value = 0;
    if (text.size() != 6 || !text.consume_front("<0x") ||
        !text.consume_back(">") || text.getAsInteger(16, value) ||
        result.byteSymbols[value] != format::nothing)
      continue;
    result.byteSymbols[value] = uint32_t(id);
    symbol.text.assign(1, char(value));
    symbol.isPiece = false;
    ++count;
  }
  if (count == 256)
    result.flags |= format::byteFallback;
}

namespace {

/// Finds the merges of pieces with scores.
class ScoreMerges {
public:
  ScoreMerges(Description &result, llvm::ArrayRef<float> scores)
      : result(result), scores(scores) {
    for (auto [id, symbol] : llvm::enumerate(result.symbols))
      if (symbol.isPiece)
        ids.try_emplace(symbol.text, uint32_t(id));
  }

  llvm::Error find() {
    std::vector<float> ranks = scores.vec();
    llvm::sort(ranks, std::greater<float>());
    ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
    for (uint32_t id = 0; id < result.vocabulary; ++id) {
      // By value: symbols grow.
      std::string text = result.symbols[id].text;
      if (!result.symbols[id].isPiece || ids.lookup(text) != id)
        continue;
      if (text.size() > maxPiece)
        return wrong("piece " + llvm::Twine(id) + " has " +
                     llvm::Twine(text.size()) + " bytes, expects at most " +
                     llvm::Twine(maxPiece));
      auto rank = std::lower_bound(ranks.begin(), ranks.end(), scores[id],
                                   std::greater<float>());
      addSplits(text, id, uint32_t(rank - ranks.begin()));
    }
    return llvm::Error::success();
  }

private:
  static constexpr size_t maxPiece = 1024;

  /// All ways to join two symbols to the piece `id`.
  void addSplits(llvm::StringRef text, uint32_t id, uint32_t rank) {
    llvm::StringRef rest = text;
    uint32_t code;
    while (!rest.empty() && takeCharacter(rest, code)) {
      if (rest.empty())
        break;
      uint32_t left = symbolOf(text.drop_back(rest.size()));
      uint32_t right = symbolOf(rest);
      if (left != format::nothing && right != format::nothing)
        result.merges.push_back({left, right, rank, id});
    }
  }

  /// A piece, or a character that is none: a new symbol, since pieces may have
  /// it inside.
  uint32_t symbolOf(llvm::StringRef text) {
    auto at = ids.find(text);
    if (at != ids.end())
      return at->second;
    llvm::StringRef rest = text;
    uint32_t code;
    if (!takeCharacter(rest, code) || !rest.empty())
      return format::nothing;
    uint32_t id = uint32_t(result.symbols.size());
    result.symbols.push_back({text.str(), true, false, false});
    ids[text] = id;
    return id;
  }

  Description &result;
  llvm::ArrayRef<float> scores;
  llvm::StringMap<uint32_t> ids;
};

} // namespace

llvm::Error mergeByScore(Description &result, llvm::ArrayRef<float> scores) {
  return ScoreMerges(result, scores).find();
}

void cutAtSpaces(Description &result) {
  if (result.has(format::byteLevel) || !result.steps.empty())
    return;
  bool hasSpace = false;
  for (const Symbol &symbol : result.symbols) {
    if (!symbol.isPiece)
      continue;
    llvm::StringRef word = llvm::StringRef(symbol.text).ltrim(' ');
    if (word.contains(' '))
      return;
    hasSpace |= symbol.text == " ";
  }
  // A space that is unknown could fuse with an unknown character before it.
  if (hasSpace)
    result.steps.push_back({" +[^ ]*|[^ ]+", 0});
}

} // namespace qopt::tokenizer
