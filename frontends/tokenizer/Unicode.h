// Unicode data at compile time: sets of characters, and NFC.
#ifndef QOPT_FRONTENDS_TOKENIZER_UNICODE_H
#define QOPT_FRONTENDS_TOKENIZER_UNICODE_H

#include "qopt/runtime/tokenizer/Format.h"

#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/StringRef.h"

#include <string>
#include <vector>

namespace qopt::tokenizer {

/// A set of code points; 0x110000 bits.
using CharSet = llvm::BitVector;
constexpr uint32_t codePoints = 0x110000;

/// Adds the characters of a general category, "L" or "Lu"; false if there is
/// no such category.
bool addCategory(llvm::StringRef name, CharSet &set);
void addSpaces(CharSet &set);    ///< \s
void addWordChars(CharSet &set); ///< \w
/// Adds what differs from a member only in its case.
void addCaseVariants(CharSet &set);

/// Takes the first character off `text`, which is not empty; false if it is
/// not UTF-8.
bool takeCharacter(llvm::StringRef &text, uint32_t &code);
void appendCharacter(uint32_t code, std::string &text);

/// `text` composed; as it is if it is not UTF-8.
std::string compose(llvm::StringRef text);

/// What the runtime needs to compose text; see Format.h.
struct NfcTables {
  std::vector<uint16_t> pages, blocks;
  std::vector<runtime::tokenizer::NfcRecord> records;
  std::vector<uint32_t> parts;
  std::vector<runtime::tokenizer::NfcPair> pairs;
};
NfcTables makeNfcTables();

/// Splits `values`, one for each code point, into pages of 256, equal ones
/// stored once.
template <typename T>
void makePages(const std::vector<T> &values, std::vector<uint16_t> &pages,
               std::vector<T> &blocks);

} // namespace qopt::tokenizer

#endif // QOPT_FRONTENDS_TOKENIZER_UNICODE_H
