// Codes of a packed matrix as numbers, for kernels that multiply them on their
// way.

#ifndef QOPT_CODEGEN_CPU_CODEREADER_H
#define QOPT_CODEGEN_CPU_CODEREADER_H

#include "qopt/codegen/cpu/Matmul.h"
#include "qopt/dialects/kernel/Packing.h"
#include "qopt/dialects/lowbit/Lowbit.h"

namespace qopt::cpu {

/// The operands of a kernel that say what the numbers of a matrix [N, C] are.
struct CodeMatrix {
  mlir::Value codes, scales, zeros; ///< zeros: null if there are none
  lowbit::SchemeAttr scheme;

  /// Whether all of them lie as CodeReader reads them.
  bool liesInPanels(kernel::FuncOp kernel) const;
  kernel::Packing packing(kernel::FuncOp kernel) const;
};

/// Reads steps of one panel, L rows in the lanes of a vector.
class CodeReader {
public:
  /// `piece` counts the L rows of a line, where the machine's vectors are
  /// shorter than lines.
  CodeReader(Emitter &e, const CodeMatrix &matrix, mlir::Value panel,
             mlir::Value piece);

  /// Columns that are read together.
  int64_t width() const { return std::max(lanes, packing.stepColumns()); }
  /// Columns [column, column + width()) of every field: a vector of L rows for
  /// each. Behind the last step, that one again.
  llvm::SmallVector<llvm::SmallVector<mlir::Value>> read(mlir::Value column);

  const kernel::Packing packing;
  const int64_t lanes; ///< L

private:
  mlir::Value line(mlir::Value step, int64_t number);
  mlir::Value field(int64_t which, mlir::Value step, int64_t word);
  mlir::Value perRow(mlir::Value tensor, int64_t which, mlir::Value column);
  mlir::Value shifted(mlir::Value x, int64_t by);
  mlir::Value masked(mlir::Value x, int64_t everyByte);

  Emitter &e;
  Math m;
  Places places;
  CodeMatrix matrix;
  mlir::Value panel, piece;
  mlir::VectorType integers;
  int64_t group; ///< channels that share a scale
  bool perTensor;
};

} // namespace qopt::cpu

#endif // QOPT_CODEGEN_CPU_CODEREADER_H
