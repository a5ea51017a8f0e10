// Tensors between .npy files and the memory of the simulated device.

#include "qopt/codegen/simt/Buffers.h"

#include "qopt/codegen/interpreter/Npy.h"
#include "qopt/codegen/simt/Formats.h"
#include "qopt/runtime/abi.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace qopt::simt {

namespace {
struct TypeFacts {
  llvm::StringLiteral name;
  unsigned bytes;
};
} // namespace

// In the order of qopt_type.
static constexpr TypeFacts types[] = {
    {"f32", 4}, {"f16", 2}, {"bf16", 2}, {"f64", 8}, {"i8", 1},
    {"i16", 2}, {"i32", 4}, {"i64", 8},  {"u8", 1},  {"i1", 1}};

unsigned elementBytes(uint32_t type) {
  return type < std::size(types) ? types[type].bytes : 0;
}

std::optional<uint32_t> typeNamed(StringRef name) {
  for (auto [i, facts] : llvm::enumerate(types))
    if (facts.name == name)
      return i;
  return std::nullopt;
}

Type elementType(uint32_t type, MLIRContext *context) {
  Builder b(context);
  switch (type) {
  case QOPT_F16:
    return b.getF16Type();
  case QOPT_BF16:
    return b.getBF16Type();
  case QOPT_F32:
    return b.getF32Type();
  case QOPT_F64:
    return b.getF64Type();
  case QOPT_BOOL:
    return b.getI1Type();
  default:
    return b.getIntegerType(8 * elementBytes(type));
  }
}

/// The bits of an element of a tensor.
static uint64_t bitsOf(const interpreter::Tensor &tensor, size_t i,
                       uint32_t type) {
  if (tensor.data.empty())
    return tensor.integers[i];
  double value = tensor.data[i];
  switch (type) {
  case QOPT_F16:
    return toF16(value);
  case QOPT_BF16:
    return toBf16(value);
  case QOPT_F32:
    return F32::put(float(value));
  default:
    return F64::put(value);
  }
}

static Array arrayOf(const interpreter::Tensor &tensor, uint32_t type) {
  unsigned size = elementBytes(type);
  size_t count = tensor.data.size() + tensor.integers.size();
  Array array{type, tensor.shape, std::vector<char>(count * size)};
  for (size_t i = 0; i < count; ++i) {
    uint64_t bits = bitsOf(tensor, i, type);
    std::memcpy(&array.bytes[i * size], &bits, size);
  }
  return array;
}

/// How NumPy calls the type in a file.
static std::string npyName(uint32_t type) {
  switch (type) {
  case QOPT_BF16:
    return "f4";
  case QOPT_BOOL:
    return "b1";
  case QOPT_U8:
    return "u1";
  default:
    return (types[type].name.take_front(1) + Twine(elementBytes(type))).str();
  }
}

llvm::Expected<Array> readArray(StringRef path, uint32_t type) {
  auto read = interpreter::readNpy(path);
  if (!read)
    return read.takeError();
  if (read->type != npyName(type))
    return llvm::createStringError("expects '" + path + "' to hold " +
                                   npyName(type) + ", got " + read->type);
  return arrayOf(read->tensor, type);
}

llvm::Expected<Array> readArray(StringRef path) {
  auto read = interpreter::readNpy(path);
  if (!read)
    return read.takeError();
  for (uint32_t type = 0; type < std::size(types); ++type)
    if (read->type == npyName(type))
      return arrayOf(read->tensor, type);
  return llvm::createStringError("expects numbers in '" + path + "', got " +
                                 read->type);
}

llvm::Error writeArray(StringRef folder, StringRef name, uint32_t type,
                       ArrayRef<int64_t> shape, const char *data) {
  MLIRContext context;
  Type element = elementType(type, &context);
  auto tensor = interpreter::Tensor::of(element, shape);
  unsigned size = elementBytes(type);
  for (size_t i = 0; i < tensor.data.size() + tensor.integers.size(); ++i) {
    uint64_t bits = 0;
    std::memcpy(&bits, data + i * size, size);
    if (tensor.data.empty())
      tensor.integers[i] = type == QOPT_U8 || type == QOPT_BOOL
                               ? int64_t(bits)
                               : llvm::SignExtend64(bits, 8 * size);
    else
      tensor.data[i] = type == QOPT_F16    ? fromF16(bits)
                       : type == QOPT_BF16 ? BF16::get(bits)
                       : type == QOPT_F32  ? F32::get(bits)
                                           : F64::get(bits);
  }
  if (std::error_code error = llvm::sys::fs::create_directories(folder))
    return llvm::createStringError("cannot make the folder '" + folder +
                                   "': " + error.message());
  std::string file = name.str();
  for (char &c : file)
    if (!llvm::isAlnum(c) && c != '.' && c != '_' && c != '-')
      c = '_';
  SmallString<256> path(folder);
  llvm::sys::path::append(path, file + ".npy");
  return interpreter::writeNpy(path, tensor, element);
}

llvm::Expected<std::vector<char>> readBytes(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return llvm::createStringError("cannot read '" + path +
                                   "': " + buffer.getError().message());
  StringRef text = (*buffer)->getBuffer();
  return std::vector<char>(text.begin(), text.end());
}

} // namespace qopt::simt
