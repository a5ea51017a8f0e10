// Memory that a training needs, before it has it, and what the machine has.
#ifndef QOPT_RUNTIME_CLI_MEMORYPLAN_H
#define QOPT_RUNTIME_CLI_MEMORYPLAN_H

#include "qopt/runtime/abi.h"
#include "qopt/runtime/cli/Session.h"

namespace qopt::cli {

/// Bytes, by what they are for.
struct MemoryPlan {
  uint64_t process = 0;    ///< that is resident already: program and data
  uint64_t weights = 0;    ///< that are not trained, mapped from the file
  uint64_t teacher = 0;    ///< mapped from its own files
  uint64_t parameters = 0; ///< that are trained
  uint64_t states = 0;     ///< of optimizers
  uint64_t gradients = 0;  ///< sums of several micro-batches
  uint64_t arena = 0;      ///< activations, gradients and what a step scribbles
  uint64_t threads = 0;    ///< scratch of each

  /// For steps over micro-batches of that shape; nothing of it has run yet.
  /// False where the sizes overflow.
  bool make(const Session &session, uint64_t batch, uint64_t seq, bool sums);

  uint64_t total() const {
    return process + weights + teacher + parameters + states + gradients +
           arena + threads;
  }
  /// One line on stderr.
  void print() const;
  /// Whether the machine has it; else says what is missing and what helps.
  bool fits() const;
};

/// Whether the GPU of a context, if it has one, has room for `entry` on `batch`
/// sequences of `seq` tokens, and for keys and values of `total`; nothing lies
/// there yet. Else says what it needs.
bool fitsOnDevice(const Session &session, const qopt_entry *entry,
                  uint64_t batch, uint64_t seq, uint64_t total);

/// "1.23 MB".
struct ByteText {
  explicit ByteText(uint64_t bytes);
  char text[24];
};

/// Bytes that this process may still take: what the machine has left, or the
/// limit of its control group or its own (ulimit -v), whichever is less;
/// `*limit` says which. `reserved` is address space that it has for them
/// already. Files are looked for below `root`, "" but in tests.
uint64_t availableMemory(const char *root, uint64_t reserved,
                         const char **limit);

} // namespace qopt::cli

#endif // QOPT_RUNTIME_CLI_MEMORYPLAN_H
