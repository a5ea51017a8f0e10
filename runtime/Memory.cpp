// Blocks are mappings, so that freed ones go back to the system.

#include "qopt/runtime/Memory.h"

#include <sys/mman.h>

namespace qopt::runtime {

static constexpr uint64_t page = 4096, hugePage = 2 << 20;

bool Block::reserve(uint64_t bytes) {
  if (bytes <= room)
    return true;
  if (bytes > UINT64_MAX / 2)
    return false;
  uint64_t unit = bytes >= hugePage ? hugePage : page;
  uint64_t rounded = (bytes + unit - 1) / unit * unit;
  void *mapped = mmap(nullptr, rounded, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED)
    return false;
  // Activations are swept again and again: fewer misses of the TLB.
  if (unit == hugePage)
    madvise(mapped, rounded, MADV_HUGEPAGE);
  release();
  data = static_cast<uint8_t *>(mapped);
  room = rounded;
  return true;
}

void Block::release() {
  if (data)
    munmap(data, room);
  data = nullptr;
  room = 0;
}

void Block::swap(Block &other) {
  uint8_t *otherData = other.data;
  uint64_t otherRoom = other.room;
  other.data = data;
  other.room = room;
  data = otherData;
  room = otherRoom;
}

} // namespace qopt::runtime
