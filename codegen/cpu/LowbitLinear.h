// What the tiles of lowbit.linear share.

#ifndef QOPT_CODEGEN_CPU_LOWBITLINEAR_H
#define QOPT_CODEGEN_CPU_LOWBITLINEAR_H

#include "qopt/codegen/cpu/Emitter.h"
#include "qopt/codegen/tile/Math.h"
#include "qopt/dialects/kernel/Packing.h"
#include "qopt/dialects/lowbit/Lowbit.h"

namespace qopt::cpu {

/// The facts of one kernel.
struct LowbitShape {
  LowbitShape(kernel::FuncOp kernel, lowbit::LinearOp op, const Target &target,
              int64_t lanes);

  lowbit::LinearOp op;
  kernel::Packing packing;
  int64_t outputs, channels;
  int64_t lanes;  ///< of a vector: those of the packing, or fewer
  int64_t pieces; ///< vectors of a field
  int64_t panels; ///< of the weight
  int64_t groups; ///< scales of a row
  bool codes;     ///< the input is codes
  bool perTensor; ///< one scale for all
  bool shortSums; ///< codes are summed in 16 bits at first, see LowbitShort.cpp
  bool blocked;   ///< weights are unpacked for many rows, see LowbitBlock.cpp
  bool sumsFirst; ///< sums of the input are computed before the tiles
  bool table;     ///< codes become numbers by a table in a register
  int64_t parts() const { return packing.fields * pieces; } ///< of a panel
  /// Whether sums of the input come as what the offset of codes adds: times
  /// -offset, for sums of products to begin with.
  bool sumsAreStarts() const;
  int64_t groupSteps() const; ///< whole steps of lines of a group
  /// Columns of the last step, if they do not fill it; only without groups.
  int64_t restColumns() const { return channels % packing.stepColumns(); }
};

/// Rows and vectors of outputs that are summed together.
struct LowbitTile {
  mlir::Value row; ///< the first
  int64_t rows;
  llvm::SmallVector<mlir::Value> panels; ///< indices
  int64_t firstPart, parts; ///< vectors, counted from the first panel's
  /// Sums of the input, [rows, groups], see writeInputSums; null: sum them.
  mlir::Value rowSums;
  int64_t ahead = 0; ///< bytes that lines are fetched before they are read
  bool once = false; ///< no cache need keep the lines: nobody reads them again
};

/// Writes the sums of a tile, times the scales of the weight, as f32, [rows,
/// parts, lanes] to `to`.
void writeLowbitTile(Emitter &e, const LowbitShape &shape,
                     const LowbitTile &tile, mlir::Value to);

/// Writes the sums of the groups of `count` rows of the input from `row` on, as
/// i32 [count, groups] to `to`.
void writeInputSums(Emitter &e, const LowbitShape &shape, mlir::Value row,
                    mlir::Value count, mlir::Value to);

} // namespace qopt::cpu

#endif // QOPT_CODEGEN_CPU_LOWBITLINEAR_H
