// 32 lanes that execute a function.
//
// Lanes that are at the same instruction are one group and run together. Where
// they part, the group that is furthest behind runs first, so that groups meet
// again where their ways join. A group that reaches a barrier or a collective
// before the other lanes it needs waits for them; when only such groups are
// left, the program has diverged.

#ifndef QOPT_CODEGEN_SIMT_WARP_H
#define QOPT_CODEGEN_SIMT_WARP_H

#include "qopt/codegen/simt/Code.h"
#include "qopt/codegen/simt/Memory.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/Twine.h"

namespace qopt::simt {

class Simulator;

constexpr unsigned warpSize = 32;
constexpr uint32_t allLanes = ~0u;

/// The block that a warp belongs to.
struct ThreadBlock {
  uint32_t launch = 0, index = 0, grid = 1;
  uint32_t size = 1;                 ///< threads
  uint32_t time = 1, barrier = 1;    ///< see Now
  std::vector<char> shared;          ///< its shared memory
  std::unique_ptr<Shadow> shadow;    ///< of it
  std::vector<SharedVariable> names; ///< what lies there
};

class Warp {
public:
  /// Lanes [0, lanes) of `code`; without a block, of the host, which is not
  /// checked but for addresses.
  Warp(Simulator &simulator, const Code &code, ThreadBlock *block,
       unsigned index, unsigned lanes);

  enum class State { ready, atBarrier, done, failed };
  /// Begins anew; `words` are the arguments.
  void start(llvm::ArrayRef<uint64_t> words);
  /// Runs until all lanes have returned or wait at a barrier of the block.
  State run();
  /// After the barrier, which all warps have reached.
  void release();
  /// Instruction of the barrier where the warp waits.
  uint32_t barrier() const { return groups.front().pc; }
  /// Says that another warp will not come to this barrier.
  void reportApart(const Warp &other);

  // For steps.
  template <class T> T *at(uint32_t reg) {
    return reinterpret_cast<T *>(registers + size_t(reg) * warpSize * 8);
  }
  const uint32_t *listOf(const Instr &i) const { return &code.lists[i.list]; }
  /// Calls work(lane) for each active lane.
  template <class Work> void each(Work work) {
    if (active == allLanes) {
      for (unsigned lane = 0; lane < warpSize; ++lane)
        work(lane);
      return;
    }
    for (uint32_t left = active; left; left &= left - 1)
      work(__builtin_ctz(left));
  }
  /// Where the bytes lie that a lane accesses, checked; null and a fault if it
  /// may not. `value`: what it is about to write.
  char *access(unsigned lane, uint64_t address, unsigned bytes,
               unsigned alignment, Access access, const char *value = nullptr);
  void jump(uint32_t target);
  /// The lanes of `taken` go on at `target`, the others at `otherwise`.
  void split(uint32_t taken, uint32_t target, uint32_t otherwise);
  /// The active lanes have returned.
  void leave();
  /// Whether all lanes of the mask are here; else the group waits.
  bool gather(uint32_t mask);
  void waitAtBarrier();
  /// bar.warp.sync of all lanes.
  void synchronize();
  /// Says what is wrong, and ends the program.
  void fault(const llvm::Twine &text);
  /// Ends the program, whose fault has been told.
  void abandon() { stop = Stop::fault; }
  bool hasFailed() const { return stop == Stop::fault; }
  unsigned threadOf(unsigned lane) const { return index * warpSize + lane; }

  /// A cp.async that nobody has waited for yet.
  struct Copy {
    uint64_t address;
    std::array<char, 16> bytes;
    unsigned size;
  };
  struct Copies {
    std::vector<Copy> open; ///< not committed
    std::vector<std::vector<Copy>> groups;
  };

  Simulator &simulator;
  const Code &code;
  ThreadBlock *const block;
  const unsigned index;
  const uint32_t lanes; ///< mask of those that exist
  uint32_t active = 0;
  uint32_t pc = 0; ///< of the next instruction
  Now now;
  uint64_t result = 0; ///< what a host function returned
  std::vector<Copies> copies;
  uint64_t steps = 0; ///< instructions so far
  uint64_t laneSteps = 0;
  /// Lands the copies of a lane but the last `kept` groups.
  void land(unsigned lane, unsigned kept);

private:
  enum class Stop { no, change, fault };
  enum class Wait { no, collective, barrier };
  struct Group {
    uint32_t pc, lanes, needed;
    Wait wait;
  };

  bool pick();
  void push(Group group);
  void count();
  void reportDivergence();
  std::string placeOf(uint64_t address) const;
  std::string threadsOf(uint32_t lanes) const;
  void reportAccess(unsigned lane, const char *verb, unsigned bytes,
                    uint64_t address, const Finding &found);
  char *accessGlobal(unsigned lane, uint64_t address, unsigned bytes,
                     Access access, const char *value);
  char *accessShared(unsigned lane, uint64_t address, unsigned bytes,
                     Access access, const char *value);
  char *accessLocal(unsigned lane, uint64_t address, unsigned bytes,
                    Access access);
  void outOfBounds(unsigned lane, Access access, unsigned bytes,
                   uint64_t address);

  std::unique_ptr<char[]> storage;
  char *registers;
  uint32_t begin = 0; ///< of the instructions that are not counted yet
  uint32_t returned = 0;
  llvm::SmallVector<Group, 4> groups;
  Stop stop = Stop::no;
  std::vector<char> local, localWritten;
};

} // namespace qopt::simt

#endif // QOPT_CODEGEN_SIMT_WARP_H
