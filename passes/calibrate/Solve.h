// GPTQ (arXiv:2210.17323): codes for a weight that spare the layer's output.

#ifndef QOPT_PASSES_CALIBRATE_SOLVE_H
#define QOPT_PASSES_CALIBRATE_SOLVE_H

#include <string>

#include "qopt/dialects/lowbit/Lowbit.h"
#include "qopt/passes/calibrate/Product.h"

namespace qopt::calibrate {

struct GptqOptions {
  double damping = 0.01; ///< share of the mean of the moment's diagonal
  int64_t block = 128;   ///< columns that are compensated one by one
  bool actOrder = true;  ///< columns with large inputs first
};

/// Codes of a weight [N, C], in the shapes of `lowbit.quantize`.
struct Codes {
  std::vector<int8_t> codes, zeros; ///< no zeros if the scheme has none
  std::vector<float> scales;
  Matrix values; ///< what they mean
};

/// What a factorization may take beyond the damping that was asked for.
inline constexpr llvm::StringLiteral recoveries[] = {
    "", "more damping", "floored diagonal", "rounding to nearest"};

/// How a layer came out.
struct Solution {
  Codes codes;
  double damping = 0;   ///< that the factorization took
  std::string recovery; ///< what else it took; empty: nothing
  double before = 0; ///< error of rounding to nearest, of the output's energy
  double after = 0;  ///< error of these codes
  double compensated = 0; ///< sum of e^2: that of the damped moment
};

/// Codes by rounding each element to the nearest.
Codes roundToNearest(lowbit::SchemeAttr scheme, const Matrix &weight);

/// Codes by GPTQ for inputs with the second moment `sigma`. A moment that is
/// not positive definite is damped more, then floored, and then the codes are
/// those of rounding with a searched clip; `recovery` says so. False if the
/// moment or the weight is not finite. Channels that were never used become 0
/// in `weight`.
bool solveGptq(mlir::MLIRContext *context, lowbit::SchemeAttr scheme,
               Matrix weight, Matrix sigma, const GptqOptions &options,
               Solution &solution);

} // namespace qopt::calibrate

#endif // QOPT_PASSES_CALIBRATE_SOLVE_H
