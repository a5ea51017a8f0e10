// The f32 arithmetic of quantizing: what #lowbit.scheme means.
//
// Everything that makes codes at compile time (the interpreter, GPTQ, the
// evaluation of weights) calls this; kernels compute the same operations.

#ifndef QOPT_DIALECTS_LOWBIT_QUANTIZER_H
#define QOPT_DIALECTS_LOWBIT_QUANTIZER_H

#include "qopt/dialects/lowbit/Lowbit.h"

namespace qopt::lowbit {

/// What the elements that share a scale are divided by.
struct Grid {
  float inv = 1, scale = 1;
  int zero = 0;            ///< code of 0
  int least = 0, most = 0; ///< codes
};

/// The grid that `scheme` gives these elements. All are finite.
Grid fitGrid(SchemeAttr scheme, llvm::ArrayRef<float> elements);

/// clamp(rint(f32(x inv)) + zero)
int8_t codeOf(float x, const Grid &grid);

/// f32(f32(code - zero) scale)
inline float valueOf(int8_t code, const Grid &grid) {
  return float(code - grid.zero) * grid.scale;
}

} // namespace qopt::lowbit

#endif // QOPT_DIALECTS_LOWBIT_QUANTIZER_H
