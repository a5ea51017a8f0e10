// Maps the files of a teacher, where the code expects them.
//
// They are those that the model was compiled with: their sizes and hashes are
// known. Pages are shared with whoever else reads them, and may be dropped. On
// a device weights cannot lie as files hold them, at any byte: what is there
// are copies, whose places the compiler chose.

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
  /// The place behind the last byte; 0 for a description that is damaged, whose
  /// places no code could read.
  uint64_t end() const {
    uint64_t last = 0;
    auto reach = [&](uint64_t offset, uint64_t bytes) {
      bool fits = offset < UINT64_MAX / 4 && bytes < UINT64_MAX / 4;
      uint64_t behind =
          fits ? (offset + bytes + page - 1) / page * page : UINT64_MAX;
      last = behind > last ? behind : last;
    };
    for (const JsonValue *each = info.first(list); each;
         each = info.next(list, each)) {
      if (!info.member(each, "parts"))
        reach(info.countOf(each, "offset"), info.countOf(each, "bytes"));
      eachPart(each, [&](const Part &part) {
        reach(part.at, part.bytes);
        return true;
      });
    }
    return last == UINT64_MAX ? 0 : last;
  }

  /// Bytes of a file that are copied.
  struct Part {
    uint64_t from, bytes, at;
  };
  /// Until body gives false.
  template <typename Body>
  void eachPart(const JsonValue *file, Body body) const {
    const JsonValue *parts = info.member(file, "parts");
    uint32_t count = parts ? parts->count / 3 : 0;
    for (uint32_t i = 0; i < count; ++i) {
      auto number = [&](uint32_t which) {
        return JsonText::toCount(info.element(parts, 3 * i + which));
      };
      if (!body(Part{number(0), number(1), number(2)}))
        return;
    }
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

/// One of the files, mapped; at `*mapped` if that is not null.
static qopt_status mapFile(const JsonText &info, const JsonValue *described,
                           uint8_t **mapped, qopt_error *error) {
  static constexpr const char *repair =
      "the model learns from the file that it was compiled with: put it back, "
      "or compile again";
  const char *path = info.textOf(described, "path");
  uint64_t bytes = info.countOf(described, "bytes");
  char why[64];
  int file = open(path, O_RDONLY | O_CLOEXEC);
  struct stat about;
  if (file < 0 || fstat(file, &about))
    return fail(error, QOPT_NOT_FOUND, "cannot read the teacher '%s': %s; %s",
                shown(path), strerror_r(errno, why, sizeof why), repair);
  bool same = uint64_t(about.st_size) == bytes;
  int flags = MAP_SHARED | (*mapped ? MAP_FIXED : 0);
  void *place =
      same ? mmap(*mapped, bytes, PROT_READ, flags, file, 0) : nullptr;
  close(file);
  if (place == MAP_FAILED)
    return failMemory(error, "the teacher", bytes);
  auto *data = static_cast<uint8_t *>(place);
  if (!same || !hasHash(data, bytes, info.textOf(described, "hash"))) {
    if (same && !*mapped)
      munmap(place, bytes);
    return fail(error, QOPT_INVALID_ARGUMENT, "'%s' is another teacher; %s",
                shown(path), repair);
  }
  *mapped = data;
  return QOPT_OK;
}

qopt_status mapTeacher(const qopt_model &model, uint8_t *to,
                       qopt_error *error) {
  Files files(model);
  const JsonText &info = files.info;
  for (const JsonValue *each = info.first(files.list); each;
       each = info.next(files.list, each)) {
    uint8_t *place = to + info.countOf(each, "offset");
    if (qopt_status status = mapFile(info, each, &place, error))
      return status;
  }
  return QOPT_OK;
}

qopt_status readTeacher(const qopt_model &model, TakePart take, void *taker,
                        qopt_error *error) {
  Files files(model);
  const JsonText &info = files.info;
  for (const JsonValue *each = info.first(files.list); each;
       each = info.next(files.list, each)) {
    uint8_t *data = nullptr;
    if (qopt_status status = mapFile(info, each, &data, error))
      return status;
    uint64_t size = info.countOf(each, "bytes");
    qopt_status status = QOPT_OK;
    files.eachPart(each, [&](const Files::Part &part) {
      status = part.from > size || part.bytes > size - part.from
                   ? fail(error, QOPT_INVALID_ARGUMENT,
                          "the description of the teacher is damaged: compile "
                          "the model again")
                   : take(taker, part.at, data + part.from, part.bytes, error);
      return status == QOPT_OK;
    });
    munmap(data, size);
    if (status)
      return status;
  }
  return QOPT_OK;
}

} // namespace qopt::runtime
