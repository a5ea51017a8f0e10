// Memory of the values between two levels.

#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

#include "qopt/passes/calibrate/Stream.h"
#include "llvm/Support/FileSystem.h"

namespace qopt::calibrate {

/// A mapping of a file that has no name any more; null if there is no room.
static void *mapFile(uint64_t bytes) {
  int file;
  llvm::SmallString<128> name;
  if (llvm::sys::fs::createTemporaryFile("qopt", "calibration", file, name))
    return nullptr;
  llvm::sys::fs::remove(name);
  void *data = MAP_FAILED;
  if (!llvm::sys::fs::resize_file(file, bytes))
    data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  return data == MAP_FAILED ? nullptr : data;
}

void *Store::allocate(uint64_t bytes) {
  bytes = llvm::alignTo(bytes + 64, 4096);
  bool isFile = used + bytes > limit;
  void *data = isFile ? mapFile(bytes) : nullptr;
  if (!data) {
    isFile = false;
    data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED)
      llvm::report_bad_alloc_error("memory exhausted");
  }
  pieces[data] = {bytes, isFile};
  used += isFile ? 0 : bytes;
  return data;
}

void Store::release(void *data) {
  Piece piece = pieces.lookup(data);
  pieces.erase(data);
  used -= piece.isFile ? 0 : piece.bytes;
  munmap(data, piece.bytes);
}

void Store::rest(void *data) {
  if (Piece piece = pieces.lookup(data); piece.isFile)
    madvise(data, piece.bytes, MADV_DONTNEED);
}

Store::~Store() {
  for (auto &[data, piece] : pieces)
    munmap(data, piece.bytes);
}

} // namespace qopt::calibrate
