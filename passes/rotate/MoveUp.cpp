// The patterns that move ups.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
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

/// Columns [first, last) of a fused layer's result; none if they are not known.
static std::optional<std::pair<int64_t, int64_t>> columnsOf(Operation *op) {
  auto slice = dyn_cast<SliceOp>(op);
  if (!slice || slice.getStep() != 1 || slice.getSize() ||
      int64_t(slice.getAxis()) != typeOf(slice.getResult()).getRank() - 1)
    return std::nullopt;
  auto start = getConstantIntValue(slice.getStart());
  if (!start)
    return std::nullopt;
  return std::pair(*start,
                   *start + typeOf(slice.getResult()).getShape().back());
}

/// Rows [first, last) of a weight take in a half.
static Value rotateRows(OpBuilder &builder, Location loc, Value weight,
                        std::pair<int64_t, int64_t> rows, HadamardOp like) {
  return changeWeight(builder, loc, weight, [&](Value value) -> Value {
    RankedTensorType type = typeOf(value);
    int64_t all = type.getDimSize(0);
    SmallVector<Value> parts;
    for (auto [first, last] : {std::pair(int64_t(0), rows.first), rows,
                               std::pair(rows.second, all)}) {
      if (first == last)
        continue;
      SmallVector<int64_t> shape(type.getShape());
      shape[0] = last - first;
      Value start = arith::ConstantIndexOp::create(builder, loc, first);
      Value part = SliceOp::create(builder, loc, type.clone(shape), value,
                                   start, Value(), 0);
      if (first == rows.first)
        part = rotate(builder, loc, part, 0, like, false);
      parts.push_back(part);
    }
    return ConcatOp::create(builder, loc, type, parts, 0);
  });
}

/// A slice of a fused layer (q, k and v in one): the rows that only it reads.
struct UpSplit final : MovePattern<HadamardOp> {
  using MovePattern::MovePattern;
  LogicalResult matchAndRewrite(HadamardOp half,
                                PatternRewriter &rewriter) const override {
    auto slice = producerOf<SliceOp>(half);
    auto op = slice ? slice.getInput().getDefiningOp<LinearOp>() : LinearOp();
    if (!op || !isLastAxis(half) || !takes(op.getWeight()) ||
        (op.getBias() && !takes(op.getBias())))
      return failure();
    auto rows = columnsOf(slice);
    if (!rows || rows->first < 0 ||
        rows->second > typeOf(op.getResult()).getShape().back())
      return failure();
    for (Operation *user : op->getUsers()) {
      auto others = columnsOf(user);
      if (user != slice && (!others || (others->first < rows->second &&
                                        rows->first < others->second)))
        return failure(); // reads what is turned
    }
    rewriter.setInsertionPoint(op);
    Location loc = op.getLoc();
    Value weight = rotateRows(rewriter, loc, op.getWeight(), *rows, half);
    Value bias = op.getBias();
    if (bias)
      bias = rotateRows(rewriter, loc, bias, *rows, half);
    rewriter.modifyOpInPlace(op, [&] {
      op.getWeightMutable().assign(weight);
      if (bias)
        op.getBiasMutable().assign(bias);
    });
    rewriter.replaceOp(half, slice.getResult());
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
  patterns.add<UpEmbedding, UpLinear, UpSplit, UpLora, UpSum<AddOp>,
               UpSum<SubOp>, UpView>(patterns.getContext(), symbols);
}

} // namespace qopt
