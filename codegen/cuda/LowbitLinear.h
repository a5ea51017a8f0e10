// What the ways of running lowbit.linear share.

#ifndef QOPT_CODEGEN_CUDA_LOWBITLINEAR_H
#define QOPT_CODEGEN_CUDA_LOWBITLINEAR_H

#include "qopt/codegen/cuda/Emitter.h"
#include "qopt/dialects/kernel/Packing.h"
#include "qopt/dialects/lowbit/Lowbit.h"

namespace qopt::cuda {

/// The facts of one kernel.
struct LowbitShape {
  LowbitShape(kernel::FuncOp kernel, lowbit::LinearOp op);

  lowbit::LinearOp op;
  kernel::Packing packing;
  int64_t outputs, channels;
  int64_t panels; ///< of the weight
  int64_t blocks; ///< of 32 channels, 512 bytes of a panel each
  int64_t groups; ///< scales of a row
  int64_t unit;   ///< blocks that share a scale
  bool codes;     ///< the input is codes
  bool perTensor; ///< one scale for all
  int64_t rows() const { return packing.panelRows(); } ///< of a panel
  /// Whether a scale serves whole blocks.
  bool hasWholeGroups() const {
    return groups == 1 || channels / groups % kernel::fragmentColumns == 0;
  }
  /// Whether all blocks are whole, so that no channel has to be asked about.
  bool isWhole() const { return channels % kernel::fragmentColumns == 0; }
};

/// Threads of a fragment: row `lane / 4` and 8 more, columns 4 (lane % 4) + i
/// and 16 more.
struct FragmentPlace {
  explicit FragmentPlace(Emitter &e);
  mlir::Value row, column; ///< i64, the first
};

/// Four words of a block, that of `lane`.
mlir::Value loadFragment(Emitter &e, const LowbitShape &shape,
                         mlir::Value panel, mlir::Value block);
/// The codes of a field of a word, four bytes without a sign.
mlir::Value fieldOf(Emitter &e, const LowbitShape &shape, mlir::Value word,
                    int64_t field);
/// Four codes of the input, at a multiple of 4 of a row's channels, as i32;
/// zeros behind the last.
mlir::Value loadCodes(Emitter &e, const LowbitShape &shape, mlir::Value row,
                      mlir::Value column);
/// Four numbers of it, of its element type and as f32.
llvm::SmallVector<mlir::Value> loadFour(Emitter &e, const LowbitShape &shape,
                                        mlir::Value row, mlir::Value column);
llvm::SmallVector<mlir::Value> loadNumbers(Emitter &e, const LowbitShape &shape,
                                           mlir::Value row, mlir::Value column);
/// Code `i` of a field of a word as f32, less what `liftOf` says: its offset,
/// and `zero`, an i32, if that is not null.
mlir::Value numberOf(Emitter &e, const LowbitShape &shape, mlir::Value word,
                     int64_t field, int64_t i, mlir::Value lift);
mlir::Value liftOf(Emitter &e, const LowbitShape &shape, mlir::Value zero);
/// Scale or zero of row `row` of a panel and of a group, as f32 or i32.
mlir::Value loadScale(Emitter &e, const LowbitShape &shape, mlir::Value tensor,
                      mlir::Value panel, mlir::Value row, mlir::Value group);
/// Where a sum belongs: row `inPanel` of a panel is output `output`, of row
/// `row` of the input.
struct SumPlace {
  mlir::Value panel, inPanel, row, output;
};
/// The epilogue of a sum, behind the scales that it has not seen: of groups it
/// has.
void finishSum(Emitter &e, const LowbitShape &shape, lowbit::LinearOp op,
               const SumPlace &place, mlir::Value sum);
/// c + the products of the bytes of a, without a sign, and b, with.
mlir::Value dot4(Emitter &e, mlir::Value a, mlir::Value b, mlir::Value c);

/// Rows of the input, in the kernel's symbols.
mlir::AffineExpr rowsOfInput(Emitter &e, lowbit::LinearOp op);

/// Adds the launches for a row; `condition` is 1, or 0 for no blocks.
void addLowbitGemv(Phases &plan, const LowbitShape &shape,
                   mlir::AffineExpr condition);
/// Those of up to 8 rows at a time, and of tiles of more: with the columns
/// shared by the warps of a block, and without; `blocks` of either.
Phase lowbitFewRows(const LowbitShape &shape, mlir::AffineExpr blocks);
Phase lowbitSomeRows(const LowbitShape &shape, mlir::AffineExpr blocks);
Phase lowbitManyRows(const LowbitShape &shape, mlir::AffineExpr blocks);
int64_t lowbitTileRows(const LowbitShape &shape);
/// That for any codes, in f32.
Phase lowbitTiles(const LowbitShape &shape, mlir::AffineExpr rows);

} // namespace qopt::cuda

#endif // QOPT_CODEGEN_CUDA_LOWBITLINEAR_H
