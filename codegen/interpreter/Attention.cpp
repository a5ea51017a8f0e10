// The meaning of attention and of what stands before it.

#include <cmath>

#include "qopt/codegen/interpreter/Elements.h"
#include "qopt/dialects/nn/Nn.h"

using namespace mlir;

namespace qopt::interpreter {

static LogicalResult evalRope(nn::RopeOp op, Frame &frame) {
  const Tensor &x = frame[op.getInput()]; // [B, H, T, D]
  const Tensor &cos = frame[op.getCos()], &sin = frame[op.getSin()];
  int64_t B = x.shape[0], H = x.shape[1], T = x.shape[2], D = x.shape[3];
  int64_t batches = cos.shape[0], half = cos.shape[2]; // [B or 1, T, R / 2]
  if (cos.shape != sin.shape || cos.shape[1] != T ||
      (batches != 1 && batches != B))
    return op.emitOpError("expects angles of shape [")
           << B << ", " << T << ", " << half << "], got [" << cos.shape
           << "] and [" << sin.shape << "]";
  Tensor y = x;
  for (int64_t b = 0; b < B; ++b)
    for (int64_t h = 0; h < H; ++h)
      for (int64_t t = 0; t < T; ++t)
        for (int64_t i = 0; i < half; ++i) {
          int64_t row = ((b * H + h) * T + t) * D;
          int64_t first = row + (op.getInterleaved() ? 2 * i : i);
          int64_t second = op.getInterleaved() ? first + 1 : first + half;
          int64_t angle = ((batches == 1 ? 0 : b) * T + t) * half + i;
          double c = cos.data[angle], s = sin.data[angle];
          y.data[first] = x.data[first] * c - x.data[second] * s;
          y.data[second] = x.data[second] * c + x.data[first] * s;
        }
  frame.set(op.getResult(), std::move(y));
  return success();
}

namespace {

/// Which keys a query sees, and what is added to their scores.
class Masks {
public:
  Masks(nn::AttentionOp op, Frame &frame, int64_t T, int64_t S)
      : causal(op.getCausal()), T(T), S(S) {
    if (op.getMask()) {
      mask = &frame[op.getMask()];
      strides = broadcastStrides(op.getMask(), 4, frame);
    }
    if (op.getKeyMask())
      keyMask = &frame[op.getKeyMask()];
  }

  /// -infinity for a key that is hidden.
  double at(int64_t b, int64_t h, int64_t i, int64_t j) const {
    bool hidden =
        (causal && j > i + S - T) || (keyMask && !keyMask->integers[b * S + j]);
    if (hidden)
      return -HUGE_VAL;
    if (!mask)
      return 0;
    int64_t offset = offsetOf({b, h, i, j}, strides);
    if (!mask->data.empty())
      return mask->data[offset];
    return mask->integers[offset] ? 0 : -HUGE_VAL;
  }

private:
  bool causal;
  int64_t T, S;
  const Tensor *mask = nullptr, *keyMask = nullptr;
  Shape strides;
};

} // namespace

/// Whether the sizes agree that only a run knows.
static LogicalResult checkAttention(nn::AttentionOp op, const Frame &frame) {
  const Shape &q = frame[op.getQuery()].shape, &k = frame[op.getKey()].shape;
  const Shape &v = frame[op.getValue()].shape;
  bool agree = k[0] == q[0] && v[0] == q[0] && v[2] == k[2] && v[1] == k[1] &&
               k[3] == q[3] && k[1] > 0 && q[1] % k[1] == 0;
  if (!agree)
    return op.emitOpError("expects queries, keys and values that match, got [")
           << q << "], [" << k << "] and [" << v << "]";
  Shape scores{q[0], q[1], q[2], k[2]}; // [B, H, T, S]
  if (op.getMask()) {
    auto type = cast<RankedTensorType>(op.getMask().getType());
    int64_t skipped = 4 - type.getRank();
    for (auto [i, size] : llvm::enumerate(frame[op.getMask()].shape))
      if (type.getDimSize(i) != 1 && size != scores[skipped + i])
        return op.emitOpError("expects a mask that broadcasts to [")
               << scores << "], got [" << frame[op.getMask()].shape << "]";
  }
  if (op.getKeyMask() && frame[op.getKeyMask()].shape != Shape{q[0], k[2]})
    return op.emitOpError("expects a key mask of shape [")
           << q[0] << ", " << k[2] << "], got [" << frame[op.getKeyMask()].shape
           << "]";
  return success();
}

static LogicalResult evalAttention(nn::AttentionOp op, Frame &frame) {
  if (failed(checkAttention(op, frame)))
    return failure();
  const Tensor &q = frame[op.getQuery()]; // [B, Hq, T, D]
  const Tensor &k = frame[op.getKey()];   // [B, Hk, S, D]
  const Tensor &v = frame[op.getValue()]; // [B, Hk, S, E]
  int64_t B = q.shape[0], H = q.shape[1], T = q.shape[2], D = q.shape[3];
  int64_t Hk = k.shape[1], S = k.shape[2], E = v.shape[3];
  double scale = op.getScale().convertToDouble();
  Masks masks(op, frame, T, S);
  Tensor y({B, H, T, E});
  std::vector<double> p(S);
  for (int64_t row = 0; row < B * H * T; ++row) {
    int64_t b = row / T / H, h = row / T % H, i = row % T;
    int64_t keys = (b * Hk + h / (H / Hk)) * S; // first row of its key head
    double largest = -HUGE_VAL, sum = 0;
    for (int64_t j = 0; j < S; ++j) {
      double dot = 0;
      for (int64_t d = 0; d < D; ++d)
        dot += q.data[row * D + d] * k.data[(keys + j) * D + d];
      // A hidden key counts for nothing, whatever its score.
      double mask = masks.at(b, h, i, j);
      p[j] = mask == -HUGE_VAL ? mask : scale * dot + mask;
      largest = std::isnan(largest) || largest > p[j] ? largest : p[j];
    }
    if (largest == -HUGE_VAL)
      continue; // sees nothing: zeros
    for (double &weight : p)
      sum += weight = std::exp(weight - largest);
    for (int64_t j = 0; j < S; ++j)
      for (int64_t e = 0; e < E && p[j] != 0; ++e)
        y.data[row * E + e] += p[j] / sum * v.data[(keys + j) * E + e];
  }
  frame.set(op.getResult(), std::move(y));
  return success();
}

static LogicalResult evalCacheAppend(nn::CacheAppendOp op, Frame &frame) {
  const Tensor &input = frame[op.getInput()]; // [B, H, T, D]
  int64_t past = frame.index(op.getPast());
  State &state = *frame.options.state;
  Shape shape = input.shape;
  shape[2] = 0;
  Type element = op.getType().getElementType();
  Tensor held = Tensor::of(element, shape);
  if (auto found = state.find(op.getCache().str()); found != state.end())
    held = found->second;
  shape[2] = held.shape[2];
  if (past < 0 || past > held.shape[2] || (past > 0 && held.shape != shape))
    return op.emitOpError("expects a cache that holds ")
           << past << " positions for [" << input.shape << "], got ["
           << held.shape << "]";
  int64_t T = input.shape[2], D = input.shape[3];
  shape[2] = past + T;
  Tensor result = Tensor::of(element, shape);
  for (int64_t head = 0; head < shape[0] * shape[1]; ++head) {
    int64_t to = head * (past + T) * D, from = head * held.shape[2] * D;
    auto copy = [&](auto &into, const auto &old, const auto &now) {
      if (into.empty())
        return; // floats or integers, never both
      std::copy_n(old.begin() + from, past * D, into.begin() + to);
      std::copy_n(now.begin() + head * T * D, T * D,
                  into.begin() + to + past * D);
    };
    copy(result.data, held.data, input.data);
    copy(result.integers, held.integers, input.integers);
  }
  state.insert_or_assign(op.getCache().str(), result);
  frame.set(op.getResult(), std::move(result));
  return success();
}

void addAttention(Interpreter &interpreter) {
  interpreter.add(evalRope);
  interpreter.add(evalAttention);
  interpreter.add(evalCacheAppend);
}

} // namespace qopt::interpreter
