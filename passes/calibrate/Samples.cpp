// Reads token ids from .npy files.

#include "qopt/passes/calibrate/Samples.h"

#include <cstring>

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace qopt::calibrate {

namespace {

/// What lies in a .npy file.
struct Ids {
  SmallVector<int64_t> shape;
  std::vector<int64_t> data;
};

} // namespace

/// What stands behind `key` in the header, up to the next comma outside
/// brackets.
static StringRef valueOf(StringRef header, StringRef key) {
  size_t at = header.find(("'" + key + "':").str());
  if (at == StringRef::npos)
    return "";
  StringRef rest = header.substr(at + key.size() + 3).ltrim();
  return rest.starts_with("(")
             ? rest.take_until([](char c) { return c == ')'; })
             : rest.take_until([](char c) { return c == ','; });
}

static FailureOr<Ids> readNpy(StringRef file, Location loc) {
  auto fail = [&](const Twine &why) {
    return emitError(loc, "cannot read the token ids in '")
           << file << "': " << why;
  };
  auto buffer = llvm::MemoryBuffer::getFile(file, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return fail(buffer.getError().message());
  StringRef bytes = (*buffer)->getBuffer();
  if (!bytes.starts_with("\x93NUMPY") || bytes.size() < 12)
    return fail("expects a .npy file");
  bool isWide = bytes[6] > 1; // version 2: the length has four bytes
  size_t begin = isWide ? 12 : 10;
  size_t length = isWide ? llvm::support::endian::read32le(bytes.data() + 8)
                         : llvm::support::endian::read16le(bytes.data() + 8);
  if (length > bytes.size() - begin)
    return fail("it ends in its header");
  StringRef header = bytes.substr(begin, length);
  StringRef type = valueOf(header, "descr").trim("'\" ");
  if ((type != "<i4" && type != "<i8") ||
      valueOf(header, "fortran_order").trim() != "False")
    return fail("expects i32 or i64 in C order, got " + type);
  Ids ids;
  size_t size = type == "<i4" ? 4 : 8;
  SmallVector<StringRef> sizes;
  valueOf(header, "shape").drop_front().split(sizes, ',', -1, false);
  uint64_t count = 1;
  for (StringRef text : sizes)
    if (int64_t dim; !text.trim().empty()) {
      if (text.trim().getAsInteger(10, dim) || dim < 0 || dim > (1ll << 40))
        return fail("its shape cannot be read");
      ids.shape.push_back(dim);
      count = llvm::SaturatingMultiply<uint64_t>(count, dim);
    }
  StringRef data = bytes.substr(begin + length);
  if (ids.shape.empty() || ids.shape.size() > 2)
    return fail("expects ids [n] or [n, T]");
  if (count > data.size() / size)
    return fail("it ends before its last id");
  for (uint64_t i = 0; i < count; ++i)
    ids.data.push_back(
        size == 4
            ? int64_t(
                  int32_t(llvm::support::endian::read32le(data.data() + 4 * i)))
            : int64_t(llvm::support::endian::read64le(data.data() + 8 * i)));
  return ids;
}

/// Ids that mean nothing, the same each time (Knuth's MMIX generator).
static void fillRandom(Samples &samples, int64_t vocabulary) {
  uint64_t state = 1;
  for (int64_t &id : samples.ids) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    id = (state >> 33) % vocabulary;
  }
  samples.isRandom = true;
}

FailureOr<Samples> readSamples(StringRef file, int64_t count, int64_t length,
                               int64_t vocabulary, Location loc) {
  Samples samples;
  if (count < 1 || length < 1)
    return emitError(loc, "expects at least one sample of one token, got ")
           << count << " of " << length;
  samples.count = count;
  samples.length = length;
  samples.ids.resize(count * length);
  if (file == "random") {
    fillRandom(samples, vocabulary);
  } else {
    auto ids = readNpy(file, loc);
    if (failed(ids))
      return failure();
    // Rows of a table, or windows of a long text.
    bool isTable = ids->shape.size() == 2;
    int64_t row = isTable ? ids->shape[1] : length;
    int64_t rows = isTable ? ids->shape[0] : ids->shape[0] / length;
    if (row < length || rows < count)
      return emitError(loc, "calibration needs ")
             << count << " samples of " << length << " tokens, '" << file
             << "' has " << (row < length ? 0 : rows)
             << "; give it more text, or ask for fewer or shorter samples";
    for (int64_t i = 0; i < count; ++i)
      std::copy_n(ids->data.begin() + rows * i / count * row, length,
                  samples.ids.begin() + i * length);
  }
  for (int64_t id : samples.ids)
    if (id < 0 || id >= vocabulary)
      return emitError(loc, "token id ")
             << id << " in '" << file << "' is outside the vocabulary of "
             << vocabulary << ": it belongs to another tokenizer";
  ArrayRef<uint8_t> bytes(reinterpret_cast<uint8_t *>(samples.ids.data()),
                          samples.ids.size() * sizeof(int64_t));
  samples.hash = llvm::xxh3_64bits(bytes) ^ length;
  return samples;
}

} // namespace qopt::calibrate
