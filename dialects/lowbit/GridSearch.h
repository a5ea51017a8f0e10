// Finds the grid of least error among some, fast and exactly.

#ifndef QOPT_DIALECTS_LOWBIT_GRIDSEARCH_H
#define QOPT_DIALECTS_LOWBIT_GRIDSEARCH_H

#include "qopt/dialects/lowbit/Quantizer.h"

namespace qopt::lowbit {

/// The first of `grids` (not empty) whose sum of |x - x^|^2.4 is least; sums
/// are in f64, in the order of the elements, with pow of libm.
Grid searchGrid(llvm::ArrayRef<Grid> grids, llvm::ArrayRef<float> elements);

} // namespace qopt::lowbit

#endif // QOPT_DIALECTS_LOWBIT_GRIDSEARCH_H
