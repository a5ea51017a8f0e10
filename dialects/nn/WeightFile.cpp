// The bytes of weights that lie in files: raw regions, or safetensors by key.

#include "qopt/dialects/nn/WeightFile.h"

#include <sys/mman.h>

#include "llvm/Support/Endian.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace qopt::nn {

struct WeightFiles::File {
  std::string path;
  std::optional<llvm::sys::fs::mapped_file_region> region;
  uint64_t dataBegin = 0; ///< of safetensors, behind the header
  std::optional<llvm::json::Object> header; ///< likewise, when first asked

  ArrayRef<char> bytes() const {
    return {region->const_data(), region->size()};
  }
};

int64_t storedBytes(RankedTensorType type) {
  return type.getNumElements() *
         llvm::divideCeil(type.getElementTypeBitWidth(), 8);
}

FailureOr<WeightFiles::File *> WeightFiles::open(StringRef name, Location loc) {
  auto [found, isNew] = files.try_emplace(name);
  if (!isNew && found->second)
    return found->second.get();
  SmallString<256> path(name);
  if (llvm::sys::path::is_relative(name) && !folder.empty()) {
    path = folder;
    llvm::sys::path::append(path, name);
  }
  auto fail = [&](std::error_code error) {
    files.erase(name);
    return emitError(loc, "cannot read the weights in '")
           << path << "': " << error.message();
  };
  auto handle = llvm::sys::fs::openNativeFileForRead(path);
  if (!handle)
    return fail(llvm::errorToErrorCode(handle.takeError()));
  uint64_t size = 0;
  llvm::sys::fs::file_status status;
  std::error_code error = llvm::sys::fs::status(*handle, status);
  auto file = std::make_shared<File>();
  file->path = path.str().str();
  if (!error && !(size = status.getSize()))
    error = std::make_error_code(std::errc::invalid_seek); // nothing to map
  if (!error)
    file->region.emplace(*handle, llvm::sys::fs::mapped_file_region::readonly,
                         size, 0, error);
  llvm::sys::fs::closeFile(*handle);
  if (error)
    return fail(error);
  found->second = file;
  return file.get();
}

void WeightFiles::forget(ArrayRef<char> bytes) {
  uintptr_t page = 4096, begin = uintptr_t(bytes.data());
  uintptr_t end = (begin + bytes.size()) / page * page;
  begin = llvm::alignTo(begin, page);
  if (begin < end)
    madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}

StringRef safetensorsName(Type type) {
  if (type.isF32())
    return "F32";
  if (type.isF16())
    return "F16";
  if (type.isBF16())
    return "BF16";
  if (type.isF64())
    return "F64";
  if (type.isInteger(1))
    return "BOOL";
  if (type.isInteger(8))
    return "I8";
  if (type.isInteger(16))
    return "I16";
  if (type.isInteger(32))
    return "I32";
  if (type.isInteger(64))
    return "I64";
  return "";
}

/// Whether brackets nest deeper than a header needs: the parser recurses, and a
/// hostile file must not fill its stack.
static bool isTooDeep(StringRef json) {
  int depth = 0, most = 0;
  bool inString = false;
  for (size_t i = 0; i < json.size(); ++i) {
    char c = json[i];
    if (inString && c == '\\')
      ++i;
    else if (c == '"')
      inString = !inString;
    else if (!inString && (c == '{' || c == '['))
      most = std::max(most, ++depth);
    else if (!inString && (c == '}' || c == ']'))
      --depth;
  }
  return most > 8;
}

/// Reads the header: a length of 8 bytes and that much JSON.
static LogicalResult readHeader(ArrayRef<char> bytes,
                                std::optional<llvm::json::Object> &header,
                                uint64_t &dataBegin,
                                function_ref<InFlightDiagnostic()> fail) {
  if (bytes.size() < 8)
    return fail() << "is no safetensors file: it has " << bytes.size()
                  << " bytes";
  uint64_t length = llvm::support::endian::read64le(bytes.data());
  if (length > bytes.size() - 8 || length > (100u << 20))
    return fail() << "is no safetensors file: its header has " << length
                  << " bytes";
  StringRef text(bytes.data() + 8, length);
  if (isTooDeep(text))
    return fail() << "has a damaged safetensors header: it nests too deeply";
  auto json = llvm::json::parse(text);
  if (!json)
    return fail() << "has a damaged safetensors header: "
                  << llvm::toString(json.takeError());
  if (!json->getAsObject())
    return fail() << "has a damaged safetensors header: it is no object";
  header = std::move(*json->getAsObject());
  dataBegin = 8 + length;
  return success();
}

/// Whether an entry of the header says `shape`.
static bool hasShape(const llvm::json::Object &entry, ArrayRef<int64_t> shape) {
  const auto *sizes = entry.getArray("shape");
  return sizes && sizes->size() == shape.size() &&
         llvm::all_of(llvm::zip(*sizes, shape), [](auto pair) {
           return std::get<0>(pair).getAsInteger() == std::get<1>(pair);
         });
}

FailureOr<ArrayRef<char>> WeightFiles::find(WeightAttr weight, Location loc) {
  auto type = dyn_cast<RankedTensorType>(weight.getType());
  if (!type || !type.hasStaticShape() || !type.getElementType().isIntOrFloat())
    return emitError(loc, "expects a weight of static shape, got ")
           << weight.getType();
  FailureOr<File *> opened = open(weight.getFile(), loc);
  if (failed(opened))
    return failure();
  File &file = **opened;
  auto fail = [&] { return emitError(loc, "'") << file.path << "' "; };
  uint64_t need = storedBytes(type), begin = weight.getOffset();
  uint64_t size = file.bytes().size();
  if (!weight.getKey().empty()) {
    if (!file.header &&
        failed(readHeader(file.bytes(), file.header, file.dataBegin, fail)))
      return failure();
    const auto *entry = file.header->getObject(weight.getKey());
    if (!entry)
      return fail() << "has no tensor '" << weight.getKey() << "'";
    const auto *range = entry->getArray("data_offsets");
    auto from =
        range && range->size() == 2 ? (*range)[0].getAsUINT64() : std::nullopt;
    auto to = from ? (*range)[1].getAsUINT64() : std::nullopt;
    auto name = entry->getString("dtype");
    if (!to || *to < *from || *to - *from != need || !name ||
        *name != safetensorsName(type.getElementType()) ||
        !hasShape(*entry, type.getShape()))
      return fail() << "holds another tensor as '" << weight.getKey()
                    << "', expects " << type;
    begin = file.dataBegin + *from;
    if (begin < file.dataBegin)
      begin = size; // wrapped around
  }
  if (begin > size || need > size - begin)
    return fail() << "has " << size << " bytes, expects " << need
                  << " at offset " << begin;
  return file.bytes().slice(begin, need);
}

FailureOr<WeightFiles::File *> WeightFiles::openHeader(StringRef name,
                                                       Location loc) {
  FailureOr<File *> opened = open(name, loc);
  if (failed(opened))
    return failure();
  File &file = **opened;
  auto fail = [&] { return emitError(loc, "'") << file.path << "' "; };
  if (!file.header &&
      failed(readHeader(file.bytes(), file.header, file.dataBegin, fail)))
    return failure();
  return opened;
}

FailureOr<llvm::StringMap<std::string>> WeightFiles::metadata(StringRef name,
                                                              Location loc) {
  FailureOr<File *> opened = openHeader(name, loc);
  if (failed(opened))
    return failure();
  llvm::StringMap<std::string> texts;
  if (const auto *said = (*opened)->header->getObject("__metadata__"))
    for (const auto &[key, value] : *said)
      if (auto text = value.getAsString())
        texts[StringRef(key)] = text->str();
  return texts;
}

FailureOr<std::vector<WeightFiles::Entry>> WeightFiles::list(StringRef name,
                                                             Location loc) {
  FailureOr<File *> opened = openHeader(name, loc);
  if (failed(opened))
    return failure();
  File &file = **opened;
  std::vector<Entry> entries;
  for (const auto &[key, value] : *file.header) {
    const auto *entry = value.getAsObject();
    if (key == "__metadata__" || !entry)
      continue;
    Entry tensor{key.str(), entry->getString("dtype").value_or("").str(), {}};
    if (const auto *sizes = entry->getArray("shape"))
      for (const llvm::json::Value &size : *sizes)
        tensor.shape.push_back(size.getAsInteger().value_or(-1));
    entries.push_back(std::move(tensor));
  }
  llvm::sort(entries,
             [](const Entry &a, const Entry &b) { return a.key < b.key; });
  return entries;
}

std::string folderOf(ModuleOp program) {
  auto file = program.getLoc()->findInstanceOf<FileLineColLoc>();
  if (!file)
    return {};
  return llvm::sys::path::parent_path(file.getFilename().getValue()).str();
}

} // namespace qopt::nn
