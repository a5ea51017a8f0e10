// What the patterns that move the halves of a rotation share.

#ifndef QOPT_PASSES_ROTATE_HALVES_H
#define QOPT_PASSES_ROTATE_HALVES_H

#include "mlir/IR/PatternMatch.h"
#include "qopt/passes/Weights.h"
#include "qopt/passes/rotate/Rotate.h"

namespace qopt {

/// The same rotation of another value.
mlir::Value rotate(mlir::OpBuilder &builder, mlir::Location loc,
                   mlir::Value value, int64_t axis, lowbit::HadamardOp like,
                   bool transposed);
/// A weight that takes in a half: no later one turns it back.
mlir::Value rotateWeight(mlir::OpBuilder &builder, mlir::Location loc,
                         mlir::Value weight, int64_t axis,
                         lowbit::HadamardOp like);
/// Both operands of an elementwise op, turned; nothing if one is repeated along
/// the axis, that of the result.
llvm::SmallVector<mlir::Value> rotateOperands(mlir::OpBuilder &builder,
                                              mlir::Operation *op, int64_t axis,
                                              lowbit::HadamardOp like);

mlir::RankedTensorType typeOf(mlir::Value value);
bool isLastAxis(lowbit::HadamardOp half);
/// Channels that are mixed with each other.
int64_t sizeOf(lowbit::HadamardOp half);
/// The same matrix along the same axis.
bool isSame(lowbit::HadamardOp a, lowbit::HadamardOp b);
bool isOneNumber(mlir::Value value);
/// Blocks of the last axis stay where they are if both last axes hold whole
/// ones.
bool keepsBlocks(nn::ReshapeOp op, lowbit::HadamardOp half);
/// Whether what is repeated is not turned: the axis is one of both.
bool repeatsOthers(nn::BroadcastOp op, int64_t axisOfResult);

/// What all patterns ask.
template <typename OpT> struct MovePattern : mlir::OpRewritePattern<OpT> {
  MovePattern(mlir::MLIRContext *context, mlir::SymbolTable &symbols)
      : mlir::OpRewritePattern<OpT>(context), symbols(symbols) {}

  /// The half that gives `value`, if it moves down.
  lowbit::HadamardOp downOf(mlir::Value value) const {
    auto half = value.getDefiningOp<lowbit::HadamardOp>();
    return half && half.getTransposed() && !isWeight(value, symbols)
               ? half
               : lowbit::HadamardOp();
  }
  /// The op that an up turns the result of; it has no other reader.
  template <typename ProducerT>
  ProducerT producerOf(lowbit::HadamardOp half) const {
    auto producer = half.getInput().getDefiningOp<ProducerT>();
    return producer && !half.getTransposed() && producer->hasOneUse() &&
                   !isWeight(half, symbols)
               ? producer
               : ProducerT();
  }
  /// Whether a half may become part of the weight.
  bool takes(mlir::Value weight) const {
    return isWeight(weight, symbols) && !isQuantized(weight) &&
           !isTied(weight, symbols);
  }

  mlir::SymbolTable &symbols;
};

} // namespace qopt

#endif // QOPT_PASSES_ROTATE_HALVES_H
