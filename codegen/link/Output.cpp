// Writes a file under a temporary name, part by part, and renames it.

#include "qopt/codegen/link/Output.h"

#include "qopt/dialects/nn/StagedFile.h"
#include "qopt/runtime/abi.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Support/xxhash.h"

using namespace llvm;

namespace qopt::link {

/// Parts begin at multiples of a page, so that they can be mapped.
static constexpr uint64_t page = 4096;

Error writeFile(StringRef path, unsigned mode,
                function_ref<Error(StringRef)> write) {
  if (sys::fs::is_directory(path))
    return createStringError("cannot write '%s': it is a folder, name a file "
                             "with -o",
                             path.str().c_str());
  auto file = nn::StagedFile::create(path);
  if (!file)
    return file.takeError();
  if (Error error = write(file->temporary()))
    return error;
  if (Error error = file->seal(mode))
    return error;
  return file->publish();
}

namespace {

/// Appends parts to a file that was linked.
class Appender {
public:
  explicit Appender(raw_fd_ostream &out) : out(out) {}

  uint64_t position() { return out.tell(); }
  void align() { out.write_zeros(offsetToAlignment(position(), Align(page))); }
  bool add(ArrayRef<char> bytes) {
    out.write(bytes.data(), bytes.size());
    return !out.has_error();
  }

private:
  raw_fd_ostream &out;
};

} // namespace

/// Everything behind the linked file. False: `out` or the program says why.
static bool appendAll(const Model &model, raw_fd_ostream &out) {
  Appender file(out);
  qopt_footer footer = {};
  file.align();
  footer.weights_offset = file.position();
  if (failed(writeWeights(model.program, model.files, [&](ArrayRef<char> part) {
        return success(file.add(part));
      })))
    return false;
  footer.weights_bytes = file.position() - footer.weights_offset;
  file.align();
  footer.initial_offset = file.position();
  if (failed(
          writeVariables(model.program, model.files, [&](ArrayRef<char> part) {
            return success(file.add(part));
          })))
    return false;
  footer.initial_bytes = file.position() - footer.initial_offset;
  file.align();
  footer.tokenizer_offset = file.position();
  footer.tokenizer_bytes = model.tokenizer.size();
  file.add(ArrayRef<char>(model.tokenizer.data(), model.tokenizer.size()));
  file.align();
  footer.info_offset = file.position();
  footer.info_bytes = model.info.size();
  file.add(ArrayRef<char>(model.info.data(), model.info.size()));
  // The footer is found at a fixed distance from the end: nothing follows.
  footer.info_hash = xxHash64(model.info);
  footer.abi_version = QOPT_ABI_VERSION;
  memcpy(footer.magic, QOPT_MAGIC, sizeof footer.magic);
  file.add(ArrayRef<char>(reinterpret_cast<char *>(&footer), sizeof footer));
  out.close();
  return !out.has_error();
}

Error writeModel(const Model &model, Kind kind, StringRef bundle,
                 StringRef path) {
  return writeFile(path, 0777, [&](StringRef temporary) -> Error {
    if (Error error = linkObject(model.object, kind, bundle, temporary,
                                 sys::path::filename(path)))
      return error;
    std::error_code code;
    raw_fd_ostream out(temporary, code, sys::fs::CD_OpenExisting,
                       sys::fs::FA_Write, sys::fs::OF_None);
    uint64_t linked = 0;
    if (!code)
      code = sys::fs::file_size(temporary, linked);
    if (!code)
      out.seek(linked);
    if (!code && appendAll(model, out))
      return Error::success();
    if (!code)
      code = out.error();
    out.clear_error();
    if (!code)
      return createStringError("cannot write '%s': its weights have errors",
                               path.str().c_str());
    return createStringError(code, "cannot write '%s': %s", path.str().c_str(),
                             code.message().c_str());
  });
}

} // namespace qopt::link
