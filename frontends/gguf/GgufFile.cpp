// Gives the values of a GGUF file by key, and its tensors by name.

#include "qopt/frontends/gguf/GgufFile.h"

#include "qopt/frontends/gguf/GgufReader.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

namespace qopt::gguf {

llvm::Error wrong(const llvm::Twine &what) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), what);
}

std::string quoted(llvm::StringRef name) {
  constexpr size_t longest = 64;
  std::string result;
  llvm::raw_string_ostream out(result);
  out << "'";
  out.write_escaped(name.take_front(longest));
  out << (name.size() > longest ? "...'" : "'");
  return result;
}

std::string printSizes(llvm::ArrayRef<uint64_t> dims) {
  return llvm::join(
      llvm::map_range(dims, [](uint64_t size) { return std::to_string(size); }),
      " x ");
}

uint64_t Tensor::rows() const {
  uint64_t product = 1;
  for (uint64_t size : llvm::ArrayRef(dims).drop_front())
    product *= size;
  return product;
}

static llvm::Error missing(llvm::StringRef key) {
  return wrong("it has no '" + key + "', which a model of its kind needs");
}

static llvm::Error otherType(llvm::StringRef key, const Value &value,
                             const llvm::Twine &expected) {
  return wrong(quoted(key) + " is " + (value.isArray ? "an array of " : "of ") +
               "type " + nameOf(value.type) + ", expects " + expected);
}

template <typename T> static T load(const char *bytes) {
  return llvm::support::endian::read<T, llvm::endianness::little>(bytes);
}

/// A number of any type; integers beyond 2^53 lose digits, none here counts so
/// far.
static std::optional<double> numberAt(ValueType type, const char *bytes) {
  switch (type) {
  case ValueType::u8:
    return uint8_t(*bytes);
  case ValueType::i8:
    return int8_t(*bytes);
  case ValueType::u16:
    return load<uint16_t>(bytes);
  case ValueType::i16:
    return load<int16_t>(bytes);
  case ValueType::u32:
    return load<uint32_t>(bytes);
  case ValueType::i32:
    return load<int32_t>(bytes);
  case ValueType::u64:
    return load<uint64_t>(bytes);
  case ValueType::i64:
    return load<int64_t>(bytes);
  case ValueType::f32:
    return llvm::bit_cast<float>(load<uint32_t>(bytes));
  case ValueType::f64:
    return llvm::bit_cast<double>(load<uint64_t>(bytes));
  default:
    return std::nullopt;
  }
}

llvm::Expected<double> GgufFile::real(llvm::StringRef key,
                                      std::optional<double> fallback) const {
  auto at = values.find(key);
  if (at == values.end()) {
    if (fallback)
      return *fallback;
    return missing(key);
  }
  std::optional<double> number;
  if (!at->second.isArray)
    number = numberAt(at->second.type, at->second.bytes.data());
  if (!number)
    return otherType(key, at->second, "a number");
  return *number;
}

llvm::Expected<uint64_t>
GgufFile::integer(llvm::StringRef key, std::optional<uint64_t> fallback) const {
  constexpr double largest = 9007199254740992.0; // 2^53
  if (fallback && !has(key))
    return *fallback;
  llvm::Expected<double> number = real(key);
  if (!number)
    return number.takeError();
  if (!(*number >= 0 && *number <= largest) || uint64_t(*number) != *number)
    return wrong(quoted(key) + " is " + llvm::formatv("{0}", *number).str() +
                 ", expects an integer that is not negative");
  return uint64_t(*number);
}

llvm::Expected<bool> GgufFile::boolean(llvm::StringRef key,
                                       bool fallback) const {
  auto at = values.find(key);
  if (at == values.end())
    return fallback;
  if (at->second.isArray || at->second.type != ValueType::boolean)
    return otherType(key, at->second, "a bool");
  return at->second.bytes[0] != 0;
}

/// The string at the front of `bytes`, which is cut off.
static llvm::StringRef takeText(llvm::StringRef &bytes) {
  uint64_t size = load<uint64_t>(bytes.data());
  llvm::StringRef text = bytes.substr(8, size);
  bytes = bytes.drop_front(8 + size);
  return text;
}

llvm::Expected<std::string>
GgufFile::text(llvm::StringRef key, std::optional<std::string> fallback) const {
  auto at = values.find(key);
  if (at == values.end()) {
    if (fallback)
      return *fallback;
    return missing(key);
  }
  if (at->second.isArray || at->second.type != ValueType::string)
    return otherType(key, at->second, "a string");
  llvm::StringRef bytes = at->second.bytes;
  return takeText(bytes).str();
}

llvm::Expected<std::vector<llvm::StringRef>>
GgufFile::texts(llvm::StringRef key) const {
  std::vector<llvm::StringRef> result;
  auto at = values.find(key);
  if (at == values.end())
    return result;
  const Value &value = at->second;
  if (!value.isArray || value.type != ValueType::string)
    return otherType(key, value, "an array of strings");
  result.reserve(value.count);
  for (llvm::StringRef bytes = value.bytes; !bytes.empty();)
    result.push_back(takeText(bytes));
  return result;
}

llvm::Expected<std::vector<double>>
GgufFile::numbers(llvm::StringRef key) const {
  std::vector<double> result;
  auto at = values.find(key);
  if (at == values.end())
    return result;
  const Value &value = at->second;
  size_t size = value.count ? value.bytes.size() / value.count : 0;
  for (uint64_t i = 0; value.isArray && i < value.count; ++i)
    if (auto number = numberAt(value.type, value.bytes.data() + i * size))
      result.push_back(*number);
  if (!value.isArray || result.size() != value.count)
    return otherType(key, value, "an array of numbers");
  return result;
}

const Tensor *GgufFile::find(llvm::StringRef name) const {
  auto at = places.find(name);
  return at == places.end() ? nullptr : &list[at->second];
}

} // namespace qopt::gguf
