// Token ids that calibration runs on.

#ifndef QOPT_PASSES_CALIBRATE_SAMPLES_H
#define QOPT_PASSES_CALIBRATE_SAMPLES_H

#include "mlir/IR/Location.h"
#include "mlir/Support/LLVM.h"

namespace qopt::calibrate {

/// Sequences of the same length.
struct Samples {
  int64_t count = 0, length = 0;
  std::vector<int64_t> ids; ///< [count, length]
  bool isRandom = false;
  uint64_t hash = 0; ///< of all of it
};

/// Takes `count` windows of `length` tokens, evenly spread, from the ids [n] or
/// [n, T] of a .npy file; for "random", ids that mean nothing. What is missing,
/// too short or outside the vocabulary is an error at `loc`.
mlir::FailureOr<Samples> readSamples(llvm::StringRef file, int64_t count,
                                     int64_t length, int64_t vocabulary,
                                     mlir::Location loc);

} // namespace qopt::calibrate

#endif // QOPT_PASSES_CALIBRATE_SAMPLES_H
