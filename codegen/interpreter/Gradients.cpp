// The meaning of the gradients that are ops of their own.

#include <Eigen/Core>

#include <cmath>

#include "qopt/codegen/interpreter/Elements.h"
#include "qopt/dialects/train/Train.h"

using namespace mlir;

namespace qopt::interpreter {

using Matrix =
    Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Map = Eigen::Map<Matrix>;
using ConstMap = Eigen::Map<const Matrix>;

static LogicalResult evalLinearWeightGrad(train::LinearWeightGradOp op,
                                          Frame &frame) {
  const Tensor &dy = frame[op.getDy()], &x = frame[op.getInput()];
  int64_t N = dy.shape.back(), C = x.shape.back(), M = x.data.size() / C;
  if (ArrayRef(dy.shape).drop_back() != ArrayRef(x.shape).drop_back())
    return op.emitOpError("expects as many rows in both, got [")
           << dy.shape << "] and [" << x.shape << "]";
  Tensor dw({N, C});
  Map(dw.data.data(), N, C).noalias() =
      ConstMap(dy.data.data(), M, N).transpose() *
      ConstMap(x.data.data(), M, C);
  frame.set(op.getResult(), std::move(dw));
  return success();
}

static LogicalResult evalPackedLinearGrad(train::PackedLinearGradOp op,
                                          Frame &frame) {
  const Tensor &dy = frame[op.getDy()], &codes = frame[op.getWeight()];
  const Tensor &scales = frame[op.getScales()];
  int64_t N = codes.shape[0], C = codes.shape[1], M = dy.data.size() / N;
  int64_t set = op.getScheme().getPer() == lowbit::Granularity::tensor
                    ? N * C
                    : op.getScheme().getGroupSize(C);
  Matrix w(N, C);
  for (int64_t i = 0; i < N * C; ++i) {
    int64_t zero = op.getZeros() ? frame[op.getZeros()].integers[i / set] : 0;
    w.data()[i] = double(codes.integers[i] - zero) * scales.data[i / set];
  }
  Shape shape = dy.shape;
  shape.back() = C;
  Tensor dx(shape);
  Map(dx.data.data(), M, C).noalias() = ConstMap(dy.data.data(), M, N) * w;
  frame.set(op.getResult(), std::move(dx));
  return success();
}

static LogicalResult evalRmsNormGrad(train::RmsNormGradOp op, Frame &frame) {
  const Tensor &dy = frame[op.getDy()], &x = frame[op.getInput()]; // [..., C]
  const Tensor &gain = frame[op.getGain()];                        // [C] or [1]
  double eps = op.getEps().convertToDouble();
  size_t C = x.shape.back();
  Tensor dx(x.shape), dgain(gain.shape);
  for (size_t row = 0; row < x.data.size(); row += C) {
    double squares = 0, dot = 0; // sum of x^2, of t x
    for (size_t c = 0; c < C; ++c) {
      size_t g = gain.data.size() == C ? c : 0;
      squares += x.data[row + c] * x.data[row + c];
      dot += dy.data[row + c] * gain.data[g] * x.data[row + c];
    }
    double r = 1 / std::sqrt(squares / C + eps);
    for (size_t c = 0; c < C; ++c) {
      size_t g = gain.data.size() == C ? c : 0;
      double t = dy.data[row + c] * gain.data[g];
      dx.data[row + c] = r * (t - x.data[row + c] * r * r * dot / C);
      dgain.data[g] += dy.data[row + c] * x.data[row + c] * r;
    }
  }
  frame.set(op.getDinput(), std::move(dx));
  frame.set(op.getDgain(), std::move(dgain));
  return success();
}

static LogicalResult evalSwigluGrad(train::SwigluGradOp op, Frame &frame) {
  const Tensor &dy = frame[op.getDy()];
  const Tensor &gate = frame[op.getGate()], &up = frame[op.getUp()];
  Tensor dgate(dy.shape), dup(dy.shape);
  for (size_t i = 0; i < dy.data.size(); ++i) {
    double g = gate.data[i], s = 1 / (1 + std::exp(-g));
    dgate.data[i] = dy.data[i] * up.data[i] * s * (1 + g * (1 - s));
    dup.data[i] = dy.data[i] * g * s;
  }
  frame.set(op.getDgate(), std::move(dgate));
  frame.set(op.getDup(), std::move(dup));
  return success();
}

namespace {

/// One call of attention_grad, and where its operands lie.
struct AttentionGrad {
  AttentionGrad(train::AttentionGradOp op, const Frame &frame)
      : q(frame[op.getQuery()]), k(frame[op.getKey()]), v(frame[op.getValue()]),
        dy(frame[op.getDy()]), causal(op.getCausal()),
        scale(op.getScale().convertToDouble()), dq(q.shape), dk(k.shape),
        dv(v.shape), p(k.shape[2]) {
    if (op.getMask()) {
      mask = &frame[op.getMask()];
      strides = broadcastStrides(op.getMask(), 4, frame);
    }
    if (op.getKeyMask())
      keyMask = &frame[op.getKeyMask()];
  }

  void addQuery(int64_t b, int64_t h, int64_t i);

  const Tensor &q, &k, &v, &dy, *mask = nullptr, *keyMask = nullptr;
  Shape strides; ///< of mask
  bool causal;
  double scale;
  Tensor dq, dk, dv;

private:
  double score(int64_t b, int64_t h, int64_t i, int64_t j, int64_t row,
               int64_t key) const;
  std::vector<double> p; ///< [S]
};

} // namespace

/// Of key row `key`, the j-th of its head, for query row `row`; -infinity if
/// it is hidden.
double AttentionGrad::score(int64_t b, int64_t h, int64_t i, int64_t j,
                            int64_t row, int64_t key) const {
  int64_t T = q.shape[2], S = k.shape[2], D = q.shape[3];
  if ((causal && j > i + S - T) || (keyMask && !keyMask->integers[b * S + j]))
    return -HUGE_VAL;
  double added = 0;
  if (mask) {
    int64_t at = offsetOf({b, h, i, j}, strides);
    added = !mask->data.empty()  ? mask->data[at]
            : mask->integers[at] ? 0
                                 : -HUGE_VAL;
  }
  if (added == -HUGE_VAL)
    return added;
  double dot = 0;
  for (int64_t d = 0; d < D; ++d)
    dot += q.data[row * D + d] * k.data[key * D + d];
  return scale * dot + added;
}

/// What one query adds to the gradients.
void AttentionGrad::addQuery(int64_t b, int64_t h, int64_t i) {
  int64_t H = q.shape[1], T = q.shape[2], D = q.shape[3];
  int64_t K = k.shape[1], S = k.shape[2], E = v.shape[3];
  int64_t row = (b * H + h) * T + i, first = (b * K + h / (H / K)) * S;
  double largest = -HUGE_VAL, sum = 0;
  for (int64_t j = 0; j < S; ++j) {
    p[j] = score(b, h, i, j, row, first + j);
    largest = std::max(largest, p[j]);
  }
  if (largest == -HUGE_VAL)
    return; // sees nothing
  for (double &share : p)
    sum += share = std::exp(share - largest);
  std::vector<double> dp(S);
  double mean = 0;
  for (int64_t j = 0; j < S; ++j) {
    p[j] /= sum;
    for (int64_t e = 0; e < E && p[j] != 0; ++e) {
      double dyOfE = dy.data[row * E + e];
      dp[j] += dyOfE * v.data[(first + j) * E + e];
      dv.data[(first + j) * E + e] += p[j] * dyOfE;
    }
    mean += dp[j] * p[j];
  }
  for (int64_t j = 0; j < S; ++j) {
    double ds = scale * p[j] * (dp[j] - mean);
    for (int64_t d = 0; d < D && p[j] != 0; ++d) {
      dq.data[row * D + d] += ds * k.data[(first + j) * D + d];
      dk.data[(first + j) * D + d] += ds * q.data[row * D + d];
    }
  }
}

static LogicalResult evalAttentionGrad(train::AttentionGradOp op,
                                       Frame &frame) {
  AttentionGrad grad(op, frame);
  const Shape &q = grad.q.shape, &k = grad.k.shape, &v = grad.v.shape;
  if (k[0] != q[0] || k[3] != q[3] || v[0] != q[0] || v[1] != k[1] ||
      v[2] != k[2] || q[1] % k[1] != 0 ||
      grad.dy.shape != Shape{q[0], q[1], q[2], v[3]})
    return op.emitOpError("expects queries, keys and values that match, got [")
           << q << "], [" << k << "] and [" << v << "]";
  for (int64_t b = 0; b < q[0]; ++b)
    for (int64_t h = 0; h < q[1]; ++h)
      for (int64_t i = 0; i < q[2]; ++i)
        grad.addQuery(b, h, i);
  frame.set(op.getDquery(), std::move(grad.dq));
  frame.set(op.getDkey(), std::move(grad.dk));
  frame.set(op.getDvalue(), std::move(grad.dv));
  return success();
}

static LogicalResult evalEmbeddingGrad(train::EmbeddingGradOp op,
                                       Frame &frame) {
  const Tensor &dy = frame[op.getDy()], &ids = frame[op.getIds()];
  Tensor table(op.getResult().getType().getShape());
  int64_t V = table.shape[0], C = table.shape[1];
  for (auto [row, id] : llvm::enumerate(ids.integers)) {
    if (id < 0 || id >= V)
      return op.emitOpError("expects ids below ") << V << ", got " << id;
    for (int64_t c = 0; c < C; ++c)
      table.data[id * C + c] += dy.data[row * C + c];
  }
  frame.set(op.getResult(), std::move(table));
  return success();
}

static LogicalResult evalCrossEntropyGrad(train::CrossEntropyGradOp op,
                                          Frame &frame) {
  const Tensor &dy = frame[op.getDy()], &x = frame[op.getLogits()];
  const Tensor &targets = frame[op.getTargets()];
  int64_t V = x.shape.back();
  Tensor dx(x.shape);
  for (auto [row, t] : llvm::enumerate(targets.integers)) {
    if (t < 0 || t >= V)
      return op.emitOpError("expects targets in [0, ") << V << "), got " << t;
    if (dy.data[row] == 0)
      continue;
    ArrayRef<double> logits(&x.data[row * V], V);
    double largest = -HUGE_VAL, sum = 0;
    for (double logit : logits)
      largest = std::max(largest, logit);
    for (double logit : logits)
      sum += std::exp(logit - largest);
    for (int64_t v = 0; v < V; ++v)
      dx.data[row * V + v] =
          dy.data[row] * (std::exp(logits[v] - largest) / sum - (v == t));
  }
  frame.set(op.getResult(), std::move(dx));
  return success();
}

static LogicalResult evalRecompute(train::RecomputeOp op, Frame &frame) {
  frame.set(op.getResult(), frame[op.getInput()]);
  return success();
}

static LogicalResult evalChoose(train::ChooseOp op, Frame &frame) {
  double lambda = frame[op.getLambda()].data[op.getLayer()];
  frame.set(op.getResult(), frame[lambda <= 0   ? op.getNone()
                                  : lambda >= 1 ? op.getWhole()
                                                : op.getSome()]);
  return success();
}

void addGradients(Interpreter &interpreter) {
  interpreter.add(evalLinearWeightGrad);
  interpreter.add(evalPackedLinearGrad);
  interpreter.add(evalRmsNormGrad);
  interpreter.add(evalSwigluGrad);
  interpreter.add(evalAttentionGrad);
  interpreter.add(evalEmbeddingGrad);
  interpreter.add(evalCrossEntropyGrad);
  interpreter.add(evalRecompute);
  interpreter.add(evalChoose);
}

} // namespace qopt::interpreter
