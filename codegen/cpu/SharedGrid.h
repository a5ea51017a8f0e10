// One scale for all numbers of a tensor, which tasks find together.

#ifndef QOPT_CODEGEN_CPU_SHAREDGRID_H
#define QOPT_CODEGEN_CPU_SHAREDGRID_H

#include "qopt/codegen/cpu/Emitter.h"
#include "qopt/codegen/tile/Grid.h"

namespace qopt::cpu {

/// What a grid follows from.
struct Extrema {
  mlir::Value most, least; ///< of |x|, or of x if the scheme has zeros
};

/// Of the elements [from, to) of an argument.
Extrema extremaOf(Emitter &e, mlir::Value tensor, lowbit::SchemeAttr scheme,
                  mlir::Value from, mlir::Value to);

/// Two phases and what lies in the workspace between them:
///   for every chunk: sum, largest and smallest of |x|, the range    a task
///   the grid, from those of the chunks in order                     one task
struct SharedGrid {
  mlir::Value tensor; ///< an argument of static shape, row-major
  lowbit::SchemeAttr scheme;

  int64_t elements() const;
  int64_t chunks() const;
  int64_t workspaceBytes() const;

  /// The phases.
  void writePartials(Emitter &e) const;
  /// body(grid) writes what else belongs to the one task.
  void writeGrid(Emitter &e, llvm::function_ref<void(const Grid &)> body) const;
  /// The grid behind them; its scale is f32.
  Grid load(Emitter &e) const;

  /// body(chunk, from, to) for every chunk of this task.
  void
  overChunks(Emitter &e,
             llvm::function_ref<void(mlir::Value, mlir::Value, mlir::Value)>
                 body) const;
};

} // namespace qopt::cpu

#endif // QOPT_CODEGEN_CPU_SHAREDGRID_H
