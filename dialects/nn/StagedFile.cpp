// Writes files under temporary names, until they are whole.

#include "qopt/dialects/nn/StagedFile.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Signals.h"

using namespace llvm;

namespace qopt::nn {

static Error cannotWrite(StringRef path, std::error_code code) {
  return createStringError(code,
                           "cannot write '" + path + "': " + code.message());
}

Expected<StagedFile> StagedFile::create(StringRef path) {
  SmallString<128> model(path), temporary;
  model += ".%%%%%%%%.tmp";
  if (auto code = sys::fs::createUniqueFile(model, temporary))
    return cannotWrite(path, code);
  sys::RemoveFileOnSignal(temporary);
  StagedFile file(path);
  file.name = temporary.str().str();
  return std::move(file);
}

StagedFile::StagedFile(StagedFile &&other)
    : path(std::move(other.path)), name(std::move(other.name)) {
  other.name.clear();
}

StagedFile::~StagedFile() {
  if (name.empty())
    return;
  sys::fs::remove(name);
  sys::DontRemoveFileOnSignal(name);
}

Error StagedFile::seal(unsigned mode) {
  int fd = ::open(name.c_str(), O_RDWR | O_CLOEXEC);
  mode_t mask = ::umask(0);
  ::umask(mask);
  bool fine = fd >= 0 && ::fchmod(fd, mode & ~mask) == 0 && ::fsync(fd) == 0;
  std::error_code code(errno, std::generic_category());
  if (fd >= 0)
    ::close(fd);
  return fine ? Error::success() : cannotWrite(path, code);
}

Error StagedFile::publish() {
  if (auto code = sys::fs::rename(name, path))
    return cannotWrite(path, code);
  sys::DontRemoveFileOnSignal(name);
  name.clear();
  return Error::success();
}

} // namespace qopt::nn
