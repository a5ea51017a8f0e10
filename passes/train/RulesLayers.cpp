// Gradients of layers.

#include "qopt/passes/train/Backward.h"

using namespace mlir;
using namespace qopt::nn;

namespace qopt::train {

/// All axes of `value` but the last.
static SmallVector<int64_t> rowAxes(Value value) {
  return llvm::to_vector(llvm::seq<int64_t>(
      cast<RankedTensorType>(value.getType()).getRank() - 1));
}

static void linear(LinearOp op, Value dy, Backward &to) {
  if (to.wants(op.getInput()))
    to.add(op.getInput(), to.linear(dy, to.transposed(op.getWeight())));
  if (to.wants(op.getWeight()))
    to.add(op.getWeight(),
           to.weightGrad(dy, op.getInput(), op.getWeight().getType()));
  if (op.getBias() && to.wants(op.getBias()))
    to.add(op.getBias(), to.sum(dy, rowAxes(dy)));
}

static void rmsNorm(RmsNormOp op, Value dy, Backward &to) {
  Value gain = op.getGain();
  if (!gain)
    gain = BroadcastOp::create(
        to.builder, to.loc,
        RankedTensorType::get({1}, op.getType().getElementType()),
        to.number(1, dy), ValueRange());
  auto grad =
      RmsNormGradOp::create(to.builder, to.loc, op.getType(), gain.getType(),
                            dy, op.getInput(), gain, op.getEps());
  to.add(op.getInput(), grad.getDinput());
  if (op.getGain())
    to.add(op.getGain(), grad.getDgain());
}

/// Turned back. Angles follow from positions, which nothing trains.
static LogicalResult rope(RopeOp op, Backward &to) {
  if (to.wants(op.getCos()) || to.wants(op.getSin()))
    return failure();
  to.add(op.getInput(),
         RopeOp::create(to.builder, to.loc, op.getType(), to.of(op.getResult()),
                        op.getCos(), to.neg(op.getSin()), op.getInterleaved()));
  return success();
}

static LogicalResult attention(AttentionOp op, Backward &to) {
  if (op.getMask() && to.wants(op.getMask()))
    return failure();
  auto grad = AttentionGradOp::create(
      to.builder, to.loc, op.getQuery().getType(), op.getKey().getType(),
      op.getValue().getType(), to.of(op.getResult()), op.getQuery(),
      op.getKey(), op.getValue(), op.getMask(), op.getKeyMask(), op.getScale(),
      op.getCausal());
  to.add(op.getQuery(), grad.getDquery());
  to.add(op.getKey(), grad.getDkey());
  to.add(op.getValue(), grad.getDvalue());
  return success();
}

static void embedding(EmbeddingOp op, Value dy, Backward &to) {
  to.add(op.getTable(),
         EmbeddingGradOp::create(to.builder, to.loc, op.getTable().getType(),
                                 dy, op.getIds()));
}

static void matmul(MatmulOp op, Value dy, Backward &to) {
  Value a = op.getLhs(), b = op.getRhs();
  bool turnA = op.getTransposeLhs(), turnB = op.getTransposeRhs();
  auto product = [&](Value x, Value y, bool turnX, bool turnY) -> Value {
    return MatmulOp::create(to.builder, to.loc, x, y, turnX, turnY);
  };
  if (to.wants(a)) // dy b^T, or its transpose b dy^T
    to.add(a,
           turnA ? product(b, dy, turnB, true) : product(dy, b, false, !turnB));
  if (to.wants(b)) // a^T dy, or its transpose dy^T a
    to.add(b,
           turnB ? product(dy, a, true, turnA) : product(a, dy, !turnA, false));
}

void addLayerRules(Rules &rules) {
  rules.add(linear);
  rules.add(rmsNorm);
  rules.add(rope);
  rules.add(attention);
  rules.add(embedding);
  rules.add(matmul);
}

} // namespace qopt::train
