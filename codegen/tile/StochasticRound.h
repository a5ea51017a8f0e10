// Rounding to bf16 by chance, as train.stochastic_round means it, in kernels.

#ifndef QOPT_CODEGEN_TILE_STOCHASTICROUND_H
#define QOPT_CODEGEN_TILE_STOCHASTICROUND_H

#include <array>

#include "qopt/codegen/tile/Emitter.h"

namespace qopt::tile {

class StochasticRound {
public:
  /// With the numbers of a run, i64.
  StochasticRound(Emitter &e, mlir::Value seed, mlir::Value step);

  /// The four words of Philox4x32-10, i32, for elements 4 `quad` to
  /// 4 `quad` + 3 of the parameter that has this stream, an i64; of a vector of
  /// quads, vectors.
  std::array<mlir::Value, 4> words(mlir::Value stream, mlir::Value quad);
  /// bf16 of f32 and a word for each.
  mlir::Value rounded(mlir::Value x, mlir::Value words);

private:
  Emitter &e;
  mlir::Value seed, first;
};

} // namespace qopt::tile

#endif // QOPT_CODEGEN_TILE_STOCHASTICROUND_H
