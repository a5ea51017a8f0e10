// Maps the files of a teacher, where the code expects them.
//
// They are those that the model was compiled with: their sizes and hashes are
// known. Pages are shared with whoever else reads them, and may be dropped.

#include "qopt/runtime/Teacher.h"
#include "qopt/runtime/JsonText.h"
#include "qopt/runtime/State.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qopt::runtime {

static constexpr uint64_t page = 4096;
/// What the compiler hashes at a time.
static constexpr uint64_t hashBlock = 16 << 20;

namespace {

/// The files, as the description lists them.
struct Files {
  explicit Files(const qopt_model &model) {
    if (strstr(model.info, "\"teacher\"") &&
        info.parse(model.info, strlen(model.info)))
      list = info.member(info.root(), "teacher");
  }
  uint64_t end() const {
    uint64_t last = 0;
    for (const JsonValue *each = info.first(list); each;
         each = info.next(list, each)) {
      uint64_t offset = info.countOf(each, "offset");
      uint64_t bytes = info.countOf(each, "bytes");
      // A description that is damaged names no place that code could read.
      if (offset > UINT64_MAX / 4 || bytes > UINT64_MAX / 4)
        return 0;
      uint64_t behind = (offset + bytes + page - 1) / page * page;
      last = behind > last ? behind : last;
    }
    return last;
  }

  JsonText info;
  const JsonValue *list = nullptr;
};

} // namespace

uint64_t teacherBytes(const qopt_model &model) {
  Files files(model);
  return files.list ? files.end() : 0;
}

/// Whether the bytes have that hash, as the compiler computes it.
static bool hasHash(const uint8_t *data, uint64_t bytes, const char *expected) {
  DataHash hash;
  for (uint64_t at = 0; at < bytes; at += hashBlock)
    if (!hash.add(data + at, bytes - at < hashBlock ? bytes - at : hashBlock))
      return false;
  char found[32];
  hash.finish(found);
  return !strcmp(found, expected);
}

/// The end of a path, as much as a message has room for: its file's name.
static const char *shown(const char *path) {
  constexpr size_t most = 80;
  size_t length = strlen(path);
  return length > most ? path + (length - most) : path;
}

static qopt_status mapFile(const char *path, uint64_t bytes, const char *hash,
                           uint8_t *to, qopt_error *error) {
  static constexpr const char *repair =
      "the model learns from the file that it was compiled with: put it back, "
      "or compile again";
  char why[64];
  int file = open(path, O_RDONLY | O_CLOEXEC);
  struct stat about;
  if (file < 0 || fstat(file, &about))
    return fail(error, QOPT_NOT_FOUND, "cannot read the teacher '%s': %s; %s",
                shown(path), strerror_r(errno, why, sizeof why), repair);
  bool same = uint64_t(about.st_size) == bytes;
  void *mapped =
      same ? mmap(to, bytes, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0)
           : nullptr;
  close(file);
  if (mapped == MAP_FAILED)
    return failMemory(error, "the teacher", bytes);
  if (!same || !hasHash(to, bytes, hash))
    return fail(error, QOPT_INVALID_ARGUMENT, "'%s' is another teacher; %s",
                shown(path), repair);
  return QOPT_OK;
}

qopt_status mapTeacher(const qopt_model &model, uint8_t *to,
                       qopt_error *error) {
  Files files(model);
  const JsonText &info = files.info;
  for (const JsonValue *each = info.first(files.list); each;
       each = info.next(files.list, each))
    if (qopt_status status =
            mapFile(info.textOf(each, "path"), info.countOf(each, "bytes"),
                    info.textOf(each, "hash"),
                    to + info.countOf(each, "offset"), error))
      return status;
  return QOPT_OK;
}

} // namespace qopt::runtime
