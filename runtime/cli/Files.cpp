// Files that are read whole, and files that are written whole or not at all.

#include "qopt/runtime/cli/Files.h"
#include "qopt/runtime/cli/Report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qopt::cli {

/// No call moves more than this at once on Linux.
constexpr size_t mostAtOnce = size_t(1) << 30;

//===--- reading ----------------------------------------------------------===//

File::~File() {
  if (descriptor >= 0)
    close(descriptor);
}

bool File::open(const char *path) {
  descriptor = ::open(path, O_RDONLY | O_CLOEXEC);
  struct stat about;
  if (descriptor >= 0 && fstat(descriptor, &about) == 0 &&
      S_ISDIR(about.st_mode)) {
    error("cannot read '%s': it is a folder", path);
    return false;
  }
  if (descriptor < 0)
    error("cannot read '%s': %s", path, strerror(errno));
  return descriptor >= 0;
}

size_t File::read(void *out, size_t size) {
  auto *bytes = static_cast<uint8_t *>(out);
  size_t done = 0;
  while (done < size) {
    size_t wanted = size - done < mostAtOnce ? size - done : mostAtOnce;
    ssize_t got = ::read(descriptor, bytes + done, wanted);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0) {
      error("cannot read a file: %s", strerror(errno));
      broken = true;
    }
    if (got <= 0)
      break;
    done += static_cast<size_t>(got);
  }
  position += done;
  return done;
}

uint64_t File::bytesLeft() const {
  struct stat about;
  if (fstat(descriptor, &about) != 0 || !S_ISREG(about.st_mode))
    return UINT64_MAX;
  auto size = static_cast<uint64_t>(about.st_size);
  return size < position ? 0 : size - position;
}

bool readWhole(const char *path, runtime::Growing<char> &text) {
  File file;
  if (!file.open(path))
    return false;
  char block[1 << 16];
  while (size_t got = file.read(block, sizeof block))
    text.append(block, got);
  if (text.failed())
    failMemory("reading a file");
  return !text.failed() && !file.failed();
}

//===--- writing ----------------------------------------------------------===//

bool writeAll(int descriptor, const void *data, size_t size) {
  auto *bytes = static_cast<const uint8_t *>(data);
  while (size) {
    ssize_t put =
        write(descriptor, bytes, size < mostAtOnce ? size : mostAtOnce);
    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0)
      return false;
    bytes += put;
    size -= static_cast<size_t>(put);
  }
  return true;
}

OutputFolder::~OutputFolder() {
  if (descriptor >= 0)
    close(descriptor);
  for (Entry &entry : entries) {
    if (entry.temporary)
      unlink(entry.temporary);
    free(entry.temporary);
    free(entry.name);
  }
}

/// Makes `path` and the folders above it.
static bool makeFolders(char *path) {
  for (char *c = path + 1; *c; ++c)
    if (*c == '/') {
      *c = 0;
      bool made = mkdir(path, 0777) == 0 || errno == EEXIST;
      *c = '/';
      if (!made)
        return false;
    }
  return mkdir(path, 0777) == 0 || errno == EEXIST;
}

bool OutputFolder::open(const char *path) {
  folder = path;
  char *copy = strdup(path);
  bool made = copy && *copy && makeFolders(copy);
  int reason = copy && !*copy ? ENOENT : errno;
  free(copy);
  struct stat about;
  if (made && stat(path, &about) == 0 && !S_ISDIR(about.st_mode)) {
    made = false;
    reason = ENOTDIR;
  }
  if (!made)
    error("cannot make the folder '%s': %s", path, strerror(reason));
  return made;
}

int OutputFolder::begin(const char *name) {
  Entry entry = {nullptr, nullptr};
  if (asprintf(&entry.name, "%s/%s", folder, name) < 0 ||
      asprintf(&entry.temporary, "%s/.%.200s.XXXXXX", folder, name) < 0) {
    failMemory("writing a file");
    return -1;
  }
  descriptor = mkstemp(entry.temporary);
  if (descriptor < 0) {
    error("cannot write '%s': %s", entry.name, strerror(errno));
    free(entry.temporary);
    free(entry.name);
    return -1;
  }
  // mkstemp's files are private; ours are as any program's.
  mode_t mask = umask(0);
  umask(mask);
  fchmod(descriptor, 0666 & ~mask);
  entries.push(entry);
  return descriptor;
}

bool OutputFolder::finish(bool written) {
  int reason = errno;
  // close() may be the first to hear of a full disk.
  if (close(descriptor) != 0 && written) {
    written = false;
    reason = errno;
  }
  descriptor = -1;
  if (!written)
    error("cannot write '%s': %s", entries.back().name, strerror(reason));
  return written;
}

bool OutputFolder::commit() {
  for (Entry &entry : entries) {
    if (rename(entry.temporary, entry.name) != 0) {
      error("cannot write '%s': %s", entry.name, strerror(errno));
      return false;
    }
    free(entry.temporary);
    entry.temporary = nullptr;
  }
  return true;
}

} // namespace qopt::cli
