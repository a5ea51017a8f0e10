// Adapters of a context, as the compiler described them.
#ifndef QOPT_RUNTIME_ADAPTERS_H
#define QOPT_RUNTIME_ADAPTERS_H

#include "qopt/runtime/Context.h"
#include "qopt/runtime/JsonText.h"

namespace qopt::runtime {

/// A factor's place in the weights, or, where it is trained, in the variables
/// of a context.
struct Slot {
  const char *module;
  bool isA, isHalf;
  bool plain; ///< it lies there as PEFT has it, neither rotated nor folded
  uint64_t rows, columns, panel, offset, bytes;
  bool variable;           ///< it is trained
  double scale;            ///< of the branch
  const JsonValue *copies; ///< places of what other adapters put there

  /// The element that (n, c) is in its layout.
  uint64_t place(uint64_t n, uint64_t c) const {
    return panel ? (n / panel * columns + c) * panel + n % panel
                 : n * columns + c;
  }
};

/// Reads the slots of a model from its description; they point into `info`.
qopt_status readSlots(const qopt_model &model, const JsonText &info,
                      Growing<Slot> &slots, qopt_error *error);

/// What PEFT calls a factor.
void nameOf(char (&key)[1024], const char *module, bool isA);

/// Gives back what the context has of its own.
void releaseWeights(qopt_context &context);

} // namespace qopt::runtime

#endif // QOPT_RUNTIME_ADAPTERS_H
