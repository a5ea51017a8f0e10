// Memory from the system: large, zeroed, aligned for vectors.
#ifndef QOPT_RUNTIME_MEMORY_H
#define QOPT_RUNTIME_MEMORY_H

#include <stdint.h>

namespace qopt::runtime {

/// Pages of the system; zero at first, and at least 64-byte aligned.
class Block {
public:
  Block() = default;
  Block(const Block &) = delete;
  Block &operator=(const Block &) = delete;
  ~Block() { release(); }

  /// Makes room for `bytes`; what was in it is lost if it has to grow. False
  /// if the system has no memory: it then keeps what it had.
  bool reserve(uint64_t bytes);
  void release();
  void swap(Block &other);

  uint8_t *get() const { return data; }
  uint64_t size() const { return room; }

private:
  uint8_t *data = nullptr;
  uint64_t room = 0;
};

} // namespace qopt::runtime

#endif // QOPT_RUNTIME_MEMORY_H
