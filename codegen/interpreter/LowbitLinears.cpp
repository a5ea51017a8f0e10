// The meaning of layers whose weights are codes.

#include <Eigen/Core>

#include "qopt/codegen/interpreter/Elements.h"
#include "qopt/dialects/lowbit/Quantizer.h"

using namespace mlir;

namespace qopt::interpreter {

using Matrix =
    Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Map = Eigen::Map<Matrix>;
using ConstMap = Eigen::Map<const Matrix>;

namespace {

/// A weight [N, C] of codes, with the scale and the zero of each.
struct Codes {
  Codes(lowbit::SchemeAttr scheme, const Tensor &codes, const Tensor &scales,
        const Tensor *zeros)
      : codes(codes), scales(scales), zeros(zeros), C(codes.shape[1]),
        set(scheme.getPer() == lowbit::Granularity::tensor
                ? std::max<int64_t>(1, codes.integers.size())
                : scheme.getGroupSize(C)) {}

  double code(int64_t n, int64_t c) const {
    int64_t at = n * C + c;
    return codes.integers[at] - (zeros ? zeros->integers[at / set] : 0);
  }
  double scale(int64_t n, int64_t c) const {
    return scales.data[(n * C + c) / set];
  }

  const Tensor &codes, &scales, *zeros;
  int64_t C, set;
};

} // namespace

/// [N, C], exact: a code of at most 8 bits times a scale of 24.
static Matrix meantBy(const Codes &codes) {
  Matrix w(codes.codes.shape[0], codes.C);
  for (int64_t n = 0; n < w.rows(); ++n)
    for (int64_t c = 0; c < w.cols(); ++c)
      w(n, c) = codes.code(n, c) * codes.scale(n, c);
  return w;
}

static LogicalResult evalLinear(lowbit::LinearOp op, Frame &frame) {
  const Tensor &x = frame[op.getInput()]; // [..., C]
  Matrix w = meantBy({op.getScheme(), frame[op.getWeight()],
                      frame[op.getWeightScales()],
                      op.getZeros() ? &frame[op.getZeros()] : nullptr});
  int64_t N = w.rows(), C = w.cols();
  int64_t M = std::max(x.data.size(), x.integers.size()) / C;
  Matrix input(M, C);
  for (int64_t m = 0; m < M; ++m)
    for (int64_t c = 0; c < C; ++c)
      input(m, c) = op.getInputScales() ? double(x.integers[m * C + c]) *
                                              frame[op.getInputScales()].data[m]
                                        : x.data[m * C + c];
  SmallVector<int64_t> shape(x.shape);
  shape.back() = N;
  Tensor result(shape);
  Map y(result.data.data(), M, N);
  y.noalias() = input * w.transpose();
  if (op.getBias())
    y.rowwise() += Eigen::Map<const Eigen::RowVectorXd>(
        frame[op.getBias()].data.data(), N);
  frame.set(op.getResult(), std::move(result));
  return success();
}

static LogicalResult evalEmbedding(lowbit::EmbeddingOp op, Frame &frame) {
  const Tensor &ids = frame[op.getIds()];
  Codes table(op.getScheme(), frame[op.getTable()], frame[op.getScales()],
              op.getZeros() ? &frame[op.getZeros()] : nullptr);
  SmallVector<int64_t> shape(ids.shape);
  shape.push_back(table.C);
  Tensor result(shape);
  for (auto [row, id] : llvm::enumerate(ids.integers)) {
    if (id < 0 || id >= table.codes.shape[0])
      return op.emitOpError("expects ids below ")
             << table.codes.shape[0] << ", got " << id;
    for (int64_t c = 0; c < table.C; ++c)
      result.data[row * table.C + c] =
          float(table.code(id, c)) * float(table.scale(id, c));
  }
  frame.set(op.getResult(), std::move(result));
  return success();
}

static LogicalResult evalLoraLinear(lowbit::LoraLinearOp op, Frame &frame) {
  const Tensor &x = frame[op.getInput()], &a = frame[op.getA()],
               &b = frame[op.getB()];
  int64_t R = a.shape[0], C = a.shape[1], N = b.shape[0];
  int64_t M = x.data.size() / C;
  Tensor result = frame[op.getBase()];
  Matrix u =
      ConstMap(x.data.data(), M, C) * ConstMap(a.data.data(), R, C).transpose();
  Map(result.data.data(), M, N) +=
      op.getScale().convertToDouble() *
      (u * ConstMap(b.data.data(), N, R).transpose());
  frame.set(op.getResult(), std::move(result));
  return success();
}

void addLowbitLinears(Interpreter &interpreter) {
  interpreter.add(evalLinear);
  interpreter.add(evalEmbedding);
  interpreter.add(evalLoraLinear);
}

} // namespace qopt::interpreter
