// A file that takes the place of another one when it is whole.

#include "qopt/runtime/Replacement.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qopt::runtime {

/// No call moves more than this at once on Linux.
static constexpr size_t mostAtOnce = size_t(1) << 30;

Replacement::~Replacement() {
  int reason = errno;
  if (file >= 0) {
    unlink(temporary);
    close(file);
  }
  free(temporary);
  errno = reason;
}

bool Replacement::open() {
  if (asprintf(&temporary, "%s.part", path) < 0) {
    temporary = nullptr;
    errno = ENOMEM;
    return false;
  }
  // Between opening and locking, the one that held it may have renamed it: then
  // what is locked is no longer the file of that name, and must not be touched.
  for (int attempt = 0; attempt < 100; ++attempt) {
    file = ::open(temporary, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0)
      return false;
    struct stat own, named;
    bool locked = flock(file, LOCK_EX | LOCK_NB) == 0;
    int reason = errno;
    if (locked && fstat(file, &own) == 0 && stat(temporary, &named) == 0 &&
        own.st_dev == named.st_dev && own.st_ino == named.st_ino)
      return ftruncate(file, 0) == 0;
    close(file);
    file = -1;
    errno = reason;
    if (!locked)
      return false;
  }
  errno = EWOULDBLOCK;
  return false;
}

bool Replacement::write(const void *data, size_t bytes) {
  auto *from = static_cast<const uint8_t *>(data);
  while (bytes) {
    ssize_t put = ::write(file, from, bytes < mostAtOnce ? bytes : mostAtOnce);
    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0)
      return false;
    from += put;
    bytes -= size_t(put);
  }
  return true;
}

/// Makes the name in the folder of `path` last.
static bool syncFolder(const char *path) {
  char *folder = strdup(path);
  if (!folder)
    return false;
  char *slash = strrchr(folder, '/');
  if (slash)
    slash[slash == folder] = 0;
  int descriptor =
      ::open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  free(folder);
  if (descriptor < 0)
    return false;
  // File systems that have nothing to sync say EINVAL.
  bool synced = fsync(descriptor) == 0 || errno == EINVAL;
  int reason = errno;
  close(descriptor);
  errno = reason;
  return synced;
}

bool Replacement::commit() {
  if (fsync(file) != 0 || rename(temporary, path) != 0)
    return false;
  bool closed = close(file) == 0;
  file = -1;
  return closed && syncFolder(path);
}

} // namespace qopt::runtime
