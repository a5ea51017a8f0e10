// Derives the merges of a SentencePiece vocabulary from its scores.
//
// SentencePiece joins any two neighbours that are a piece together, the best
// score first. tokenizer.json wants a list of pairs instead: each way to cut
// each piece in two, ordered by score, then by the lengths of both parts, then
// as the pieces come.

#include "qopt/frontends/gguf/Vocabulary.h"

#include "llvm/ADT/STLExtras.h"

namespace qopt::gguf {

namespace {

/// A way to make a piece of two.
struct Candidate {
  double score;
  size_t leftLength, rightLength; ///< in characters
  uint32_t left, right;
  size_t order = 0; ///< settles what is equal otherwise
};

} // namespace

static bool beginsCharacter(char byte) { return (byte & 0xc0) != 0x80; }

/// The ways to make `piece`, by the ids of their parts.
static std::vector<Candidate> cut(llvm::StringRef piece, double score,
                                  const llvm::StringMap<uint32_t> &ids) {
  std::vector<Candidate> ways;
  size_t length = llvm::count_if(piece, beginsCharacter), before = 0;
  for (size_t at = 1; at < piece.size(); ++at) {
    before += beginsCharacter(piece[at - 1]);
    if (!beginsCharacter(piece[at]))
      continue;
    auto left = ids.find(piece.take_front(at));
    auto right = ids.find(piece.drop_front(at));
    if (left != ids.end() && right != ids.end())
      ways.push_back(
          {score, before, length - before, left->second, right->second, 0});
  }
  llvm::sort(ways, [](const Candidate &a, const Candidate &b) {
    return std::tie(a.left, a.right) < std::tie(b.left, b.right);
  });
  return ways;
}

std::vector<std::pair<uint32_t, uint32_t>>
mergesByScore(llvm::ArrayRef<std::string> texts, llvm::ArrayRef<double> scores,
              const llvm::StringMap<uint32_t> &ids) {
  std::vector<Candidate> all;
  for (auto [text, score] : llvm::zip_equal(texts, scores))
    if (ids.count(text))
      llvm::append_range(all, cut(text, score, ids));
  for (auto [order, way] : llvm::enumerate(all))
    way.order = order;
  llvm::sort(all, [](const Candidate &a, const Candidate &b) {
    return std::tie(a.score, a.leftLength, a.rightLength, b.order) >
           std::tie(b.score, b.leftLength, b.rightLength, a.order);
  });
  std::vector<std::pair<uint32_t, uint32_t>> merges;
  for (const Candidate &way : all)
    merges.push_back({way.left, way.right});
  return merges;
}

} // namespace qopt::gguf
