// The blob that the compiler writes and the runtime reads a tokenizer from.
//
// Shared by both worlds, like abi.h: structs of fixed layout, no function but
// the two hashes. Little endian. A header, then sections, each at an offset
// that is a multiple of 8:
//
//   symbols   the vocabulary's texts, plus characters that only occur inside of
//             longer pieces; two hash tables: text -> symbol, pair -> merge
//   added     tokens that are cut out of the text before all else
//   classes   characters in the (at most 64) classes that the pattern tells
//             apart: a two-level table from code point to class
//   program   the pre-tokenizer's patterns, see Instruction
//   nfc       tables of the canonical composition, if the tokenizer wants it
//
// In SentencePiece vocabularies a space is written U+2581; in the blob, pieces
// hold the space itself.
#ifndef QOPT_RUNTIME_TOKENIZER_FORMAT_H
#define QOPT_RUNTIME_TOKENIZER_FORMAT_H

#include <stddef.h>
#include <stdint.h>

namespace qopt::runtime::tokenizer {

constexpr char magic[8] = {'q', 'o', 'p', 't', 't', 'o', 'k', '\n'};
constexpr uint32_t version = 1;
constexpr uint32_t nothing = 0xffffffff; ///< no symbol; an empty slot

/// Limits that both sides check.
constexpr uint32_t maxVocabulary = 1u << 22;
constexpr uint32_t maxInstructions = 1u << 12;
constexpr uint32_t maxSteps = 8;
constexpr uint32_t maxClasses = 64;
constexpr uint32_t pageCount = 0x110000 / 256; ///< pages of code points

enum Section : uint32_t {
  symbolOffsets, ///< uint32_t[symbols + 1] into symbolBytes
  symbolBytes,   ///< texts of all symbols, end to end
  tokenFlags,    ///< uint8_t[vocabulary], TokenFlag
  symbolSlots,   ///< uint32_t[2^k], symbol by hashText of its text
  mergeSlots,    ///< Merge[2^k], by hashPair
  byteSymbols,   ///< uint32_t[256], symbol of a single byte or `nothing`
  addedRaw,      ///< Added[], sorted by text: looked for in the raw text
  addedNormal,   ///< Added[], sorted by text: looked for after normalizing
  addedBytes,    ///< texts of both
  prefixIds,     ///< uint32_t[]: what addSpecial puts before the text
  suffixIds,     ///< uint32_t[]: and behind it
  classPages,    ///< uint16_t[pageCount], index of a block of classBlocks
  classBlocks,   ///< uint8_t[256][]
  steps,         ///< Step[]
  program,       ///< Instruction[]
  nfcPages,      ///< uint16_t[pageCount], index of a block of nfcBlocks
  nfcBlocks,     ///< uint16_t[256][], index of a record
  nfcRecords,    ///< NfcRecord[], the first is the one of most characters
  nfcParts,      ///< uint32_t[]: decompositions, end to end
  nfcPairs,      ///< NfcPair[], sorted
  chatPrefix,    ///< text before a user's turn
  chatSuffix,    ///< and behind it
  sectionCount
};

enum Flag : uint32_t {
  /// Words are bytes at first, not characters.
  byteLevel = 1 << 0,
  /// A word that is a piece is not split, whatever the merges say.
  wholeWords = 1 << 1,
  /// A character that no piece holds becomes its bytes' tokens.
  byteFallback = 1 << 2,
  /// Neighbouring unknown characters are one unknown token.
  fuseUnknown = 1 << 3,
  /// U+2581 in the text is a space.
  spaceMarker = 1 << 4,
  /// A space is put before each stretch of text between added tokens, ...
  prefixSpace = 1 << 5,
  /// ... but only before one that begins the text, ...
  prefixFirst = 1 << 6,
  /// ... but not where there is one, ...
  prefixMissing = 1 << 7,
  /// ... and before the added tokens of addedNormal are looked for.
  prefixEarly = 1 << 8,
  /// Spaces at both ends are dropped, and runs of them become one.
  squeezeSpaces = 1 << 9,
  /// The text is composed (NFC).
  composes = 1 << 10,
  /// The first token of a text loses a leading space when decoded.
  dropFirstSpace = 1 << 11,
  /// A user's turn is trimmed.
  chatTrims = 1 << 12,
  allFlags = (1 << 13) - 1
};

enum TokenFlag : uint8_t {
  tokenSpecial = 1 << 0, ///< shown only on demand
  tokenEnd = 1 << 1      ///< generation ends here
};

struct SectionRange {
  uint64_t offset, bytes;
};

struct Header {
  char magic[8];
  uint32_t version;
  uint32_t flags; ///< Flag
  uint64_t bytes; ///< of the whole blob
  uint32_t vocabulary;
  uint32_t symbols;             ///< at least `vocabulary`
  uint32_t unknown;             ///< a token, or `nothing`: dropped
  uint32_t bos;                 ///< the one in prefixIds, or `nothing`
  uint32_t textProbes;          ///< slots to look at, at most
  uint32_t mergeProbes;         ///< likewise
  uint64_t spaceMask, wordMask; ///< classes of \s and \w
  char chatName[16];            ///< ended by a zero; empty: no template
  SectionRange sections[sectionCount];
};

/// Joins neighbouring `left` and `right` to `result`; the lowest rank first,
/// the leftmost of equals.
struct Merge {
  uint32_t left; ///< `nothing`: an empty slot
  uint32_t right, rank, result;
};

enum AddedFlag : uint32_t {
  addedSpecial = 1 << 0, ///< found only on demand
  addedLeft = 1 << 1,    ///< swallows spaces on its left
  addedRight = 1 << 2,   ///< and on its right
  addedWord = 1 << 3     ///< only where no letter or digit touches it
};

struct Added {
  uint32_t id, flags, offset, bytes; ///< a stretch of addedBytes, not empty
};

enum StepFlag : uint32_t { dropMatches = 1 << 0, dropGaps = 1 << 1 };

/// Cuts each word of the step before it into matches of a pattern and what is
/// between them.
struct Step {
  uint32_t begin, end; ///< a stretch of the program
  uint32_t flags;      ///< StepFlag
  uint32_t zero;
};

/// The pattern's instructions only ever jump forward, so that a match takes at
/// most as many backtracking points as there are instructions.
enum Op : uint16_t {
  opOne,    ///< a character of `mask`
  opRepeat, ///< `min` to `max` of them; as many as can be, then fewer
  opLazy,   ///< as few as can be, then more
  opKeep,   ///< as many as can be, and no fewer (possessive)
  opAhead,  ///< the next character is one of `mask`
  opNotAhead,
  opSplit, ///< goes on behind; should that fail, at `target`
  opJump,
  opMatch
};

struct Instruction {
  uint64_t mask; ///< bit k: class k
  uint32_t min, max;
  uint16_t op;
  uint16_t zero;
  uint32_t target; ///< an index, counted from Step.begin
};

enum NfcFlag : uint8_t {
  /// Neither changes nor joins with what stands before it.
  nfcBoundary = 1 << 0
};

struct NfcRecord {
  uint8_t order;   ///< canonical combining class
  uint8_t flags;   ///< NfcFlag
  uint16_t count;  ///< length of the decomposition; 0: itself
  uint32_t offset; ///< in nfcParts
};

struct NfcPair {
  uint32_t first, second, composed;
};

static_assert(sizeof(Header) == 80 + 16 * sectionCount, "layout");
static_assert(offsetof(Header, sections) % 8 == 0, "layout");
static_assert(sizeof(Merge) == 16 && sizeof(Added) == 16, "layout");
static_assert(sizeof(Step) == 16 && sizeof(Instruction) == 24, "layout");
static_assert(sizeof(NfcRecord) == 8 && sizeof(NfcPair) == 12, "layout");

/// FNV-1a, mixed once more so that its low bits serve as an index.
inline uint32_t hashText(const uint8_t *text, size_t bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (size_t i = 0; i < bytes; ++i)
    hash = (hash ^ text[i]) * 0x100000001b3;
  return uint32_t(hash ^ (hash >> 32));
}

inline uint32_t hashPair(uint32_t left, uint32_t right) {
  uint64_t hash = ((uint64_t(left) << 32) | right) * 0x9e3779b97f4a7c15;
  return uint32_t(hash >> 32);
}

} // namespace qopt::runtime::tokenizer

#endif // QOPT_RUNTIME_TOKENIZER_FORMAT_H
