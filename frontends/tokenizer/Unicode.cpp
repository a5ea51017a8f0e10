// Asks utf8proc for sets of characters and for the tables of NFC.

#include "qopt/frontends/tokenizer/Unicode.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <utf8proc.h>

namespace qopt::tokenizer {

namespace format = runtime::tokenizer;

/// Names in the order of utf8proc_category_t.
static constexpr llvm::StringLiteral categories[] = {
    "Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd",
    "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm",
    "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co"};

bool addCategory(llvm::StringRef name, CharSet &set) {
  bool known = false;
  bool wanted[std::size(categories)];
  for (size_t i = 0; i < std::size(categories); ++i) {
    wanted[i] = categories[i] == name ||
                (name.size() == 1 && categories[i].starts_with(name));
    known |= wanted[i];
  }
  if (known)
    for (uint32_t code = 0; code < codePoints; ++code)
      if (wanted[utf8proc_category(int32_t(code))])
        set.set(code);
  return known;
}

void addSpaces(CharSet &set) {
  // The property White_Space.
  set.set(0x9, 0xe);
  set.set(0x2000, 0x200b);
  for (uint32_t code :
       {0x20, 0x85, 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000})
    set.set(code);
}

void addWordChars(CharSet &set) {
  for (llvm::StringRef name : {"L", "M", "Nd", "Nl", "Pc"})
    addCategory(name, set);
}

/// The simple case folding of `code`.
static uint32_t fold(uint32_t code) {
  int32_t folded[8];
  int lastBoundary = 0;
  auto count = utf8proc_decompose_char(int32_t(code), folded, 8,
                                       UTF8PROC_CASEFOLD, &lastBoundary);
  return count == 1 ? uint32_t(folded[0]) : code;
}

void addCaseVariants(CharSet &set) {
  CharSet folded(codePoints);
  for (unsigned code : set.set_bits())
    folded.set(fold(code));
  for (uint32_t code = 0; code < codePoints; ++code)
    if (folded.test(fold(code)))
      set.set(code);
}

bool takeCharacter(llvm::StringRef &text, uint32_t &code) {
  int32_t read = 0;
  auto bytes = utf8proc_iterate(
      reinterpret_cast<const uint8_t *>(text.data()),
      utf8proc_ssize_t(std::min<size_t>(text.size(), 4)), &read);
  if (bytes <= 0)
    return false;
  code = uint32_t(read);
  text = text.drop_front(size_t(bytes));
  return true;
}

void appendCharacter(uint32_t code, std::string &text) {
  uint8_t bytes[4];
  auto count = utf8proc_encode_char(int32_t(code), bytes);
  text.append(reinterpret_cast<char *>(bytes), size_t(count));
}

std::string compose(llvm::StringRef text) {
  uint8_t *composed = nullptr;
  auto bytes =
      utf8proc_map(reinterpret_cast<const uint8_t *>(text.data()),
                   utf8proc_ssize_t(text.size()), &composed,
                   utf8proc_option_t(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  if (bytes < 0)
    return text.str();
  std::string result(reinterpret_cast<char *>(composed), size_t(bytes));
  std::free(composed);
  return result;
}

/// The canonical decomposition of `code`, in full.
static std::vector<uint32_t> decompose(uint32_t code) {
  int32_t parts[16];
  int lastBoundary = 0;
  auto count = utf8proc_decompose_char(
      int32_t(code), parts, 16,
      utf8proc_option_t(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE), &lastBoundary);
  if (count <= 0 || count > 16)
    return {code};
  return std::vector<uint32_t>(parts, parts + count);
}

static std::vector<uint32_t> composeCodes(llvm::ArrayRef<uint32_t> codes) {
  std::string text;
  for (uint32_t code : codes)
    appendCharacter(code, text);
  std::string composed = compose(text);
  llvm::StringRef rest = composed;
  std::vector<uint32_t> result;
  uint32_t code;
  while (!rest.empty() && takeCharacter(rest, code))
    result.push_back(code);
  return result;
}

/// Hangul: composed by arithmetic, in the runtime as in Unicode.
static bool isSyllable(uint32_t code) { return code - 0xac00 < 11172; }
static bool joinsSyllable(uint32_t code) {
  return code - 0x1161 < 21 || code - 0x11a8 < 27; // vowels and tails
}

NfcTables makeNfcTables() {
  NfcTables tables;
  std::vector<uint8_t> changes(codePoints, 0), order(codePoints, 0);
  std::vector<std::vector<uint32_t>> parts(codePoints);
  CharSet seconds(codePoints);
  for (uint32_t code = 0; code < codePoints; ++code) {
    if (code - 0xd800 < 0x800)
      continue; // surrogates are no characters
    order[code] =
        uint8_t(utf8proc_get_property(int32_t(code))->combining_class);
    if (isSyllable(code))
      continue;
    std::vector<uint32_t> full = decompose(code);
    if (full.size() == 1 && full[0] == code)
      continue;
    // It is composed of all but its last part, and that part, unless it is
    // excluded from composition (then NFC of the two is something else).
    changes[code] = composeCodes({code}) != std::vector<uint32_t>{code};
    std::vector<uint32_t> first =
        composeCodes(llvm::ArrayRef(full).drop_back());
    if (full.size() > 1 && first.size() == 1 &&
        composeCodes({first[0], full.back()}) == std::vector<uint32_t>{code}) {
      tables.pairs.push_back({first[0], full.back(), code});
      seconds.set(full.back());
    }
    parts[code] = std::move(full);
  }
  llvm::sort(tables.pairs, [](const auto &a, const auto &b) {
    return std::pair(a.first, a.second) < std::pair(b.first, b.second);
  });

  std::map<std::pair<uint32_t, std::vector<uint32_t>>, uint16_t> known;
  std::vector<uint16_t> values(codePoints);
  for (uint32_t code = 0; code < codePoints; ++code) {
    bool boundary = !order[code] && !changes[code] && !seconds.test(code) &&
                    !joinsSyllable(code);
    uint32_t key = order[code] | (boundary ? 256 : 0);
    auto [at, isNew] =
        known.try_emplace({key, parts[code]}, uint16_t(tables.records.size()));
    if (isNew) {
      tables.records.push_back(
          {order[code], uint8_t(boundary ? format::nfcBoundary : 0),
           uint16_t(parts[code].size()), uint32_t(tables.parts.size())});
      llvm::append_range(tables.parts, parts[code]);
    }
    values[code] = at->second;
  }
  makePages(values, tables.pages, tables.blocks);
  return tables;
}

template <typename T>
void makePages(const std::vector<T> &values, std::vector<uint16_t> &pages,
               std::vector<T> &blocks) {
  std::map<std::vector<T>, uint16_t> known;
  for (auto begin = values.begin(); begin != values.end(); begin += 256) {
    std::vector<T> block(begin, begin + 256);
    auto [at, isNew] = known.try_emplace(block, uint16_t(known.size()));
    if (isNew)
      llvm::append_range(blocks, block);
    pages.push_back(at->second);
  }
}
template void makePages(const std::vector<uint8_t> &, std::vector<uint16_t> &,
                        std::vector<uint8_t> &);
template void makePages(const std::vector<uint16_t> &, std::vector<uint16_t> &,
                        std::vector<uint16_t> &);

} // namespace qopt::tokenizer
