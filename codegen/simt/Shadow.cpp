// What the simulator knows of each byte of memory.

#include "qopt/codegen/simt/Shadow.h"

#include <algorithm>

namespace qopt::simt {

Shadow::Shadow(uint64_t bytes, bool initialized, bool shared)
    : cells((bytes + 3) / 4), shared(shared) {
  if (initialized)
    for (Cell &cell : cells)
      cell.initialized = 0xf;
}

void Shadow::forget() {
  ++blocks; // no cell is of this one yet
  pieces.clear();
}

uint64_t Shadow::firstUnwritten(uint64_t bytes) const {
  for (uint64_t at = 0; at < bytes; ++at) {
    const Cell &cell = cells[at / 4];
    bool isWritten = cell.pieces ? pieces[cell.pieces - 1][at % 4].initialized
                                 : cell.initialized >> at % 4 & 1;
    if (!isWritten)
      return at;
  }
  return bytes;
}

/// The cell without the marks of launches before.
Cell &Shadow::fresh(uint64_t index, const Now &now) {
  Cell &cell = cells[index];
  uint32_t launch = shared ? blocks : now.launch;
  if (cell.launch == launch)
    return cell;
  if (shared)
    cell = Cell();
  cell.launch = launch;
  cell.write = cell.read = Mark();
  if (cell.pieces)
    for (Cell &piece : pieces[cell.pieces - 1])
      piece.write = piece.read = Mark();
  return cell;
}

/// The bytes of the cell, each with a cell of its own from now on.
std::array<Cell, 4> &Shadow::split(Cell &cell) {
  if (!cell.pieces) {
    std::array<Cell, 4> &four = pieces.emplace_back();
    for (int i = 0; i < 4; ++i) {
      four[i] = cell;
      four[i].initialized = cell.initialized >> i & 1;
      four[i].copying = cell.copying >> i & 1;
    }
    cell.pieces = pieces.size();
  }
  return pieces[cell.pieces - 1];
}

/// Whether the thread runs behind the access.
static bool isOrdered(const Mark &mark, const Now &now, uint16_t thread) {
  if (mark.time == 0)
    return true;
  if (mark.block != now.block || mark.others == Mark::ofLaunch)
    return false;
  if (mark.time < now.barrier)
    return true;
  if (mark.others == Mark::none && mark.thread == thread)
    return true;
  return mark.others <= Mark::ofWarp && mark.thread / 32 == thread / 32 &&
         mark.time < now.time;
}

static Mark markOf(const Now &now, uint16_t thread, bool atomic = false) {
  return {now.time, now.block, now.pc, thread, Mark::none, atomic};
}

static void remember(Mark &mark, const Now &now, uint16_t thread) {
  if (isOrdered(mark, now, thread)) {
    mark = markOf(now, thread);
  } else if (mark.block != now.block) {
    mark.others = Mark::ofLaunch;
  } else if (mark.thread / 32 != thread / 32) {
    mark.others = std::max(mark.others, Mark::ofBlock);
  } else {
    mark.others = std::max(mark.others, Mark::ofWarp);
    mark.time = now.time;
  }
}

/// An access to all bytes of a cell, of which `all` has a bit each.
static Finding touch(Cell &cell, uint8_t all, Access access, const Now &now,
                     uint16_t thread, bool isSame) {
  bool writes = access != Access::read;
  if (cell.copying)
    return {Finding::copying, 0, true, cell.write};
  bool reads = access == Access::read || access == Access::atomic;
  if (reads && cell.initialized != all) {
    int byte = 0;
    while (cell.initialized >> byte & 1)
      ++byte;
    return {Finding::uninitialized, byte, false, {}};
  }
  const Mark &write = cell.write;
  bool bothAtomic = access == Access::atomic && write.atomic;
  bool oneStore = isSame && writes && write.pc == now.pc &&
                  write.block == now.block && write.time == now.time &&
                  write.thread / 32 == thread / 32;
  if (!bothAtomic && !oneStore && !isOrdered(write, now, thread))
    return {Finding::race, 0, true, write};
  if (!writes) {
    remember(cell.read, now, thread);
    return {};
  }
  if (!isOrdered(cell.read, now, thread))
    return {Finding::race, 0, false, cell.read};
  cell.write = markOf(now, thread, access == Access::atomic);
  cell.copying = access == Access::copy ? all : 0;
  cell.initialized = all;
  return {};
}

Finding Shadow::access(uint64_t offset, unsigned bytes, Access access,
                       const Now &now, uint16_t thread, bool isSame) {
  uint64_t end = offset + bytes;
  for (uint64_t at = offset; at < end;) {
    Cell &cell = fresh(at / 4, now);
    bool whole = at % 4 == 0 && at + 4 <= end;
    if (whole && !cell.pieces) {
      Finding found = touch(cell, 0xf, access, now, thread, isSame);
      if (found.kind) {
        found.byte += at - offset;
        return found;
      }
      at += 4;
      continue;
    }
    std::array<Cell, 4> &four = split(cell);
    do {
      Finding found = touch(four[at % 4], 1, access, now, thread, isSame);
      if (found.kind) {
        found.byte = at - offset;
        return found;
      }
    } while (++at < end && at % 4);
  }
  return {};
}

void Shadow::land(uint64_t offset, unsigned bytes, const Now &now,
                  uint16_t thread) {
  for (uint64_t at = offset; at < offset + bytes; ++at) {
    Cell &cell = fresh(at / 4, now);
    Cell *target = cell.pieces ? &pieces[cell.pieces - 1][at % 4] : &cell;
    target->copying = 0;
    target->write.time = now.time;
    target->write.thread = thread;
    target->write.block = now.block;
  }
}

} // namespace qopt::simt
