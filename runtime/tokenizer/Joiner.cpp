// Joins the symbols of a word to tokens: byte-pair encoding.
//
// The pair of lowest rank is joined first, the leftmost of equals, until no
// pair has a merge. Words of a sentence are short, and looking at all pairs
// each time is fastest; for long ones (a vocabulary that does not cut at
// spaces, a line of "aaaa") a heap makes it O(n log n).

#include "qopt/runtime/tokenizer/Parts.h"

namespace qopt::runtime::tokenizer {

void Joiner::split(Text word) {
  pieces.clear();
  bool bytes = tables.has(byteLevel);
  for (size_t i = 0; i < word.size;) {
    size_t size = bytes ? 1 : readCharacter(word.data + i, word.size - i).bytes;
    uint32_t symbol = bytes ? tables.byteSymbols[word.data[i]]
                            : tables.find({word.data + i, size});
    uint32_t index = uint32_t(pieces.size());
    pieces.push({symbol, uint32_t(i), index - 1, index + 1});
    i += size;
  }
  if (pieces.size())
    pieces.back().next = nothing;
}

/// Joins the piece `left` with the one behind it.
void Joiner::join(uint32_t left, uint32_t result) {
  uint32_t right = pieces[left].next, behind = pieces[right].next;
  pieces[left].symbol = result;
  pieces[left].next = behind;
  pieces[right].symbol = nothing;
  if (behind != nothing)
    pieces[behind].previous = left;
}

void Joiner::joinShort() {
  // pairs[i]: how piece i joins with the one behind it.
  const Merge *pairs[shortWord];
  size_t size = pieces.size();
  for (size_t i = 0; i < size; ++i)
    pairs[i] = i + 1 < size
                   ? tables.merge(pieces[i].symbol, pieces[i + 1].symbol)
                   : nullptr;
  for (;;) {
    uint32_t best = nothing;
    for (uint32_t i = 0; i != nothing; i = pieces[i].next)
      if (pairs[i] && (best == nothing || pairs[i]->rank < pairs[best]->rank))
        best = i;
    if (best == nothing)
      return;
    join(best, pairs[best]->result);
    uint32_t next = pieces[best].next, previous = pieces[best].previous;
    pairs[best] = next == nothing
                      ? nullptr
                      : tables.merge(pieces[best].symbol, pieces[next].symbol);
    if (best)
      pairs[previous] =
          tables.merge(pieces[previous].symbol, pieces[best].symbol);
  }
}

void Joiner::pushHeap(Candidate candidate) {
  size_t i = heap.size();
  heap.push(candidate);
  if (heap.failed())
    return;
  for (; i && candidate < heap[(i - 1) / 2]; i = (i - 1) / 2)
    heap[i] = heap[(i - 1) / 2];
  heap[i] = candidate;
}

Joiner::Candidate Joiner::popHeap() {
  Candidate top = heap[0], last = heap.back();
  heap.pop();
  size_t size = heap.size(), i = 0;
  for (size_t child; (child = 2 * i + 1) < size; i = child) {
    if (child + 1 < size && heap[child + 1] < heap[child])
      ++child;
    if (!(heap[child] < last))
      break;
    heap[i] = heap[child];
  }
  if (size)
    heap[i] = last;
  return top;
}

/// Puts `left` and the piece behind it on the heap, if they join.
void Joiner::consider(uint32_t left) {
  uint32_t right = pieces[left].next;
  if (right == nothing)
    return;
  if (const Merge *merge =
          tables.merge(pieces[left].symbol, pieces[right].symbol))
    pushHeap({merge, left});
}

void Joiner::joinLong() {
  heap.clear();
  for (uint32_t i = 0; i != nothing; i = pieces[i].next)
    consider(i);
  while (heap.size() && !heap.failed()) {
    Candidate top = popHeap();
    uint32_t right = pieces[top.left].next;
    if (pieces[top.left].symbol != top.merge->left || right == nothing ||
        pieces[right].symbol != top.merge->right)
      continue; // joined otherwise since
    join(top.left, top.merge->result);
    consider(top.left);
    if (top.left)
      consider(pieces[top.left].previous);
  }
}

void Joiner::emitUnknown(Text text) {
  if (tables.has(byteFallback)) {
    bool known = true;
    for (size_t i = 0; i < text.size; ++i)
      known &= tables.byteSymbols[text.data[i]] < tables.header->vocabulary;
    if (known) {
      for (size_t i = 0; i < text.size; ++i)
        ids.push(int32_t(tables.byteSymbols[text.data[i]]));
      return;
    }
  }
  if (tables.header->unknown != nothing)
    ids.push(int32_t(tables.header->unknown));
}

void Joiner::emit(Text word) {
  bool afterUnknown = false;
  for (uint32_t i = 0; i != nothing; i = pieces[i].next) {
    const Piece &piece = pieces[i];
    if (piece.symbol < tables.header->vocabulary) {
      ids.push(int32_t(piece.symbol));
      afterUnknown = false;
      continue;
    }
    size_t end = piece.next == nothing ? word.size : pieces[piece.next].begin;
    size_t before = ids.size();
    if (!afterUnknown || !tables.has(fuseUnknown))
      emitUnknown({word.data + piece.begin, end - piece.begin});
    // Fallback bytes are tokens of their own, never fused.
    afterUnknown =
        afterUnknown || (ids.size() == before + 1 &&
                         uint32_t(ids.back()) == tables.header->unknown);
  }
}

void Joiner::addWord(Text word) {
  if (tables.has(wholeWords)) {
    uint32_t symbol = tables.find(word);
    if (symbol < tables.header->vocabulary) {
      ids.push(int32_t(symbol));
      return;
    }
  }
  split(word);
  if (failed() || !pieces.size())
    return;
  if (pieces.size() <= shortWord)
    joinShort();
  else
    joinLong();
  emit(word);
}

} // namespace qopt::runtime::tokenizer
