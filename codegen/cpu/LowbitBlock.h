// Many rows of codes times a packed weight.

#ifndef QOPT_CODEGEN_CPU_LOWBITBLOCK_H
#define QOPT_CODEGEN_CPU_LOWBITBLOCK_H

#include "qopt/codegen/cpu/LowbitLinear.h"

namespace qopt::cpu {

/// How the columns of a weight are divided; a *word* is four of them, as
/// many as a lane holds bytes. Behind the last word follow zeros.
struct LowbitBlocks {
  LowbitBlocks(const LowbitShape &shape, const Target &target, int64_t vectors,
               int64_t rows);

  bool words;       ///< products of words, not of bytes
  int64_t chunk;    ///< words that are summed before anything else
  int64_t chunks;   ///< of a segment
  int64_t segments; ///< of a block: what shares scales; without groups a chunk
  int64_t blocks;   ///< of a row
  int64_t split;    ///< segments of a group, if it is long

  int64_t panels;   ///< that are unpacked together
  int64_t vectors;  ///< of outputs of these
  int64_t rowsOnce; ///< rows of the input that are prepared, at most

  /// Operands of a word of columns.
  int64_t halves() const { return words ? 2 : 1; }
  int64_t blockChunks() const { return chunks * segments; }
  int64_t length() const { return chunk * blockChunks() * blocks; }
  /// Bytes of a row of the input once it is prepared.
  int64_t rowBytes() const { return 4 * halves() * length(); }
  /// Whether the scratch has room.
  bool fits() const;

private:
  void divideRow(const LowbitShape &shape, int64_t most);
  void divideGroups(const LowbitShape &shape, int64_t most);
};

/// Writes sums of rows that were prepared, panels by panels.
class LowbitBlockWriter {
public:
  /// For tiles of so many vectors of outputs and rows.
  LowbitBlockWriter(Emitter &e, const LowbitShape &shape, int64_t tileVectors,
                    int64_t tileRows, int64_t ahead);

  /// Copies `count` rows of the input from `row` on to the scratch, as operands
  /// of the products.
  void prepare(mlir::Value row, mlir::Value count);
  /// Sums `count` prepared rows with the panels from `panel` on. With groups
  /// the results are f32 with scales; without, i32 that neither scales nor
  /// zeros have seen. They lie at `rowSum(r)`, a vector of outputs after the
  /// other. `inputSums`, [rows, groups], are needed if there are zeros.
  void sum(mlir::Value panel, mlir::Value count, mlir::Value inputSums);

  const LowbitBlocks blocks;

private:
  mlir::Value place(int64_t at) {
    return e.offset(e.scratch, e.constant(at), e.b.getI8Type());
  }
  void clear(mlir::Value count);
  void unpack(mlir::Value panel, mlir::Value block);
  void storeScales(mlir::Value panel, mlir::Value block);
  void tile(mlir::Value block, mlir::Value row, int64_t count,
            mlir::Value vector, mlir::Value inputSums);
  llvm::SmallVector<mlir::Value> sumChunk(mlir::Value block, mlir::Value chunk,
                                          mlir::Value row, int64_t count,
                                          mlir::Value vector);
  llvm::SmallVector<mlir::Value> operands(mlir::Value codes);
  mlir::Value product(mlir::Value sum, mlir::Value x, mlir::Value w);
  void fold(mlir::ValueRange sums, mlir::Value block, mlir::Value segment,
            mlir::Value row, int64_t count, mlir::Value vector,
            mlir::Value inputSums);
  LowbitTile panelsAt(mlir::Value panel);
  /// The group that a segment of a block belongs to.
  mlir::Value groupOf(mlir::Value block, mlir::Value segment);

  Emitter &e;
  Math m;
  const LowbitShape &shape;
  lowbit::LinearOp op;
  int64_t tileVectors, tileRows;
  int64_t ahead; ///< bytes that the weight is fetched before it is read
  mlir::VectorType integers, floats, partial; ///< partial: sums of a chunk
  mlir::Value sums, weights, starts, scales, zeros, input; ///< addresses
};

/// Where the sums of the input's rows lie in the scratch, and their bytes.
constexpr int64_t rowSumsAt = 64 << 10, rowSumBytes = 1 << 20;

} // namespace qopt::cpu

#endif // QOPT_CODEGEN_CPU_LOWBITBLOCK_H
