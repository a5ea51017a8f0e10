// Checks a GGUF file from its first byte to its last.
//
// Little endian: "GGUF", version, number of tensors, number of pairs; the pairs
// (key, type, value); the tensors (name, sizes, type, offset); padding; data.

#include "qopt/frontends/gguf/GgufReader.h"

#include "qopt/frontends/gguf/BlockTypes.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"

namespace qopt::gguf {

/// Bytes of a value of each type; 0 for those without a fixed size.
static constexpr struct {
  llvm::StringLiteral name;
  uint64_t bytes;
} valueTypes[] = {{"u8", 1},     {"i8", 1},    {"u16", 2}, {"i16", 2},
                  {"u32", 4},    {"i32", 4},   {"f32", 4}, {"bool", 1},
                  {"string", 0}, {"array", 0}, {"u64", 8}, {"i64", 8},
                  {"f64", 8}};

/// The least that a pair and a tensor take.
static constexpr uint64_t leastPair = 8 + 4 + 1;
static constexpr uint64_t leastTensor = 8 + 4 + 8 + 4 + 8;
static constexpr uint32_t maxDims = 4;

llvm::StringRef nameOf(ValueType type) {
  return valueTypes[uint32_t(type)].name;
}

GgufReader::GgufReader(GgufFile &file)
    : file(file), all(file.region->const_data(), file.region->size()) {}

llvm::Error GgufReader::endsIn(const llvm::Twine &what) const {
  return wrong("it ends within " + what + ", at byte " + llvm::Twine(position) +
               " of " + llvm::Twine(all.size()) +
               ": it is damaged or only a part; fetch it again");
}

const char *GgufReader::takeBytes(uint64_t bytes) {
  if (bytes > all.size() - position)
    return nullptr;
  const char *begin = all.data() + position;
  position += bytes;
  return begin;
}

template <typename T> bool GgufReader::take(T &value) {
  const char *bytes = takeBytes(sizeof(T));
  if (bytes)
    value = llvm::support::endian::read<T, llvm::endianness::little>(bytes);
  return bytes;
}

bool GgufReader::takeText(llvm::StringRef &text) {
  uint64_t size = 0;
  if (!take(size))
    return false;
  const char *bytes = takeBytes(size);
  if (bytes)
    text = llvm::StringRef(bytes, size);
  return bytes;
}

llvm::Error GgufReader::readHeader() {
  const char *magic = takeBytes(4);
  uint32_t version = 0;
  if (!magic || llvm::StringRef(magic, 4) != "GGUF")
    return wrong("it begins with " + quoted(all.take_front(4)) +
                 ", expects 'GGUF': it is no GGUF file");
  if (!take(version) || !take(tensorCount) || !take(pairCount))
    return endsIn("its header");
  if (version != 2 && version != 3) {
    if (llvm::byteswap(version) < 16)
      return wrong("its numbers are big endian, expects little endian: convert "
                   "it with gguf_convert_endian.py");
    return wrong("it has version " + llvm::Twine(version) +
                 ", expects 2 or 3: convert the original model again");
  }
  uint64_t left = all.size() - position;
  if (pairCount > left / leastPair || tensorCount > left / leastTensor)
    return wrong("it claims " + llvm::Twine(pairCount) + " values and " +
                 llvm::Twine(tensorCount) + " tensors, more than its " +
                 llvm::Twine(all.size()) +
                 " bytes can hold: it is damaged or only a part");
  return llvm::Error::success();
}

llvm::Error GgufReader::readArray(llvm::StringRef key, Value &value) {
  uint32_t type = 0;
  if (!take(type) || !take(value.count))
    return endsIn(quoted(key));
  if (type >= std::size(valueTypes) || ValueType(type) == ValueType::array)
    return wrong(quoted(key) + " is an array of type " + llvm::Twine(type) +
                 ", expects numbers, bools or strings");
  value.type = ValueType(type);
  value.isArray = true;
  uint64_t begin = position, size = valueTypes[type].bytes;
  if (value.count > (all.size() - position) / std::max<uint64_t>(size, 1))
    return endsIn(quoted(key) + ", which claims " + llvm::Twine(value.count) +
                  " elements");
  if (value.type == ValueType::string) {
    llvm::StringRef text;
    for (uint64_t i = 0; i < value.count; ++i)
      if (!takeText(text))
        return endsIn(quoted(key));
  } else {
    takeBytes(size * value.count);
  }
  value.bytes = all.slice(begin, position);
  return llvm::Error::success();
}

llvm::Error GgufReader::readPair() {
  llvm::StringRef key, text;
  uint32_t type = 0;
  Value value;
  if (!takeText(key) || !take(type))
    return endsIn("a key");
  if (type >= std::size(valueTypes))
    return wrong(quoted(key) + " has the unknown type " + llvm::Twine(type) +
                 ", expects one of 0 to 12: the file is damaged or newer");
  value.type = ValueType(type);
  uint64_t begin = position;
  if (value.type == ValueType::array) {
    if (llvm::Error error = readArray(key, value))
      return error;
  } else if (value.type == ValueType::string
                 ? !takeText(text)
                 : !takeBytes(valueTypes[type].bytes)) {
    return endsIn(quoted(key));
  } else {
    value.bytes = all.slice(begin, position);
  }
  if (!file.values.try_emplace(key, value).second)
    return wrong("it has " + quoted(key) + " twice, expects each key once");
  return llvm::Error::success();
}

/// The types that `find` knows, for messages.
static std::string knownTypes() {
  std::string names;
  for (const BlockType &type : blockTypes())
    names += (names.empty() ? "" : ", ") + type.name.str();
  return names;
}

llvm::Error GgufReader::readTensor() {
  Tensor tensor;
  uint32_t rank = 0, type = 0;
  uint64_t offset = 0;
  if (!takeText(tensor.name) || !take(rank))
    return endsIn("the list of its tensors");
  if (rank < 1 || rank > maxDims)
    return wrong("tensor " + quoted(tensor.name) + " has " + llvm::Twine(rank) +
                 " dimensions, expects 1 to 4");
  tensor.dims.resize(rank);
  for (uint64_t &size : tensor.dims)
    if (!take(size))
      return endsIn("the list of its tensors");
  if (!take(type) || !take(offset))
    return endsIn("the list of its tensors");
  tensor.type = findBlockType(type);
  if (!tensor.type)
    return wrong("tensor " + quoted(tensor.name) + " has type " +
                 blockTypeName(type) + ", expects one of " + knownTypes() +
                 ": quantize the model to one of these");
  if (!file.places.try_emplace(tensor.name, file.list.size()).second)
    return wrong("it has the tensor " + quoted(tensor.name) +
                 " twice, expects each name once");
  file.list.push_back(std::move(tensor));
  offsets.push_back(offset);
  return llvm::Error::success();
}

/// Finds the bytes of a tensor, at `offset` behind `position`.
llvm::Error GgufReader::place(Tensor &tensor, uint64_t offset) {
  std::string name = "tensor " + quoted(tensor.name);
  uint64_t elements = 1;
  bool overflows = false;
  for (uint64_t size : tensor.dims) {
    bool now = false;
    elements = llvm::SaturatingMultiply(elements, size, &now);
    overflows |= now || size == 0;
  }
  const BlockType &type = *tensor.type;
  uint64_t bytes =
      llvm::SaturatingMultiply<uint64_t>(elements / type.elements, type.bytes);
  std::string sizes = printSizes(tensor.dims);
  if (overflows)
    return wrong(name + " has the sizes " + sizes + ", which no tensor has");
  if (tensor.columns() % type.elements)
    return wrong(name + " has rows of " + llvm::Twine(tensor.columns()) +
                 " elements, expects whole blocks of " +
                 llvm::Twine(type.elements) + " for type " + type.name);
  uint64_t data = all.size() - position;
  if (offset > data || bytes > data - offset)
    return wrong(name + " needs " + llvm::Twine(bytes) + " bytes (" + sizes +
                 ", " + type.name + ") at offset " + llvm::Twine(offset) +
                 " of the data, the file has " + llvm::Twine(data) +
                 ": it is damaged or only a part");
  tensor.bytes = all.substr(position + offset, bytes);
  return llvm::Error::success();
}

llvm::Error GgufReader::read() {
  if (llvm::Error error = readHeader())
    return error;
  for (uint64_t i = 0; i < pairCount; ++i)
    if (llvm::Error error = readPair())
      return error;
  for (uint64_t i = 0; i < tensorCount; ++i)
    if (llvm::Error error = readTensor())
      return error;
  llvm::Expected<uint64_t> alignment = file.integer("general.alignment", 32);
  if (!alignment)
    return alignment.takeError();
  if (!llvm::isPowerOf2_64(*alignment) || *alignment > 1 << 20)
    return wrong("'general.alignment' is " + llvm::Twine(*alignment) +
                 ", expects a power of two up to 1048576");
  position =
      std::min<uint64_t>(llvm::alignTo(position, *alignment), all.size());
  for (auto [tensor, offset] : llvm::zip_equal(file.list, offsets))
    if (llvm::Error error = place(tensor, offset))
      return error;
  return llvm::Error::success();
}

llvm::Expected<std::unique_ptr<GgufFile>> GgufFile::read(llvm::StringRef path) {
  auto handle = llvm::sys::fs::openNativeFileForRead(path);
  if (!handle)
    return handle.takeError();
  auto file = std::make_unique<GgufFile>();
  llvm::sys::fs::file_status status;
  std::error_code code = llvm::sys::fs::status(*handle, status);
  if (!code && status.type() == llvm::sys::fs::file_type::directory_file)
    code = std::make_error_code(std::errc::is_a_directory);
  bool empty = !code && !status.getSize();
  if (!code && !empty)
    file->region.emplace(*handle, llvm::sys::fs::mapped_file_region::readonly,
                         status.getSize(), 0, code);
  llvm::sys::fs::closeFile(*handle);
  if (empty)
    return wrong("it is empty, expects a GGUF file");
  if (code)
    return llvm::errorCodeToError(code);
  if (llvm::Error error = GgufReader(*file).read())
    return std::move(error);
  return std::move(file);
}

} // namespace qopt::gguf
