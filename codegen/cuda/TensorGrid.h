// One scale for all numbers of a tensor, which blocks find together.

#ifndef QOPT_CODEGEN_CUDA_TENSORGRID_H
#define QOPT_CODEGEN_CUDA_TENSORGRID_H

#include "qopt/codegen/cuda/Emitter.h"
#include "qopt/codegen/tile/Grid.h"

namespace qopt::cuda {

/// Two launches and what lies in the workspace between them:
///   for every chunk: sum, largest and smallest of |x|, the range    a block
///   the grid, from those of the chunks                              one block
struct TensorGrid {
  mlir::Value tensor; ///< an argument of static shape, row-major
  lowbit::SchemeAttr scheme;

  int64_t elements() const;
  int64_t chunks() const;
  int64_t workspaceBytes() const;

  /// The launches; keep(e, grid) writes what else one thread does.
  llvm::SmallVector<Phase>
  phases(std::function<void(Emitter &, const Grid &)> keep = nullptr) const;
  /// The grid behind them; its scale is f32.
  Grid load(Emitter &e) const;

private:
  void writePartials(Emitter &e) const;
  Grid writeGrid(Emitter &e) const;
};

} // namespace qopt::cuda

#endif // QOPT_CODEGEN_CUDA_TENSORGRID_H
