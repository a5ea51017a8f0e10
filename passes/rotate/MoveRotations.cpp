// The patterns that move the halves of a rotation, and cancel them.

#include "mlir/IR/PatternMatch.h"
#include "qopt/passes/Weights.h"
#include "qopt/passes/rotate/Rotate.h"

using namespace mlir;
using namespace qopt::nn;
using qopt::lowbit::HadamardOp;
using qopt::lowbit::LoraLinearOp;

namespace qopt {

/// The same rotation of another value.
static Value rotate(OpBuilder &builder, Location loc, Value value, int64_t axis,
                    HadamardOp like, bool transposed) {
  return HadamardOp::create(builder, loc, value.getType(), value, axis,
                            like.getOrders(), like.getSeedAttr(), transposed);
}

/// A weight that takes in a half: no later one turns it back.
static Value rotateWeight(OpBuilder &builder, Location loc, Value weight,
                          int64_t axis, HadamardOp like) {
  return changeWeight(builder, loc, weight, [&](Value value) {
    return rotate(builder, loc, value, axis, like, /*transposed=*/false);
  });
}

static RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

static bool isLastAxis(HadamardOp half) {
  return int64_t(half.getAxis()) == typeOf(half).getRank() - 1;
}

static int64_t sizeOf(HadamardOp half) {
  int64_t size = 1;
  for (int64_t order : half.getOrders())
    size *= order;
  return size;
}

static bool isSame(HadamardOp a, HadamardOp b) {
  return a.getAxis() == b.getAxis() && a.getOrders() == b.getOrders() &&
         a.getSeedAttr() == b.getSeedAttr();
}

namespace {

/// What all patterns ask.
template <typename OpT> struct MovePattern : OpRewritePattern<OpT> {
  MovePattern(MLIRContext *context, SymbolTable &symbols)
      : OpRewritePattern<OpT>(context), symbols(symbols) {}

  /// The half that gives `value`, if it moves down.
  HadamardOp downOf(Value value) const {
    auto half = value.getDefiningOp<HadamardOp>();
    return half && half.getTransposed() && !isWeight(value, symbols)
               ? half
               : HadamardOp();
  }
  /// The op that an up turns the result of; it has no other reader.
  template <typename ProducerT> ProducerT producerOf(HadamardOp half) const {
    auto producer = half.getInput().getDefiningOp<ProducerT>();
    return producer && !half.getTransposed() && producer->hasOneUse() &&
                   !isWeight(half, symbols)
               ? producer
               : ProducerT();
  }
  /// Whether a half may become part of the weight.
  bool takes(Value weight) const {
    return isWeight(weight, symbols) && !isQuantized(weight) &&
           !isTied(weight, symbols);
  }

  SymbolTable &symbols;
};

//===----------------------------------------------------------------------===//
// Meeting halves
//===----------------------------------------------------------------------===//

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

//===----------------------------------------------------------------------===//
// Down
//===----------------------------------------------------------------------===//

/// The axis of `operand` that meets `axis` of a result of type `type`;
/// negative if the operand is repeated along it.
static int64_t alignedAxis(Value operand, int64_t axis, RankedTensorType type) {
  int64_t own = axis - (type.getRank() - typeOf(operand).getRank());
  return own >= 0 && typeOf(operand).getDimSize(own) == type.getDimSize(axis)
             ? own
             : -1;
}

/// Both operands of an elementwise op, turned; nothing if one is repeated.
static SmallVector<Value> rotateOperands(OpBuilder &builder, Operation *op,
                                         int64_t axis, HadamardOp like) {
  RankedTensorType type = typeOf(op->getResult(0));
  SmallVector<Value> turned;
  if (llvm::any_of(op->getOperands(), [&](Value operand) {
        return alignedAxis(operand, axis, type) < 0;
      }))
    return turned;
  for (Value operand : op->getOperands())
    turned.push_back(rotate(builder, op->getLoc(), operand,
                            alignedAxis(operand, axis, type), like, false));
  return turned;
}

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

static bool isOneNumber(Value value) {
  RankedTensorType type = typeOf(value);
  return type.hasStaticShape() && type.getNumElements() == 1;
}

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

/// Blocks of the last axis stay where they are if both last axes hold whole
/// ones.
static bool keepsBlocks(ReshapeOp op, HadamardOp half) {
  int64_t before = typeOf(op.getInput()).getShape().back();
  RankedTensorType type = typeOf(op.getResult());
  int64_t after = type.getRank() ? type.getShape().back() : 1;
  int64_t size = sizeOf(half);
  return !ShapedType::isDynamic(before) && !ShapedType::isDynamic(after) &&
         before % size == 0 && after % size == 0;
}

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

/// Whether what is repeated is not turned: the axis is one of both.
static bool repeatsOthers(BroadcastOp op, int64_t axisOfResult) {
  RankedTensorType type = typeOf(op.getResult());
  return alignedAxis(op.getInput(), axisOfResult, type) >= 0;
}

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

//===----------------------------------------------------------------------===//
// Up
//===----------------------------------------------------------------------===//

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

void populateMoveDownPatterns(RewritePatternSet &patterns,
                              SymbolTable &symbols) {
  patterns.add<MeetHalves, DownSum<AddOp>, DownSum<SubOp>, DownScale, DownNorm,
               DownBroadcast, DownCast, DownTranspose, DownReshape, DownSlice,
               DownConcat, DownAttention, DownLinear, DownHeads, DownLora>(
      patterns.getContext(), symbols);
}

void populateMoveUpPatterns(RewritePatternSet &patterns, SymbolTable &symbols) {
  patterns
      .add<UpEmbedding, UpLinear, UpLora, UpSum<AddOp>, UpSum<SubOp>, UpView>(
          patterns.getContext(), symbols);
}

} // namespace qopt
