// Reads and writes tensors as NumPy's .npy files: a magic, a version, the
// length of a header, the header (a Python dict as text), the elements.

#include "qopt/codegen/interpreter/Npy.h"

#include <cstring>

#include "qopt/codegen/interpreter/Elements.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using llvm::Error;
using llvm::Expected;

namespace qopt::interpreter {

static constexpr llvm::StringLiteral magic = "\x93NUMPY";

namespace {

struct Header {
  std::string type; ///< "f4"
  bool columnMajor;
  Shape shape;
};

} // namespace

static Error fail(StringRef path, const Twine &what) {
  return llvm::createStringError("'" + path + "' " + what);
}

/// What stands behind `'key':` in the text of the dict.
static StringRef valueOf(StringRef dict, StringRef key) {
  size_t at = dict.find(("'" + key + "':").str());
  return at == StringRef::npos ? StringRef()
                               : dict.drop_front(at + key.size() + 3).ltrim();
}

static Expected<Header> parseHeader(StringRef path, StringRef dict) {
  Header header;
  StringRef type = valueOf(dict, "descr");
  if (!type.consume_front("'"))
    return fail(path, "has no type of elements");
  type = type.take_until([](char c) { return c == '\''; });
  if (type.starts_with(">"))
    return fail(path, "is big endian, expects little endian");
  header.type =
      type.drop_while([](char c) { return StringRef("<|=").contains(c); })
          .str();
  StringRef order = valueOf(dict, "fortran_order");
  header.columnMajor = order.starts_with("True");
  if (!header.columnMajor && !order.starts_with("False"))
    return fail(path, "does not say fortran_order");
  StringRef shape = valueOf(dict, "shape");
  if (!shape.consume_front("(") || !shape.contains(')'))
    return fail(path, "has no shape");
  shape = shape.take_until([](char c) { return c == ')'; });
  SmallVector<StringRef> sizes;
  shape.split(sizes, ',', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  for (StringRef text : sizes) {
    int64_t size;
    if (text.trim().empty())
      continue;
    if (text.trim().getAsInteger(10, size) || size < 0)
      return fail(path, "has a size that is no number: '" + text.trim() + "'");
    header.shape.push_back(size);
  }
  return header;
}

/// The element type of a file; null if it is none of ours.
static Type elementType(StringRef type, MLIRContext *context) {
  Builder b(context);
  auto integer = [&](unsigned width, bool isUnsigned) -> Type {
    return IntegerType::get(context, width,
                            isUnsigned ? IntegerType::Unsigned
                                       : IntegerType::Signless);
  };
  return llvm::StringSwitch<Type>(type)
      .Case("f2", b.getF16Type())
      .Case("f4", b.getF32Type())
      .Case("f8", b.getF64Type())
      .Case("b1", integer(1, false))
      .Case("i1", integer(8, false))
      .Case("i2", integer(16, false))
      .Case("i4", integer(32, false))
      .Case("i8", integer(64, false))
      .Case("u1", integer(8, true))
      .Case("u2", integer(16, true))
      .Case("u4", integer(32, true))
      .Case("u8", integer(64, true))
      .Default(Type());
}

std::string npyType(Type element) {
  if (element.isBF16())
    return "f4";
  unsigned bits = element.isIntOrFloat() ? element.getIntOrFloatBitWidth() : 0;
  if (element.isF16() || element.isF32() || element.isF64())
    return "f" + std::to_string(bits / 8);
  if (element.isInteger(1))
    return "b1";
  if (isa<IntegerType>(element) &&
      (bits == 8 || bits == 16 || bits == 32 || bits == 64))
    return (element.isUnsignedInteger() ? "u" : "i") + std::to_string(bits / 8);
  return "";
}

/// Column-major elements in row-major order.
static Tensor rowMajor(const Tensor &tensor, Type element) {
  Tensor result = Tensor::of(element, tensor.shape);
  Shape strides(tensor.shape.size(), 1);
  for (size_t i = 1; i < strides.size(); ++i)
    strides[i] = strides[i - 1] * tensor.shape[i - 1];
  move(tensor, result,
       [&](ArrayRef<int64_t> index) { return offsetOf(index, strides); });
  return result;
}

Expected<NpyArray> readNpy(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return llvm::createStringError(buffer.getError(), "cannot read '%s': %s",
                                   path.str().c_str(),
                                   buffer.getError().message().c_str());
  StringRef bytes = (*buffer)->getBuffer();
  if (!bytes.starts_with(magic) || bytes.size() < 12)
    return fail(path, "is no .npy file");
  using namespace llvm::support::endian;
  unsigned version = uint8_t(bytes[6]), prefix = version == 1 ? 10 : 12;
  if (version < 1 || version > 3)
    return fail(path, "has version " + Twine(version) + ", expects 1 to 3");
  uint64_t length =
      version == 1 ? read16le(bytes.data() + 8) : read32le(bytes.data() + 8);
  if (length > bytes.size() - prefix)
    return fail(path, "ends in its header");
  auto header = parseHeader(path, bytes.substr(prefix, length));
  if (!header)
    return header.takeError();
  MLIRContext context(MLIRContext::Threading::DISABLED);
  Type element = elementType(header->type, &context);
  if (!element)
    return fail(path, "has elements of type '" + header->type +
                          "', expects f2, f4, f8, b1, i1 to i8 or u1 to u8");
  uint64_t need = llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
  bool huge = false;
  for (int64_t size : header->shape) {
    bool overflow = false;
    need = llvm::SaturatingMultiply<uint64_t>(need, size, &overflow);
    huge |= overflow;
  }
  StringRef elements = bytes.drop_front(prefix + length);
  if (huge || elements.size() != need)
    return fail(path, "has " + Twine(elements.size()) +
                          " bytes of elements, expects " + Twine(need));
  Tensor tensor = decode(elements, element, header->shape);
  return NpyArray{header->columnMajor ? rowMajor(tensor, element)
                                      : std::move(tensor),
                  header->type};
}

/// One element, little endian.
static void append(const Tensor &tensor, size_t i, StringRef type,
                   llvm::raw_ostream &out) {
  uint64_t word;
  if (type == "f8") {
    word = llvm::bit_cast<uint64_t>(tensor.data[i]);
  } else if (type == "f4") {
    word = llvm::bit_cast<uint32_t>(static_cast<float>(tensor.data[i]));
  } else if (type == "f2") {
    APFloat half(tensor.data[i]);
    bool lossy;
    half.convert(APFloat::IEEEhalf(), APFloat::rmNearestTiesToEven, &lossy);
    word = half.bitcastToAPInt().getZExtValue();
  } else {
    word = tensor.integers[i];
  }
  size_t size = type == "b1" ? 1 : type.back() - '0';
  char bytes[8];
  llvm::support::endian::write64le(bytes, word);
  out.write(bytes, size);
}

Error writeNpy(StringRef path, const Tensor &tensor, Type element) {
  std::string type = npyType(element);
  if (type.empty())
    return fail(path, "cannot hold this type of elements");
  std::string text;
  llvm::raw_string_ostream dict(text);
  dict << "{'descr': '" << (type.back() == '1' ? "|" : "<") << type
       << "', 'fortran_order': False, 'shape': (";
  for (int64_t size : tensor.shape)
    dict << size << ",";
  dict << "), }";
  // The elements begin at a multiple of 64 bytes.
  text.append(llvm::offsetToAlignment(10 + text.size() + 1, llvm::Align(64)),
              ' ');
  text += '\n';
  std::error_code error;
  llvm::raw_fd_ostream out(path, error);
  if (error)
    return llvm::createStringError(error, "cannot write '%s': %s",
                                   path.str().c_str(), error.message().c_str());
  char length[2];
  llvm::support::endian::write16le(length, text.size());
  out << magic << StringRef("\1\0", 2) << StringRef(length, 2) << text;
  for (size_t i = 0, n = count(tensor.shape); i < n; ++i)
    append(tensor, i, type, out);
  out.close();
  if (!out.has_error())
    return Error::success();
  error = out.error();
  out.clear_error();
  return llvm::createStringError(error, "cannot write '%s': %s",
                                 path.str().c_str(), error.message().c_str());
}

} // namespace qopt::interpreter
