// The patterns that move downs, and cancel what meets.

#include "qopt/passes/rotate/Halves.h"

using namespace mlir;
using namespace qopt::nn;
using qopt::lowbit::HadamardOp;
using qopt::lowbit::LoraLinearOp;

namespace qopt {

namespace {

/// up(down(x)) is x; along different axes they pass each other.
struct MeetHalves final : MovePattern<HadamardOp> {
  using MovePattern::MovePattern;
  LogicalResult matchAndRewrite(HadamardOp up,
                                PatternRewriter &rewriter) const override {
    HadamardOp down = downOf(up.getInput());
    if (!down || up.getTransposed())
      return failure();
    if (isSame(up, down)) {
      rewriter.replaceOp(up, down.getInput());
      return success();
    }
    if (up.getAxis() == down.getAxis())
      return failure();
    Value turned =
        rotate(rewriter, up.getLoc(), down.getInput(), up.getAxis(), up, false);
    rewriter.replaceOp(up, rotate(rewriter, down.getLoc(), turned,
                                  down.getAxis(), down, true));
    return success();
  }
};

/// a' Q^T + b = (a' + b Q) Q^T
template <typename OpT> struct DownSum final : MovePattern<OpT> {
  using MovePattern<OpT>::MovePattern;
  LogicalResult matchAndRewrite(OpT op,
                                PatternRewriter &rewriter) const override {
    HadamardOp half = this->downOf(op.getLhs());
    if (!half)
      half = this->downOf(op.getRhs());
    if (!half)
      return failure();
    RankedTensorType type = typeOf(op.getResult());
    int64_t axis = half.getAxis() + type.getRank() - typeOf(half).getRank();
    SmallVector<Value> operands = rotateOperands(rewriter, op, axis, half);
    if (operands.empty())
      return failure();
    auto sum = OpT::create(rewriter, op.getLoc(), operands[0], operands[1]);
    rewriter.replaceOp(op,
                       rotate(rewriter, half.getLoc(), sum, axis, half, true));
    return success();
  }
};

/// Ops of one operand that commute along the axis: the result is turned
/// instead. `axis` is where the rotation acts on the result; none: it stops.
static LogicalResult moveDown(PatternRewriter &rewriter, Operation *op,
                              OpOperand &operand, HadamardOp half,
                              int64_t axis) {
  Operation *moved = rewriter.clone(*op);
  moved->setOperand(operand.getOperandNumber(), half.getInput());
  rewriter.replaceOp(op, rotate(rewriter, half.getLoc(), moved->getResult(0),
                                axis, half, true));
  return success();
}

struct DownScale final : MovePattern<MulOp> {
  using MovePattern::MovePattern;
  LogicalResult matchAndRewrite(MulOp op,
                                PatternRewriter &rewriter) const override {
    for (auto [i, other] : {std::pair(0, op.getRhs()), {1, op.getLhs()}})
      if (HadamardOp half = downOf(op->getOperand(i));
          half && isOneNumber(other) && op.getType() == half.getType())
        return moveDown(rewriter, op, op->getOpOperand(i), half,
                        half.getAxis());
    return failure();
  }
};

/// The root mean square of a row does not see a rotation of it; one gain for
/// all channels commutes.
struct DownNorm final : MovePattern<RmsNormOp> {
  using MovePattern::MovePattern;
  LogicalResult matchAndRewrite(RmsNormOp op,
                                PatternRewriter &rewriter) const override {
    HadamardOp half = downOf(op.getInput());
    if (!half || !isLastAxis(half) ||
        (op.getGain() && !isOneNumber(op.getGain())))
      return failure();
    return moveDown(rewriter, op, op.getInputMutable(), half, half.getAxis());
  }
};

struct DownCast final : MovePattern<CastOp> {
  using MovePattern::MovePattern;
  LogicalResult matchAndRewrite(CastOp op,
                                PatternRewriter &rewriter) const override {
    HadamardOp half = downOf(op.getInput());
    if (!half || !isa<FloatType>(typeOf(op.getResult()).getElementType()))
      return failure();
    return moveDown(rewriter, op, op.getInputMutable(), half, half.getAxis());
  }
};

struct DownTranspose final : MovePattern<TransposeOp> {
  using MovePattern::MovePattern;
  LogicalResult matchAndRewrite(TransposeOp op,
                                PatternRewriter &rewriter) const override {
    HadamardOp half = downOf(op.getInput());
    if (!half)
      return failure();
    int64_t axis = llvm::find(op.getPermutation(), int64_t(half.getAxis())) -
                   op.getPermutation().begin();
    return moveDown(rewriter, op, op.getInputMutable(), half, axis);
  }
};

struct DownReshape final : MovePattern<ReshapeOp> {
  using MovePattern::MovePattern;
  LogicalResult matchAndRewrite(ReshapeOp op,
                                PatternRewriter &rewriter) const override {
    HadamardOp half = downOf(op.getInput());
    if (!half || !isLastAxis(half) || !keepsBlocks(op, half))
      return failure();
    return moveDown(rewriter, op, op.getInputMutable(), half,
                    typeOf(op.getResult()).getRank() - 1);
  }
};

struct DownSlice final : MovePattern<SliceOp> {
  using MovePattern::MovePattern;
  LogicalResult matchAndRewrite(SliceOp op,
                                PatternRewriter &rewriter) const override {
    HadamardOp half = downOf(op.getInput());
    if (!half || op.getAxis() == half.getAxis())
      return failure();
    return moveDown(rewriter, op, op.getInputMutable(), half, half.getAxis());
  }
};

struct DownBroadcast final : MovePattern<BroadcastOp> {
  using MovePattern::MovePattern;
  LogicalResult matchAndRewrite(BroadcastOp op,
                                PatternRewriter &rewriter) const override {
    HadamardOp half = downOf(op.getInput());
    if (!half)
      return failure();
    int64_t axis = half.getAxis() + typeOf(op.getResult()).getRank() -
                   typeOf(half).getRank();
    if (!repeatsOthers(op, axis))
      return failure();
    return moveDown(rewriter, op, op.getInputMutable(), half, axis);
  }
};

/// What is put together is turned together: the other parts move up.
struct DownConcat final : MovePattern<ConcatOp> {
  using MovePattern::MovePattern;
  LogicalResult matchAndRewrite(ConcatOp op,
                                PatternRewriter &rewriter) const override {
    HadamardOp half;
    for (Value input : op.getInputs())
      if (!half)
        half = downOf(input);
    if (!half || half.getAxis() == op.getAxis())
      return failure();
    SmallVector<Value> inputs;
    for (Value input : op.getInputs())
      inputs.push_back(
          rotate(rewriter, op.getLoc(), input, half.getAxis(), half, false));
    auto moved = ConcatOp::create(rewriter, op.getLoc(), op.getType(), inputs,
                                  op.getAxis());
    rewriter.replaceOp(
        op, rotate(rewriter, half.getLoc(), moved, half.getAxis(), half, true));
    return success();
  }
};

/// Scores are products of queries and keys: turned alike they stay. Values are
/// mixed channel by channel, so the mix is turned as they were.
struct DownAttention final : MovePattern<AttentionOp> {
  using MovePattern::MovePattern;
  LogicalResult matchAndRewrite(AttentionOp op,
                                PatternRewriter &rewriter) const override {
    if (HadamardOp half = downOf(op.getValue()); half && isLastAxis(half))
      return moveDown(rewriter, op, op.getValueMutable(), half, 3);
    HadamardOp query = downOf(op.getQuery()), key = downOf(op.getKey());
    if (!query || !key || !isSame(query, key) || !isLastAxis(query))
      return failure();
    rewriter.modifyOpInPlace(op, [&] {
      op.getQueryMutable().assign(query.getInput());
      op.getKeyMutable().assign(key.getInput());
    });
    return success();
  }
};

/// x' Q^T W^T = x' (W Q)^T
struct DownLinear final : MovePattern<LinearOp> {
  using MovePattern::MovePattern;
  LogicalResult matchAndRewrite(LinearOp op,
                                PatternRewriter &rewriter) const override {
    HadamardOp half = downOf(op.getInput());
    if (!half || !isLastAxis(half) || !takes(op.getWeight()))
      return failure();
    Value weight = rotateWeight(rewriter, op.getLoc(), op.getWeight(), 1, half);
    rewriter.modifyOpInPlace(op, [&] {
      op.getInputMutable().assign(half.getInput());
      op.getWeightMutable().assign(weight);
    });
    return success();
  }
};

/// Heads that are turned among each other: channels are [heads, size].
struct DownHeads final : MovePattern<LinearOp> {
  using MovePattern::MovePattern;
  LogicalResult matchAndRewrite(LinearOp op,
                                PatternRewriter &rewriter) const override {
    auto flat = op.getInput().getDefiningOp<ReshapeOp>();
    HadamardOp half = flat ? downOf(flat.getInput()) : HadamardOp();
    if (!half || !takes(op.getWeight()))
      return failure();
    RankedTensorType heads = typeOf(half), type = typeOf(op.getWeight());
    int64_t last = heads.getRank() - 1;
    if (int64_t(half.getAxis()) != last - 1 || heads.isDynamicDim(last) ||
        heads.getDimSize(last - 1) * heads.getDimSize(last) !=
            type.getDimSize(1))
      return failure();
    Location loc = op.getLoc();
    Value weight =
        changeWeight(rewriter, loc, op.getWeight(), [&](Value value) -> Value {
          RankedTensorType matrix = typeOf(value);
          Value cube = ReshapeOp::create(
              rewriter, loc,
              matrix.clone({type.getDimSize(0), heads.getDimSize(last - 1),
                            heads.getDimSize(last)}),
              value, ValueRange());
          return ReshapeOp::create(rewriter, loc, matrix,
                                   rotate(rewriter, loc, cube, 1, half, false),
                                   ValueRange());
        });
    Operation *moved = rewriter.clone(*flat);
    moved->setOperand(0, half.getInput());
    rewriter.modifyOpInPlace(op, [&] {
      op.getInputMutable().assign(moved->getResult(0));
      op.getWeightMutable().assign(weight);
    });
    return success();
  }
};

struct DownLora final : MovePattern<LoraLinearOp> {
  using MovePattern::MovePattern;
  LogicalResult matchAndRewrite(LoraLinearOp op,
                                PatternRewriter &rewriter) const override {
    HadamardOp half = downOf(op.getInput());
    if (!half || !isLastAxis(half) || !takes(op.getA()))
      return failure();
    Value a = rotateWeight(rewriter, op.getLoc(), op.getA(), 1, half);
    rewriter.modifyOpInPlace(op, [&] {
      op.getInputMutable().assign(half.getInput());
      op.getAMutable().assign(a);
    });
    return success();
  }
};

} // namespace

void populateMoveDownPatterns(RewritePatternSet &patterns,
                              SymbolTable &symbols) {
  patterns.add<MeetHalves, DownSum<AddOp>, DownSum<SubOp>, DownScale, DownNorm,
               DownBroadcast, DownCast, DownTranspose, DownReshape, DownSlice,
               DownConcat, DownAttention, DownLinear, DownHeads, DownLora>(
      patterns.getContext(), symbols);
}

} // namespace qopt
