// The patterns that move ups.

#include "qopt/passes/rotate/Halves.h"

using namespace mlir;
using namespace qopt::nn;
using qopt::lowbit::HadamardOp;
using qopt::lowbit::LoraLinearOp;

namespace qopt {

namespace {

/// (ids -> rows of T) Q = ids -> rows of T Q
struct UpEmbedding final : MovePattern<HadamardOp> {
  using MovePattern::MovePattern;
  LogicalResult matchAndRewrite(HadamardOp half,
                                PatternRewriter &rewriter) const override {
    auto op = producerOf<EmbeddingOp>(half);
    if (!op || !isLastAxis(half) || !takes(op.getTable()))
      return failure();
    rewriter.setInsertionPoint(op);
    Value table = rotateWeight(rewriter, op.getLoc(), op.getTable(), 1, half);
    rewriter.replaceOpWithNewOp<EmbeddingOp>(half, op.getIds(), table);
    return success();
  }
};

/// (x W^T + b) Q = x (Q^T W)^T + b Q
struct UpLinear final : MovePattern<HadamardOp> {
  using MovePattern::MovePattern;
  LogicalResult matchAndRewrite(HadamardOp half,
                                PatternRewriter &rewriter) const override {
    auto op = producerOf<LinearOp>(half);
    if (!op || !isLastAxis(half) || !takes(op.getWeight()) ||
        (op.getBias() && !takes(op.getBias())))
      return failure();
    // A matrix of its own is turned as a whole, not across its splits.
    if (op.getSplits())
      return failure();
    Location loc = op.getLoc();
    Value weight = rotateWeight(rewriter, loc, op.getWeight(), 0, half);
    Value bias = op.getBias();
    if (bias)
      bias = rotateWeight(rewriter, loc, bias, 0, half);
    rewriter.replaceOpWithNewOp<LinearOp>(half, op.getType(), op.getInput(),
                                          weight, bias, op.getSplitsAttr());
    return success();
  }
};

struct UpLora final : MovePattern<HadamardOp> {
  using MovePattern::MovePattern;
  LogicalResult matchAndRewrite(HadamardOp half,
                                PatternRewriter &rewriter) const override {
    auto op = producerOf<LoraLinearOp>(half);
    if (!op || !isLastAxis(half) || !takes(op.getB()))
      return failure();
    Location loc = op.getLoc();
    Value b = rotateWeight(rewriter, loc, op.getB(), 0, half);
    Value base =
        rotate(rewriter, loc, op.getBase(), half.getAxis(), half, false);
    rewriter.replaceOpWithNewOp<LoraLinearOp>(half, half.getType(),
                                              op.getInput(), op.getA(), b,
                                              op.getScaleAttr(), base);
    return success();
  }
};

template <typename OpT> struct UpSum final : MovePattern<HadamardOp> {
  using MovePattern::MovePattern;
  LogicalResult matchAndRewrite(HadamardOp half,
                                PatternRewriter &rewriter) const override {
    auto op = producerOf<OpT>(half);
    if (!op)
      return failure();
    SmallVector<Value> operands =
        rotateOperands(rewriter, op, half.getAxis(), half);
    if (operands.empty())
      return failure();
    rewriter.replaceOpWithNewOp<OpT>(half, operands[0], operands[1]);
    return success();
  }
};

/// The operand of `op` is turned instead of its result.
static LogicalResult moveUp(PatternRewriter &rewriter, HadamardOp half,
                            Operation *op, unsigned operand, int64_t axis) {
  Value turned = rotate(rewriter, half.getLoc(), op->getOperand(operand), axis,
                        half, false);
  Operation *moved = rewriter.clone(*op);
  moved->setOperand(operand, turned);
  rewriter.replaceOp(half, moved->getResults());
  return success();
}

struct UpView final : MovePattern<HadamardOp> {
  using MovePattern::MovePattern;
  LogicalResult matchAndRewrite(HadamardOp half,
                                PatternRewriter &rewriter) const override {
    if (auto op = producerOf<TransposeOp>(half))
      return moveUp(rewriter, half, op, 0, op.getPermutation()[half.getAxis()]);
    if (auto op = producerOf<ReshapeOp>(half);
        op && isLastAxis(half) && typeOf(op.getInput()).getRank() > 0 &&
        keepsBlocks(op, half))
      return moveUp(rewriter, half, op, 0, typeOf(op.getInput()).getRank() - 1);
    if (auto op = producerOf<CastOp>(half);
        op && isa<FloatType>(typeOf(op.getInput()).getElementType()))
      return moveUp(rewriter, half, op, 0, half.getAxis());
    if (auto op = producerOf<BroadcastOp>(half);
        op && repeatsOthers(op, half.getAxis()))
      return moveUp(rewriter, half, op, 0,
                    half.getAxis() + typeOf(op.getInput()).getRank() -
                        typeOf(half).getRank());
    if (auto op = producerOf<SliceOp>(half);
        op && op.getAxis() != half.getAxis())
      return moveUp(rewriter, half, op, 0, half.getAxis());
    if (auto op = producerOf<MulOp>(half))
      for (unsigned i : {0, 1})
        if (isOneNumber(op->getOperand(1 - i)) &&
            op->getOperand(i).getType() == half.getType())
          return moveUp(rewriter, half, op, i, half.getAxis());
    return failure();
  }
};

} // namespace

void populateMoveUpPatterns(RewritePatternSet &patterns, SymbolTable &symbols) {
  patterns
      .add<UpEmbedding, UpLinear, UpLora, UpSum<AddOp>, UpSum<SubOp>, UpView>(
          patterns.getContext(), symbols);
}

} // namespace qopt
