// The meaning of a classifier together with its loss.

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

/// The logits of all rows, [M, V].
static Matrix product(const Tensor &x, const Tensor &w) {
  int64_t V = w.shape[0], C = w.shape[1], M = x.data.size() / C;
  return ConstMap(x.data.data(), M, C) *
         ConstMap(w.data.data(), V, C).transpose();
}

/// ln(e^z / sum(e^z)) in place of each row z.
static void toLogShares(Matrix &z) {
  for (int64_t m = 0; m < z.rows(); ++m) {
    double largest = z.row(m).maxCoeff();
    double sum = (z.row(m).array() - largest).exp().sum();
    z.row(m).array() -= std::log(sum) + largest;
  }
}

namespace {

/// What either op computes first.
struct Shares {
  Matrix student, teacher; ///< logarithms; teacher: of no rows without one
  double kl = 0, ce = 1;

  /// 0 ln 0 is 0.
  double divergence(int64_t m) const {
    double sum = 0;
    for (int64_t v = 0; v < teacher.cols(); ++v)
      if (double p = std::exp(teacher(m, v)); p != 0)
        sum += p * (teacher(m, v) - student(m, v));
    return sum;
  }
  double loss(int64_t m, int64_t target) const {
    double entropy = -student(m, target);
    return teacher.rows() ? ce * entropy + kl * divergence(m) : entropy;
  }
};

} // namespace

/// An error if a target is no word.
template <typename Op> static FailureOr<Shares> sharesOf(Op op, Frame &frame) {
  const Tensor &x = frame[op.getInput()], &w = frame[op.getWeight()];
  const Tensor &targets = frame[op.getTargets()];
  for (int64_t target : targets.integers)
    if (target < 0 || target >= w.shape[0])
      return op.emitOpError("expects targets in [0, ")
             << w.shape[0] << "), got " << target;
  auto hasRows = [&](const Tensor &tensor) {
    return ArrayRef(targets.shape) == ArrayRef(tensor.shape).drop_back();
  };
  if (!hasRows(x))
    return op.emitOpError("expects a target for each row of [")
           << x.shape << "], got [" << targets.shape << "]";
  Shares shares;
  shares.student = product(x, w);
  toLogShares(shares.student);
  if (!op.getTeacherInput())
    return shares;
  const Tensor &u = frame[op.getTeacherInput()];
  if (!hasRows(u))
    return op.emitOpError("expects a target for each row of [")
           << u.shape << "], got [" << targets.shape << "]";
  shares.teacher = product(u, frame[op.getTeacherWeight()]);
  toLogShares(shares.teacher);
  shares.kl = op.getKl()->convertToDouble();
  shares.ce = op.getCe()->convertToDouble();
  return shares;
}

static LogicalResult evalClassifierLoss(train::ClassifierLossOp op,
                                        Frame &frame) {
  auto shares = sharesOf(op, frame);
  if (failed(shares))
    return failure();
  const Tensor &targets = frame[op.getTargets()];
  Tensor loss(targets.shape);
  for (auto [m, target] : llvm::enumerate(targets.integers))
    loss.data[m] = shares->loss(m, target);
  frame.set(op.getResult(), std::move(loss));
  return success();
}

static LogicalResult evalClassifierLossGrad(train::ClassifierLossGradOp op,
                                            Frame &frame) {
  auto shares = sharesOf(op, frame);
  if (failed(shares))
    return failure();
  const Tensor &dy = frame[op.getDy()], &targets = frame[op.getTargets()];
  const Tensor &x = frame[op.getInput()], &w = frame[op.getWeight()];
  int64_t V = w.shape[0], C = w.shape[1], M = shares->student.rows();
  Tensor loss(targets.shape), dx(x.shape), dw(w.shape);
  Matrix dz = Matrix::Zero(M, V); // where dy is 0, whatever the logits are
  for (auto [m, target] : llvm::enumerate(targets.integers)) {
    loss.data[m] = shares->loss(m, target);
    if (dy.data[m] == 0)
      continue;
    auto own = shares->student.row(m).array().exp();
    dz.row(m) = own;
    dz(m, target) -= 1;
    if (shares->teacher.rows())
      dz.row(m) = shares->ce * dz.row(m).array() +
                  shares->kl * (own - shares->teacher.row(m).array().exp());
    dz.row(m) *= dy.data[m];
  }
  Map(dx.data.data(), M, C).noalias() = dz * ConstMap(w.data.data(), V, C);
  frame.set(op.getResult(), std::move(loss));
  frame.set(op.getDinput(), std::move(dx));
  if (!op.getDweight())
    return success();
  Map(dw.data.data(), V, C).noalias() =
      dz.transpose() * ConstMap(x.data.data(), M, C);
  frame.set(op.getDweight(), std::move(dw));
  return success();
}

void addClassifiers(Interpreter &interpreter) {
  interpreter.add(evalClassifierLoss);
  interpreter.add(evalClassifierLossGrad);
}

} // namespace qopt::interpreter
