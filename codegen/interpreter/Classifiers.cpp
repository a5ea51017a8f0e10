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

/// The logits of all rows, [M, V]; an error if a target is none of theirs.
static FailureOr<Matrix> logitsOf(Operation *op, const Tensor &x,
                                  const Tensor &w, const Tensor &targets) {
  int64_t V = w.shape[0], C = w.shape[1], M = x.data.size() / C;
  for (int64_t target : targets.integers)
    if (target < 0 || target >= V)
      return op->emitOpError("expects targets in [0, ")
             << V << "), got " << target;
  if (ArrayRef(targets.shape) != ArrayRef(x.shape).drop_back())
    return op->emitOpError("expects a target for each row of [")
           << x.shape << "], got [" << targets.shape << "]";
  return Matrix(ConstMap(x.data.data(), M, C) *
                ConstMap(w.data.data(), V, C).transpose());
}

static LogicalResult evalClassifierLoss(train::ClassifierLossOp op,
                                        Frame &frame) {
  const Tensor &targets = frame[op.getTargets()];
  auto z = logitsOf(op, frame[op.getInput()], frame[op.getWeight()], targets);
  if (failed(z))
    return failure();
  Tensor loss(targets.shape);
  for (auto [m, target] : llvm::enumerate(targets.integers)) {
    double largest = z->row(m).maxCoeff();
    double sum = (z->row(m).array() - largest).exp().sum();
    loss.data[m] = std::log(sum) + largest - (*z)(m, target);
  }
  frame.set(op.getResult(), std::move(loss));
  return success();
}

static LogicalResult evalClassifierLossGrad(train::ClassifierLossGradOp op,
                                            Frame &frame) {
  const Tensor &dy = frame[op.getDy()], &targets = frame[op.getTargets()];
  const Tensor &x = frame[op.getInput()], &w = frame[op.getWeight()];
  auto z = logitsOf(op, x, w, targets);
  if (failed(z))
    return failure();
  int64_t V = w.shape[0], C = w.shape[1], M = z->rows();
  for (auto [m, target] : llvm::enumerate(targets.integers)) {
    auto row = z->row(m); // becomes dz
    if (dy.data[m] == 0) {
      row.setZero(); // NaN in it included
      continue;
    }
    row = (row.array() - row.maxCoeff()).exp().matrix().eval();
    row /= row.sum();
    row[target] -= 1;
    row *= dy.data[m];
  }
  Tensor dx(x.shape), dw(w.shape);
  Map(dx.data.data(), M, C).noalias() = *z * ConstMap(w.data.data(), V, C);
  Map(dw.data.data(), V, C).noalias() =
      z->transpose() * ConstMap(x.data.data(), M, C);
  frame.set(op.getDinput(), std::move(dx));
  frame.set(op.getDweight(), std::move(dw));
  return success();
}

void addClassifiers(Interpreter &interpreter) {
  interpreter.add(evalClassifierLoss);
  interpreter.add(evalClassifierLossGrad);
}

} // namespace qopt::interpreter
