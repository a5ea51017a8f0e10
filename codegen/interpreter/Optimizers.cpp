// The meaning of optimizers and of how their states are stored.

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "qopt/codegen/interpreter/Elements.h"
#include "qopt/dialects/lowbit/Philox.h"
#include "qopt/dialects/train/DynamicMap.h"
#include "qopt/dialects/train/Train.h"

using namespace mlir;

namespace qopt::interpreter {

using Matrix =
    Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// An operand of rank 0.
static double number(const Frame &frame, Value value) {
  return frame[value].data[0];
}

static LogicalResult evalClipNorm(train::ClipNormOp op, Frame &frame) {
  double squares = 0, most = number(frame, op.getMost());
  for (Value gradient : op.getGradients())
    for (double g : frame[gradient].data)
      squares += g * g;
  Tensor norm({}), scale({});
  norm.data[0] = std::sqrt(squares);
  scale.data[0] = !std::isfinite(squares)             ? NAN
                  : most == 0 || norm.data[0] <= most ? 1
                                                      : most / norm.data[0];
  frame.set(op.getNorm(), std::move(norm));
  frame.set(op.getScale(), std::move(scale));
  return success();
}

static LogicalResult evalSgd(train::SgdOp op, Frame &frame) {
  Tensor p = frame[op.getParameter()], v = frame[op.getVelocity()];
  const Tensor &g = frame[op.getGradient()];
  double lr = number(frame, op.getLr());
  double momentum = number(frame, op.getMomentum());
  double scale = number(frame, op.getScale());
  for (size_t i = 0; i < p.data.size() && !std::isnan(scale); ++i) {
    v.data[i] = momentum * v.data[i] + scale * g.data[i];
    p.data[i] -= lr * v.data[i];
  }
  frame.set(op.getUpdated(), std::move(p));
  frame.set(op.getNewVelocity(), std::move(v));
  return success();
}

static LogicalResult evalAdamw(train::AdamwOp op, Frame &frame) {
  Tensor p = frame[op.getParameter()], m = frame[op.getMean()],
         v = frame[op.getSquare()];
  const Tensor &gradient = frame[op.getGradient()];
  double lr = number(frame, op.getLr()), eps = number(frame, op.getEps());
  double beta1 = number(frame, op.getBeta1());
  double beta2 = number(frame, op.getBeta2());
  double decay = number(frame, op.getDecay());
  double scale = number(frame, op.getScale());
  double t = frame[op.getStep()].integers[0];
  double bias1 = 1 - std::pow(beta1, t), bias2 = 1 - std::pow(beta2, t);
  for (size_t i = 0; i < p.data.size() && !std::isnan(scale); ++i) {
    double g = scale * gradient.data[i];
    m.data[i] = beta1 * m.data[i] + (1 - beta1) * g;
    v.data[i] = beta2 * v.data[i] + (1 - beta2) * g * g;
    double step = m.data[i] / bias1 / (std::sqrt(v.data[i] / bias2) + eps);
    p.data[i] -= lr * (step + decay * p.data[i]);
  }
  frame.set(op.getUpdated(), std::move(p));
  frame.set(op.getNewMean(), std::move(m));
  frame.set(op.getNewSquare(), std::move(v));
  return success();
}

/// About the nearest matrix with orthogonal rows or columns (Newton-Schulz).
static Matrix orthogonalized(Matrix x) {
  bool tall = x.rows() > x.cols();
  if (tall)
    x = Matrix(x.transpose());
  x /= x.norm() + 1e-8;
  for (int i = 0; i < 5; ++i) {
    Matrix a = x * x.transpose();
    Matrix b = -4.775 * a + 2.0315 * (a * a);
    x = Matrix(3.4445 * x + b * x);
  }
  return tall ? Matrix(x.transpose()) : x;
}

static LogicalResult evalMuon(train::MuonOp op, Frame &frame) {
  Tensor p = frame[op.getParameter()], buffer = frame[op.getBuffer()];
  const Tensor &gradient = frame[op.getGradient()];
  double lr = number(frame, op.getLr()), scale = number(frame, op.getScale());
  double momentum = number(frame, op.getMomentum());
  double decay = number(frame, op.getDecay());
  if (!std::isnan(scale)) {
    Eigen::Map<Matrix> w(p.data.data(), p.shape[0], p.shape[1]);
    Eigen::Map<Matrix> m(buffer.data.data(), w.rows(), w.cols());
    Eigen::Map<const Matrix> g(gradient.data.data(), w.rows(), w.cols());
    m = scale * g + momentum * m;
    Matrix u = scale * g + momentum * m;
    int64_t axis = op.getAxis(), first = 0;
    for (int64_t size : op.getSplits().value_or(p.shape[axis])) {
      int64_t row = axis == 0 ? first : 0, column = axis == 0 ? 0 : first;
      int64_t rows = axis == 0 ? size : w.rows();
      int64_t columns = axis == 0 ? w.cols() : size;
      Matrix o = orthogonalized(u.block(row, column, rows, columns));
      auto part = w.block(row, column, rows, columns);
      double length = 0.2 * std::sqrt(double(std::max(rows, columns)));
      part -= lr * (length * o + decay * Matrix(part));
      first += size;
    }
  }
  frame.set(op.getUpdated(), std::move(p));
  frame.set(op.getNewBuffer(), std::move(buffer));
  return success();
}

//===----------------------------------------------------------------------===//
// States in 8 bits, rounding by chance
//===----------------------------------------------------------------------===//

static constexpr size_t blockSize = 256;

static int64_t nearest(const std::vector<float> &map, float x) {
  size_t above = llvm::lower_bound(map, x) - map.begin();
  if (above == 0)
    return 0;
  if (above == map.size())
    return map.size() - 1;
  bool lower = double(x) - map[above - 1] <= double(map[above]) - x;
  return lower ? above - 1 : above;
}

static LogicalResult evalEncodeState(train::EncodeStateOp op, Frame &frame) {
  const Tensor &x = frame[op.getInput()];
  std::vector<float> map = train::dynamicMap(op.getIsUnsigned());
  Tensor codes = Tensor::ofIntegers(x.shape);
  Tensor scales(cast<RankedTensorType>(op.getScales().getType()).getShape());
  for (size_t i = 0; i < x.data.size(); ++i) {
    double &scale = scales.data[i / blockSize];
    if (i % blockSize == 0)
      for (size_t j = i; j < std::min(i + blockSize, x.data.size()); ++j)
        scale = std::max(scale, std::abs(double(float(x.data[j]))));
    float share = scale == 0 ? 0 : float(float(x.data[i]) / float(scale));
    codes.integers[i] = nearest(map, share) - 128;
  }
  frame.set(op.getCodes(), std::move(codes));
  frame.set(op.getScales(), std::move(scales));
  return success();
}

static LogicalResult evalDecodeState(train::DecodeStateOp op, Frame &frame) {
  const Tensor &codes = frame[op.getCodes()], &scales = frame[op.getScales()];
  std::vector<float> map = train::dynamicMap(op.getIsUnsigned());
  Tensor y(codes.shape);
  for (size_t i = 0; i < y.data.size(); ++i)
    y.data[i] = map[codes.integers[i] + 128] * scales.data[i / blockSize];
  frame.set(op.getResult(), std::move(y));
  return success();
}

static LogicalResult evalStochasticRound(train::StochasticRoundOp op,
                                         Frame &frame) {
  Tensor y = frame[op.getInput()];
  uint64_t key = frame[op.getSeed()].integers[0] ^ op.getStream();
  uint64_t first = uint64_t(frame[op.getStep()].integers[0]) << 40;
  uint32_t words[4];
  for (size_t i = 0; i < y.data.size(); ++i) {
    if (i % 4 == 0)
      lowbit::philox(key, first + i / 4, words);
    float x = float(y.data[i]);
    if (std::isfinite(x)) {
      uint32_t bits;
      std::memcpy(&bits, &x, sizeof bits);
      bits = (bits + (words[i % 4] & 0xffff)) & 0xffff0000;
      std::memcpy(&x, &bits, sizeof bits);
    }
    y.data[i] = x;
  }
  frame.set(op.getResult(), std::move(y));
  return success();
}

void addOptimizers(Interpreter &interpreter) {
  interpreter.add(evalClipNorm);
  interpreter.add(evalSgd);
  interpreter.add(evalAdamw);
  interpreter.add(evalMuon);
  interpreter.add(evalEncodeState);
  interpreter.add(evalDecodeState);
  interpreter.add(evalStochasticRound);
}

} // namespace qopt::interpreter
