// What layouts depend on: facts of the machines that a program is made for.
//
// The interface of this floor; codegen/cpu and codegen/cuda know the numbers
// (`layoutFacts` of each), tools hand them in as options of the passes.

#ifndef QOPT_PASSES_KERNEL_TARGET_H
#define QOPT_PASSES_KERNEL_TARGET_H

#include <cstdint>
#include <string>

namespace qopt {

/// Several variants of a program share one layout, that of the narrowest.
struct LayoutFacts {
  int64_t lanes = 16;     ///< of i32 in a vector: 16 for 64 bytes, 8 for less
  bool fragments = false; ///< of codes, for a GPU's matrix instructions
  int64_t arguments = 0;  ///< that a launch can have; 0: any number

  /// As options of qopt-outline-weights.
  std::string options() const {
    return "{lanes=" + std::to_string(lanes) +
           (fragments ? " fragments=true}" : "}");
  }
  /// As options of qopt-fuse-updates.
  std::string launchOptions() const {
    return "{arguments=" + std::to_string(arguments) + "}";
  }
};

} // namespace qopt

#endif // QOPT_PASSES_KERNEL_TARGET_H
