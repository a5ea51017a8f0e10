// Reads the tokenizer.bin of llama2.c: the length of the longest token, then
// score, length and text of each.

#include "qopt/frontends/tokenizer/Description.h"

#include "llvm/Support/Endian.h"

#include <cmath>

namespace qopt::tokenizer {

using llvm::support::endian::read32le;

llvm::Expected<Description> readLlama2c(llvm::StringRef text) {
  auto damaged = [] {
    return wrong("expected a tokenizer.bin of llama2.c, got something else or "
                 "a part of one");
  };
  if (text.size() < 4)
    return damaged();
  uint32_t longest = read32le(text.data());
  text = text.drop_front(4);
  Description result;
  std::vector<float> scores;
  while (!text.empty()) {
    if (text.size() < 8)
      return damaged();
    float score = llvm::bit_cast<float>(read32le(text.data()));
    uint32_t bytes = read32le(text.data() + 4);
    text = text.drop_front(8);
    if (bytes > longest || bytes > text.size() || !std::isfinite(score) ||
        result.symbols.size() == format::maxVocabulary)
      return damaged();
    Symbol symbol;
    symbol.text = text.take_front(bytes).str();
    symbol.isPiece = true;
    text = text.drop_front(bytes);
    result.symbols.push_back(std::move(symbol));
    scores.push_back(score);
  }
  // 0 is unknown, 1 begins a text, 2 ends it, then come the bytes; run.c knows
  // no other order.
  if (result.symbols.size() < 3 + 256 && result.symbols.size() < 3)
    return damaged();
  static constexpr llvm::StringLiteral names[] = {"<unk>", "<s>", "</s>"};
  for (uint32_t id = 0; id < std::size(names); ++id) {
    result.symbols[id] = {names[id].str(), false, true, false};
    if (id)
      result.added.push_back(
          {id, names[id].str(), format::addedSpecial, false});
  }
  result.vocabulary = uint32_t(result.symbols.size());
  result.flags = format::fuseUnknown | format::prefixSpace |
                 format::prefixEarly | format::dropFirstSpace;
  result.unknown = 0;
  result.bos = 1;
  result.eos = 2;
  result.bosEnds = true;
  result.prefix = {1};
  useByteTokens(result);
  if (llvm::Error error = mergeByScore(result, scores))
    return std::move(error);
  cutAtSpaces(result);
  return std::move(result);
}

} // namespace qopt::tokenizer
