// Writes the spill file in place.

#include "qopt/passes/calibrate/Spill.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include "mlir/IR/Diagnostics.h"
#include "qopt/dialects/nn/WeightFile.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;

namespace qopt::calibrate {

static constexpr StringLiteral marks = "finished", notes = "report";

Spill::~Spill() {
  if (file >= 0)
    close(file);
}

/// The header, which tells all of the file but the numbers.
static std::string headerOf(ArrayRef<Spill::Tensor> tensors, int64_t layers,
                            StringRef fingerprint,
                            llvm::StringMap<uint64_t> &places,
                            uint64_t &bytes) {
  std::string text;
  llvm::raw_string_ostream out(text);
  llvm::json::OStream json(out);
  auto entry = [&](StringRef key, StringRef type, ArrayRef<int64_t> shape,
                   uint64_t size) {
    places[key] = bytes;
    json.attributeObject(key, [&] {
      json.attribute("dtype", type);
      json.attributeArray("shape", [&] {
        for (int64_t dim : shape)
          json.value(dim);
      });
      json.attributeArray("data_offsets", [&] {
        json.value(bytes);
        json.value(bytes + size);
      });
    });
    bytes += size;
  };
  json.object([&] {
    json.attributeObject("__metadata__", [&] {
      json.attribute("format", "qopt-calibration-1");
      json.attribute("fingerprint", fingerprint);
    });
    for (const Spill::Tensor &tensor : tensors)
      entry(tensor.key, nn::safetensorsName(tensor.type.getElementType()),
            tensor.type.getShape(), nn::storedBytes(tensor.type));
    entry(notes, "F64", {layers, Spill::numbers},
          layers * Spill::numbers * sizeof(double));
    entry(marks, "I8", {layers}, layers);
  });
  text.resize(llvm::alignTo(text.size(), 8), ' ');
  return text;
}

LogicalResult Spill::create(StringRef header, Location loc) {
  auto fail = [&] {
    return emitError(loc, "cannot write '") << path << "': " << strerror(errno);
  };
  // A new file: what still maps an old one keeps it.
  unlink(path.c_str());
  file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0)
    return fail();
  uint64_t length = header.size();
  uint64_t total = begin + places[marks] + layers;
  if (ftruncate(file, total) || pwrite(file, &length, 8, 0) != 8 ||
      pwrite(file, header.data(), header.size(), 8) != ssize_t(header.size()) ||
      fdatasync(file))
    return fail();
  return success();
}

LogicalResult Spill::open(ArrayRef<Tensor> tensors, bool resume, Location loc) {
  finished.assign(layers, 0);
  if (path.empty())
    return success();
  uint64_t bytes = 0;
  std::string header = headerOf(tensors, layers, fingerprint, places, bytes);
  begin = 8 + header.size();
  if (!resume || access(path.c_str(), F_OK))
    return create(header, loc);
  file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  std::string found(begin, '\0');
  if (file < 0 || pread(file, found.data(), begin, 0) != ssize_t(begin) ||
      StringRef(found).drop_front(8) != header ||
      pread(file, finished.data(), layers, begin + places[marks]) != layers)
    return emitError(loc, "cannot resume from '")
           << path
           << "': it belongs to another model, recipe or calibration data; "
              "remove it, or leave out --resume";
  return success();
}

TypedAttr Spill::valueOf(StringRef key, RankedTensorType type) const {
  if (!path.empty())
    return nn::WeightAttr::get(type.getContext(), type, path, 0, key);
  return cast<TypedAttr>(
      DenseElementsAttr::getFromRawBuffer(type, memory.find(key)->second));
}

void Spill::writeNumbers(int64_t layer, ArrayRef<double> values) {
  write(notes, layer * numbers * sizeof(double),
        {reinterpret_cast<const char *>(values.data()),
         values.size() * sizeof(double)});
}

std::vector<double> Spill::readNumbers(int64_t layer) const {
  std::vector<double> values(numbers);
  int64_t bytes = numbers * sizeof(double);
  if (pread(file, values.data(), bytes,
            begin + places.lookup(notes) + layer * bytes) != bytes)
    values.assign(numbers, 0);
  return values;
}

void Spill::write(StringRef key, uint64_t offset, ArrayRef<char> bytes) {
  if (path.empty())
    memory[key].assign(bytes.begin(), bytes.end());
  uint64_t at = begin + places.lookup(key) + offset;
  while (!path.empty() && !bytes.empty() && !broken) {
    ssize_t done = pwrite(file, bytes.data(), bytes.size(), at);
    broken = done <= 0;
    if (broken)
      break;
    bytes = bytes.drop_front(done);
    at += done;
  }
}

LogicalResult Spill::finish(int64_t layer, Location loc) {
  finished[layer] = 1;
  if (path.empty())
    return success();
  if (broken || fdatasync(file) ||
      pwrite(file, &finished[layer], 1, begin + places[marks] + layer) != 1 ||
      fdatasync(file))
    return emitError(loc, "cannot write '") << path << "': " << strerror(errno);
  return success();
}

} // namespace qopt::calibrate
