// The memory of the simulated device.
//
// Addresses are made up: they, and so all reports, are the same in every run.
// The upper bits say which memory it is, so that pointers keep their meaning
// when they are cast between address spaces. Allocations lie pages apart, and
// what is between them belongs to nobody.

#ifndef QOPT_CODEGEN_SIMT_MEMORY_H
#define QOPT_CODEGEN_SIMT_MEMORY_H

#include <memory>
#include <string>

#include "qopt/codegen/simt/Shadow.h"
#include "llvm/ADT/StringRef.h"

namespace qopt::simt {

enum class Space : uint64_t { global = 0, shared, local, function };

constexpr int spaceShift = 60;
inline uint64_t inSpace(Space space, uint64_t offset) {
  return uint64_t(space) << spaceShift | offset;
}
inline Space spaceOf(uint64_t address) { return Space(address >> spaceShift); }
inline uint64_t offsetOf(uint64_t address) {
  return address & ((1ull << spaceShift) - 1);
}

/// How an allocation begins, and who may change it.
enum class Contents {
  constant, ///< nobody
  written,  ///< has values
  fresh     ///< nobody has written to it yet
};

/// A buffer in global memory.
struct Allocation {
  std::string name;
  uint64_t address, bytes;
  bool isConstant;
  char *data;
  std::unique_ptr<Shadow> shadow; ///< none if constant
  std::unique_ptr<char[]> storage;
};

class Memory {
public:
  /// The values of a buffer that is not fresh are zero at first.
  Allocation &allocate(llvm::StringRef name, uint64_t bytes, Contents contents);
  /// The allocation that holds the address, or null.
  Allocation *find(uint64_t address) {
    uint64_t page = address >> pageBits;
    if (page >= pages.size() || !pages[page])
      return nullptr;
    Allocation *found = pages[page];
    return address < found->address + found->bytes ? found : nullptr;
  }
  /// The nearest allocation, for a report; null if there is none at all.
  Allocation *nearest(uint64_t address);
  void free(Allocation &allocation);

  /// Memory as the host sees it; null unless all the bytes belong to one
  /// allocation.
  char *at(uint64_t address, uint64_t bytes);
  template <class T> T *arrayAt(uint64_t address, uint64_t count) {
    return reinterpret_cast<T *>(at(address, count * sizeof(T)));
  }
  /// Text that ends with a zero; empty if there is none.
  std::string textAt(uint64_t address);

private:
  static constexpr int pageBits = 16;
  std::vector<std::unique_ptr<Allocation>> allocations;
  std::vector<Allocation *> pages = {nullptr};
};

} // namespace qopt::simt

#endif // QOPT_CODEGEN_SIMT_MEMORY_H
