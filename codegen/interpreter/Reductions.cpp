// The meaning of the ops that make one element of many, and of softmax.

#include <cmath>

#include "qopt/codegen/interpreter/Elements.h"
#include "qopt/dialects/nn/Nn.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace qopt::interpreter {

/// What the reduction of nothing gives.
static double initial(nn::Reduction kind) {
  if (kind == nn::Reduction::max)
    return -HUGE_VAL;
  if (kind == nn::Reduction::min)
    return HUGE_VAL;
  return kind == nn::Reduction::prod;
}

/// The same for integers of `width` bits: the ends of their range.
static int64_t initial(nn::Reduction kind, unsigned width) {
  if (kind == nn::Reduction::max)
    return width == 1 ? false : llvm::minIntN(width);
  if (kind == nn::Reduction::min)
    return width == 1 ? true : llvm::maxIntN(width);
  return kind == nn::Reduction::prod;
}

static double combine(nn::Reduction kind, double x, double y) {
  switch (kind) {
  case nn::Reduction::sum:
  case nn::Reduction::mean:
    return x + y;
  case nn::Reduction::prod:
    return x * y;
  case nn::Reduction::max:
    return std::isnan(x) || x > y ? x : y;
  case nn::Reduction::min:
    return std::isnan(x) || x < y ? x : y;
  }
  llvm_unreachable("no such reduction");
}

static int64_t combine(nn::Reduction kind, int64_t x, int64_t y) {
  switch (kind) {
  case nn::Reduction::sum:
  case nn::Reduction::mean:
    return uint64_t(x) + y;
  case nn::Reduction::prod:
    return uint64_t(x) * y;
  case nn::Reduction::max:
    return std::max(x, y);
  case nn::Reduction::min:
    return std::min(x, y);
  }
  llvm_unreachable("no such reduction");
}

static LogicalResult evalReduce(nn::ReduceOp op, Frame &frame) {
  const Tensor &x = frame[op.getInput()];
  nn::Reduction kind = op.getKind();
  Shape kept, shape = x.shape; // with 1 for each axis that goes; the result's
  int64_t group = 1;
  for (int64_t axis : op.getAxes()) {
    group *= shape[axis];
    shape[axis] = 1;
  }
  Shape strides = stridesOf(shape);
  for (auto [axis, size] : llvm::enumerate(shape)) {
    bool gone = llvm::is_contained(op.getAxes(), int64_t(axis));
    if (gone)
      strides[axis] = 0;
    if (!gone || op.getKeepDims())
      kept.push_back(size);
  }
  Tensor y = Tensor::of(elementOf(op.getInput()), kept);
  auto reduce = [&](auto &from, auto &to, auto nothing) {
    llvm::fill(to, nothing);
    size_t i = 0;
    forEachIndex(x.shape, [&](ArrayRef<int64_t> index) {
      auto &sum = to[offsetOf(index, strides)];
      sum = combine(kind, sum, from[i++]);
    });
    if (kind == nn::Reduction::mean)
      for (auto &sum : to)
        sum /= group;
  };
  Type element = elementOf(op.getInput());
  if (isa<FloatType>(element))
    reduce(x.data, y.data, initial(kind));
  else if (kind == nn::Reduction::mean && group == 0)
    return op.emitOpError("has no mean of no integers");
  else
    reduce(x.integers, y.integers,
           initial(kind, std::min(element.getIntOrFloatBitWidth(), 64u)));
  frame.set(op.getResult(), std::move(y));
  return success();
}

static LogicalResult evalCumsum(nn::CumsumOp op, Frame &frame) {
  const Tensor &x = frame[op.getInput()];
  AxisView view(x.shape, op.getAxis());
  Tensor y = Tensor::of(elementOf(op.getInput()), x.shape);
  auto scan = [&](auto &from, auto &to) {
    for (int64_t line = 0; line < view.outer * view.inner; ++line) {
      int64_t first =
          line / view.inner * view.size * view.inner + line % view.inner;
      std::decay_t<decltype(from[0])> sum = 0;
      for (int64_t k = 0; k < view.size; ++k) {
        int64_t place = op.getReverse() ? view.size - 1 - k : k;
        int64_t i = first + place * view.inner;
        auto before = sum;
        sum = combine(nn::Reduction::sum, sum, from[i]);
        to[i] = op.getExclusive() ? before : sum;
      }
    }
  };
  if (isa<FloatType>(elementOf(op.getInput())))
    scan(x.data, y.data);
  else
    scan(x.integers, y.integers);
  frame.set(op.getResult(), std::move(y));
  return success();
}

static LogicalResult evalSoftmax(nn::SoftmaxOp op, Frame &frame) {
  const Tensor &x = frame[op.getInput()];
  AxisView view(x.shape, op.getAxis());
  Tensor y(x.shape);
  for (int64_t line = 0; line < view.outer * view.inner; ++line) {
    int64_t first =
        line / view.inner * view.size * view.inner + line % view.inner;
    double largest = -HUGE_VAL, sum = 0;
    for (int64_t k = 0; k < view.size; ++k)
      largest =
          combine(nn::Reduction::max, largest, x.data[first + k * view.inner]);
    for (int64_t k = 0; k < view.size; ++k) {
      int64_t i = first + k * view.inner;
      sum += y.data[i] = std::exp(x.data[i] - largest);
    }
    for (int64_t k = 0; k < view.size; ++k)
      y.data[first + k * view.inner] /= sum;
  }
  frame.set(op.getResult(), std::move(y));
  return success();
}

/// ln(sum(e^x)) without overflow.
static double logSumExp(ArrayRef<double> x) {
  double largest = -HUGE_VAL, sum = 0;
  for (double logit : x)
    largest = combine(nn::Reduction::max, largest, logit);
  for (double logit : x)
    sum += std::exp(logit - largest);
  return std::log(sum) + largest;
}

static LogicalResult evalCrossEntropy(nn::CrossEntropyOp op, Frame &frame) {
  const Tensor &logits = frame[op.getLogits()];   // [..., V]
  const Tensor &targets = frame[op.getTargets()]; // [...]
  ArrayRef<int64_t> rows = ArrayRef(logits.shape).drop_back();
  if (ArrayRef(targets.shape) != rows)
    return op.emitOpError("expects targets of shape [")
           << rows << "], got [" << targets.shape << "]";
  int64_t V = logits.shape.back();
  Tensor loss(rows);
  for (size_t row = 0; row < loss.data.size(); ++row) {
    int64_t target = targets.integers[row];
    if (target < 0 || target >= V)
      return op.emitOpError("expects targets in [0, ")
             << V << "), got " << target;
    ArrayRef<double> x(&logits.data[row * V], V);
    loss.data[row] = logSumExp(x) - x[target];
  }
  frame.set(op.getResult(), std::move(loss));
  return success();
}

static LogicalResult evalKlDivergence(nn::KlDivergenceOp op, Frame &frame) {
  const Tensor &student = frame[op.getStudent()]; // [..., V]
  const Tensor &teacher = frame[op.getTeacher()];
  if (student.shape != teacher.shape)
    return op.emitOpError("expects a teacher of shape [")
           << student.shape << "], got [" << teacher.shape << "]";
  int64_t V = student.shape.back();
  Tensor loss(ArrayRef(student.shape).drop_back());
  for (size_t row = 0; row < loss.data.size(); ++row) {
    ArrayRef<double> x(&student.data[row * V], V), z(&teacher.data[row * V], V);
    double ofX = logSumExp(x), ofZ = logSumExp(z);
    for (int64_t v = 0; v < V; ++v)
      if (double p = std::exp(z[v] - ofZ); p != 0)
        loss.data[row] += p * ((z[v] - ofZ) - (x[v] - ofX));
  }
  frame.set(op.getResult(), std::move(loss));
  return success();
}

void addReductions(Interpreter &interpreter) {
  interpreter.add(evalReduce);
  interpreter.add(evalCumsum);
  interpreter.add(evalSoftmax);
  interpreter.add(evalCrossEntropy);
  interpreter.add(evalKlDivergence);
}

} // namespace qopt::interpreter
