// Finds the grid of least error among some, fast and exactly.

#ifndef QOPT_DIALECTS_LOWBIT_GRIDSEARCH_H
#define QOPT_DIALECTS_LOWBIT_GRIDSEARCH_H

#include "qopt/dialects/lowbit/Quantizer.h"

namespace qopt::lowbit {

/// What is summed over the elements of a set.
enum class Measure {
  power,   ///< |x - x^|^2.4, with pow of libm
  weighted ///< |x| ((x - x^) (x - x^))
};

/// The first of `grids` (not empty) whose sum is least; sums are in f64, in the
/// order of the elements.
Grid searchGrid(llvm::ArrayRef<Grid> grids, llvm::ArrayRef<float> elements,
                Measure measure);

} // namespace qopt::lowbit

#endif // QOPT_DIALECTS_LOWBIT_GRIDSEARCH_H
