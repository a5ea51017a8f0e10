// The parts of the matmul family: what a kernel multiplies, how the work is
// divided, and the writers of its loops.

#ifndef QOPT_CODEGEN_CPU_MATMUL_H
#define QOPT_CODEGEN_CPU_MATMUL_H

#include <optional>

#include "qopt/codegen/cpu/Epilogue.h"
#include "qopt/dialects/train/Train.h"

namespace qopt::cpu {

/// y[b, m, n] = sum over k of lhs[b, m, k] * rhs[b, k, n], all row-major.
struct Contraction {
  /// What a kernel multiplies; nothing if it does more than the family takes.
  static std::optional<Contraction> of(kernel::FuncOp kernel);

  mlir::Operation *op;
  mlir::BlockArgument lhs, rhs;
  bool lhsTurned;                   ///< lies as [K, M]
  bool rhsTurned;                   ///< lies as [N, K]
  train::PackedLinearGradOp packed; ///< whose codes rhs is; null: numbers
  mlir::Value bias;
  mlir::AffineExpr rows, columns, depth; ///< M, N, K in the kernel's symbols
  /// The leading axes of the result, where each has matrices of its own; a
  /// weight is the same for all, whose rows are one matrix then.
  llvm::SmallVector<mlir::AffineExpr> batch;
};

/// Whether the codes of `op` lie as MatmulPacker reads them.
bool readsPackedRhs(kernel::FuncOp kernel, train::PackedLinearGradOp op);
/// Terms between the places where a sum may be cut.
int64_t termUnit(kernel::FuncOp kernel, const Contraction &contraction,
                 int64_t lanes);

/// One way of running the family.
struct MatmulVariant {
  llvm::StringLiteral name;
  FeatureSet needs;
  int64_t vectors; ///< of a tile
  int64_t rows;    ///< of a tile: what fits the registers
};

/// How the work of one kernel is divided. Nothing here depends on the threads.
struct MatmulDivision {
  MatmulDivision(const Contraction &contraction, const Target &target);

  const MatmulVariant &variant;
  int64_t lanes;
  int64_t group;         ///< columns of a tile
  int64_t rows, columns; ///< of a task for many rows, at most
  int64_t streams;       ///< columns of a tile for few rows: a vector's worth,
                         ///< or a strip of them
  int64_t strips;        ///< of a task for few rows
  bool mayBeFew, mayBeMany;
};

/// The number that a size is, if the symbols have no say.
int64_t constantOr(mlir::AffineExpr size, int64_t otherwise);

/// Rows that are few.
constexpr int64_t fewRows = 8;
/// Terms of a sum before it is added to those before it.
constexpr int64_t blockDepth = 256;

/// The arithmetic of places, beside Emitter's.
struct Places {
  Emitter &e;

  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value div(mlir::Value a, mlir::Value b);
  mlir::Value rem(mlir::Value a, mlir::Value b);
  mlir::Value ceilDiv(mlir::Value a, int64_t b);
  mlir::Value least(mlir::Value a, mlir::Value b);
  mlir::Value less(mlir::Value a, mlir::Value b);
  /// Where the i-th of `parts` nearly equal parts of `units` begins.
  mlir::Value part(mlir::Value i, mlir::Value parts, mlir::Value units);
};

/// What the writers of one kernel share.
struct MatmulWriter : Places {
  explicit MatmulWriter(Emitter &e);

  /// Index of element (b, 0, 0) of an operand, for the b-th matrix.
  mlir::Value matrixAt(mlir::BlockArgument operand, mlir::Value b);
  mlir::Type elementOf(mlir::BlockArgument operand);
  /// A number of lhs as f32 in all lanes.
  mlir::Value broadcast(mlir::Value base, mlir::Value index, mlir::Type type);
  /// Asks for the line of an element, which may lie behind the tensor.
  void prefetch(mlir::Value base, mlir::Value index, mlir::Type element);

  Math m;
  Contraction contraction;
  MatmulDivision division;
  int64_t lanes, columns; ///< kDynamic if only the symbols say how many
  mlir::VectorType vector;
  mlir::Value M, N, K;
  Epilogue epilogue;
};

/// A block of a product: some rows, columns and terms of a sum.
struct MatmulBlock {
  mlir::Value batch;           ///< which matrix
  mlir::Value tile, tileEnd;   ///< its rows, in tiles
  mlir::Value group, groupEnd; ///< its columns, in groups
  mlir::Value from, to;        ///< its terms
};

/// Where a block's rows of lhs are: element (r, k) of a tile at
/// first + r * row + k * column.
struct MatmulRows {
  mlir::Value base, first, row;
  int64_t column;
};

/// Copies blocks of the operands into the scratch, as the tile reads them.
class MatmulPacker : public MatmulWriter {
public:
  using MatmulWriter::MatmulWriter;

  /// rhs as f32 [group][k][columns of a group].
  void packRhs(const MatmulBlock &block);
  /// Where a group's numbers are.
  mlir::Value groupAt(const MatmulBlock &block, mlir::Value group);
  /// lhs, unless it is read where it lies.
  void packLhs(const MatmulBlock &block);
  MatmulRows rowsAt(const MatmulBlock &block, mlir::Value tile);

  mlir::Value sums, packedRhs, packedLhs; ///< parts of the scratch
  /// Groups that are whole; vectors of the one behind them, 0 if there is none.
  mlir::Value wholeGroups();
  int64_t restVectors();

protected:
  void placeScratch();

private:
  void packRows(const MatmulBlock &block);
  void packCodes(const MatmulBlock &block); ///< see MatmulCodes.cpp
  void packTurned(const MatmulBlock &block);
  void packTurnedPanel(const MatmulBlock &block, mlir::Value column,
                       mlir::Value to);
  void copyRow(const MatmulBlock &block, mlir::Value k, mlir::Value group,
               int64_t vectors, bool whole);
  llvm::SmallVector<mlir::Value> transposed(llvm::ArrayRef<mlir::Value> rows);
  /// Elements between the tiles of a packed lhs.
  int64_t tileStride();
};

/// Writes the kernels of few rows.
void writeFewRows(Emitter &e);

} // namespace qopt::cpu

#endif // QOPT_CODEGEN_CPU_MATMUL_H
