// The three parts of encoding between added tokens: normalize a stretch of
// text, cut it into words, and join each word's symbols to tokens.
#ifndef QOPT_RUNTIME_TOKENIZER_PARTS_H
#define QOPT_RUNTIME_TOKENIZER_PARTS_H

#include "qopt/runtime/tokenizer/Tables.h"

namespace qopt::runtime::tokenizer {

/// Brings text into the form that the vocabulary is written in.
class Normalizer {
public:
  explicit Normalizer(const Tokenizer &tables) : tables(tables) {}

  /// The normalized form of `text`, valid until the next call. `first` says
  /// that the whole text begins with it.
  Text normalize(Text text, bool first);

  /// `text` with a space in front, where the tokenizer wants one.
  Text addPrefix(Text text, bool first);

  bool failed() const {
    return composed.failed() || codes.failed() || normal.failed() ||
           prefixed.failed();
  }

private:
  bool wantsPrefix(Text text, bool first) const;
  Text compose(Text text);
  void composeRun();
  Text rewriteSpaces(Text text, bool first);
  const NfcRecord &record(uint32_t code) const;
  void decompose(uint32_t code);
  uint32_t composePair(uint32_t first, uint32_t second) const;

  const Tokenizer &tables;
  Growing<uint8_t> composed, normal, prefixed;
  Growing<uint32_t> codes; ///< of the run that is being composed
};

/// Joins the symbols of a word, pair by pair, and appends the tokens to `ids`.
class Joiner {
public:
  Joiner(const Tokenizer &tables, Growing<int32_t> &ids)
      : tables(tables), ids(ids) {}

  void addWord(Text word);

  bool failed() const { return pieces.failed() || heap.failed(); }

private:
  /// A symbol of the word; pieces that were joined to their left are dead.
  struct Piece {
    uint32_t symbol; ///< `nothing`: a character that no piece holds, or dead
    uint32_t begin;  ///< offset in the word
    uint32_t previous, next;
  };
  /// A pair that may be joined, unless one of it has changed since.
  struct Candidate {
    const Merge *merge;
    uint32_t left; ///< index of a piece
    bool operator<(const Candidate &other) const {
      return merge->rank != other.merge->rank ? merge->rank < other.merge->rank
                                              : left < other.left;
    }
  };

  /// Up to how many symbols looking at all pairs is faster than a heap.
  static constexpr size_t shortWord = 32;

  void split(Text word);
  void joinShort();
  void joinLong();
  void join(uint32_t left, uint32_t result);
  void consider(uint32_t left);
  void pushHeap(Candidate candidate);
  Candidate popHeap();
  void emit(Text word);
  void emitUnknown(Text text);

  const Tokenizer &tables;
  Growing<int32_t> &ids;
  Growing<Piece> pieces;
  Growing<Candidate> heap; ///< the lowest rank on top
};

/// Cuts text into words, as the pre-tokenizer's patterns say.
class Splitter {
public:
  Splitter(const Tokenizer &tables, Joiner &joiner)
      : tables(tables), joiner(joiner) {}

  void addText(Text text);

  bool failed() const { return classes.failed() || points.failed(); }

private:
  /// Where a match goes on if what it has tried fails.
  struct Point {
    uint32_t instruction; ///< counted from the step's begin
    uint32_t count;       ///< opLazy: characters that it has taken
    size_t position;
    size_t least; ///< opRepeat: may go back as far as this
  };

  void classify(Text text);
  void cut(size_t step, Text text, size_t begin, size_t end);
  /// The end of the match that begins at `begin`; `begin` if there is none.
  size_t match(const Step &step, size_t begin, size_t end);
  bool backtrack(const Step &step, size_t end, uint32_t &instruction,
                 size_t &position);
  bool in(const Instruction &instruction, size_t position) const {
    return instruction.mask >> classes[position] & 1;
  }
  size_t next(size_t position, size_t end) const;

  const Tokenizer &tables;
  Joiner &joiner;
  /// Of each byte of the text: the character's class, or `inside` of one.
  Growing<uint8_t> classes;
  static constexpr uint8_t inside = 255;
  Growing<Point> points;
};

} // namespace qopt::runtime::tokenizer

#endif // QOPT_RUNTIME_TOKENIZER_PARTS_H
