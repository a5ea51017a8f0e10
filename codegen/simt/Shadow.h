// What the simulator knows of each byte of memory: whether it was written, and
// who touched it last.
//
// Two accesses race if one of them writes, both are of one launch, different
// threads make them, and nothing orders them: no barrier of the block, no
// bar.warp.sync of the warp, and never anything between two blocks. A cell of
// four bytes remembers the last write and the last read, which is enough: a
// read that is not ordered behind the one before is remembered as one of
// several.

#ifndef QOPT_CODEGEN_SIMT_SHADOW_H
#define QOPT_CODEGEN_SIMT_SHADOW_H

#include <array>
#include <cstdint>
#include <vector>

namespace qopt::simt {

/// Who accesses memory, and when. Times count the synchronizations of a block.
struct Now {
  uint32_t launch = 0;  ///< of this program, from 1
  uint32_t block = 0;   ///< of the launch
  uint32_t time = 1;    ///< of the warp: of its last synchronization
  uint32_t barrier = 1; ///< of the block's last barrier
  uint32_t pc = 0;      ///< instruction
};

/// An access that is remembered; time 0: there is none.
struct Mark {
  uint32_t time = 0, block = 0, pc = 0;
  uint16_t thread = 0;
  enum Others : uint8_t { none, ofWarp, ofBlock, ofLaunch } others = none;
  bool atomic = false;
};

/// Up to four bytes.
struct Cell {
  Mark write, read;
  uint32_t launch = 0;     ///< of the marks; of shared memory, a block
  uint32_t pieces = 0;     ///< 1 + place of its single bytes, if they differ
  uint8_t initialized = 0; ///< a bit a byte
  uint8_t copying = 0;     ///< by a cp.async that nobody waited for
};

enum class Access : uint8_t { read, write, atomic, copy };

/// What is wrong with an access, and the access before it.
struct Finding {
  enum Kind { none, uninitialized, copying, race } kind = none;
  int byte = 0;         ///< of the access
  bool written = false; ///< by the one before
  Mark before;
};

class Shadow {
public:
  /// Shared memory loses its contents when the next block begins.
  Shadow(uint64_t bytes, bool initialized, bool shared = false);

  /// Checks and remembers an access. `isSame` tells whether a write changes
  /// nothing: lanes of one instruction may write the same.
  Finding access(uint64_t offset, unsigned bytes, Access access, const Now &now,
                 uint16_t thread, bool isSame);

  /// A copy that was waited for: bytes hold what `thread` wrote now.
  void land(uint64_t offset, unsigned bytes, const Now &now, uint16_t thread);

  /// The first byte that nobody wrote; `bytes` if there is none.
  uint64_t firstUnwritten(uint64_t bytes) const;
  /// The next block begins: nothing is written yet. Of shared memory only.
  void forget();

private:
  Cell &fresh(uint64_t index, const Now &now);
  std::array<Cell, 4> &split(Cell &cell);

  std::vector<Cell> cells;
  std::vector<std::array<Cell, 4>> pieces;
  bool shared;
  uint32_t blocks = 1; ///< that used this shared memory
};

} // namespace qopt::simt

#endif // QOPT_CODEGEN_SIMT_SHADOW_H
