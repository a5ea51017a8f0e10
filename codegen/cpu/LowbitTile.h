// Writes a tile of lowbit.linear.

#ifndef QOPT_CODEGEN_CPU_LOWBITTILE_H
#define QOPT_CODEGEN_CPU_LOWBITTILE_H

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/cpu/LowbitLinear.h"

namespace qopt::cpu {

/// Writes one tile.
class LowbitTileWriter {
public:
  LowbitTileWriter(Emitter &e, const LowbitShape &shape, const LowbitTile &tile)
      : e(e), m{e.b, e.loc}, shape(shape), tile(tile), op(shape.op),
        integers(e.vector(shape.lanes, e.b.getI32Type())),
        floats(e.vector(shape.lanes)) {
    // A sum of numbers waits four cycles for the one before it.
    while (!shape.codes && chains < 4 &&
           2 * chains * tile.rows * tile.parts <= e.target.vectorRegisters / 2)
      chains *= 2;
    mlir::Value weight = e.pointer(op.getWeight());
    for (mlir::Value panel : tile.panels)
      bases.push_back(e.offset(weight, e.mul(panel, shape.packing.panelBytes()),
                               e.b.getI8Type()));
  }

  void write(mlir::Value to);

  /// Forgets the lines of the step before.
  void beginStep() { lines.clear(); }
  /// The codes of four channels, unsigned bytes in the lanes of their rows.
  mlir::Value field(int64_t index, mlir::Value step, int64_t word);
  mlir::Value loadScale(int64_t index, mlir::Value group);
  /// The code of 0, signed.
  mlir::Value zeroCode(int64_t index, mlir::Value group);

private:
  /// Where a vector of outputs lies.
  struct Part {
    int64_t panel, field, piece;
  };
  Part part(int64_t index) const {
    index += tile.firstPart;
    return {index / shape.parts(), index % shape.parts() / shape.pieces,
            index % shape.pieces};
  }
  mlir::Value line(int64_t index, mlir::Value step, int64_t number);
  mlir::Value shiftRight(mlir::Value x, int64_t by);
  mlir::Value inEveryByte(int64_t bits) {
    // As i32, for an attribute.
    return m.integer(int32_t(bits * 0x01010101), integers);
  }
  mlir::Value perOutput(mlir::Value tensor, int64_t index, mlir::Value group);
  mlir::Value loadZero(int64_t index, mlir::Value group);
  mlir::Value broadcast(mlir::Value x) {
    return mlir::vector::BroadcastOp::create(
        e.b, e.loc, e.vector(shape.lanes, x.getType()), x);
  }
  mlir::Value inputWord(int64_t row, mlir::Value column, int64_t width);
  mlir::Value inputNumber(int64_t row, mlir::Value column);
  void step(llvm::MutableArrayRef<mlir::Value> sums, mlir::Value index,
            int64_t columns);
  void stepCodes(llvm::MutableArrayRef<mlir::Value> sums,
                 llvm::ArrayRef<mlir::Value> words, mlir::Value column,
                 int64_t width);
  /// Whether the sums of the rows of the input run along: for what is added to
  /// all codes of a row.
  bool sumsInput() {
    return shape.codes ? !tile.rowSums
                       : shape.table && op.getZeros() && tile.rows <= 3;
  }
  mlir::Value converted(int64_t index, mlir::Value word, int64_t by);
  mlir::Value lookedUp(int64_t index, mlir::Value word, int64_t by);
  void stepNumbers(llvm::MutableArrayRef<mlir::Value> sums,
                   llvm::ArrayRef<mlir::Value> words, mlir::Value column,
                   int64_t width);
  /// The sums of steps [from, to), each tile's [rows, parts], and those of the
  /// rows of the input behind them if they are not known. `starts`, of rows,
  /// are added.
  llvm::SmallVector<mlir::Value> sumSteps(mlir::Value from, int64_t steps,
                                          mlir::ValueRange starts);
  llvm::SmallVector<mlir::Value> sumShort(mlir::Value from, int64_t steps);
  void stepShort(llvm::MutableArrayRef<mlir::Value> sums, mlir::Value index,
                 int64_t columns);
  mlir::Value shortField(int64_t index, mlir::Value step, int64_t word);
  int64_t shortFactor(int64_t index) const;
  llvm::SmallVector<mlir::Value> group(mlir::Value index,
                                       mlir::ValueRange results);

  Emitter &e;
  Math m;
  const LowbitShape &shape;
  const LowbitTile &tile;
  lowbit::LinearOp op;
  mlir::VectorType integers, floats;
  int64_t chains = 1; ///< of sums of numbers, added at the end
  llvm::SmallVector<mlir::Value> bases;
  llvm::SmallVector<mlir::Value> zeros; ///< offset + zero, as f32, of numbers
  llvm::DenseMap<std::pair<int64_t, int64_t>, mlir::Value>
      lines; ///< of this step
};

} // namespace qopt::cpu

#endif // QOPT_CODEGEN_CPU_LOWBITTILE_H
