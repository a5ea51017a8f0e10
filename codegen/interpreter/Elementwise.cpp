// The meaning of the ops that compute each element from those at its place.

#include <cmath>
#include <limits>

#include "qopt/codegen/interpreter/Elements.h"
#include "qopt/dialects/nn/Nn.h"

using namespace mlir;

namespace qopt::interpreter {

//===----------------------------------------------------------------------===//
// One operand
//===----------------------------------------------------------------------===//

template <typename OpT>
static void addUnary(Interpreter &interpreter, double (*compute)(double),
                     int64_t (*ofInteger)(int64_t) = nullptr) {
  interpreter.add<OpT>([=](OpT op, Frame &frame) {
    Tensor y = frame[op.getInput()];
    for (double &x : y.data)
      x = compute(x);
    for (int64_t &x : y.integers)
      x = ofInteger(x);
    frame.set(op.getResult(), std::move(y));
    return success();
  });
}

/// A question about each float.
template <typename OpT>
static void addTest(Interpreter &interpreter, bool (*ask)(double)) {
  interpreter.add<OpT>([=](OpT op, Frame &frame) {
    const Tensor &x = frame[op.getInput()];
    Tensor y = Tensor::ofIntegers(x.shape);
    for (auto [to, from] : llvm::zip(y.integers, x.data))
      to = ask(from);
    frame.set(op.getResult(), std::move(y));
    return success();
  });
}

static int64_t negate(int64_t x) { return -static_cast<uint64_t>(x); }
static double silu(double x) { return x / (1 + std::exp(-x)); }

static void addUnaries(Interpreter &interpreter) {
  addUnary<nn::NegOp>(
      interpreter, [](double x) { return -x; }, negate);
  addUnary<nn::AbsOp>(interpreter, std::fabs,
                      [](int64_t x) { return x < 0 ? negate(x) : x; });
  addUnary<nn::NotOp>(interpreter, nullptr,
                      [](int64_t x) -> int64_t { return !x; });
  addUnary<nn::ExpOp>(interpreter, std::exp);
  addUnary<nn::LogOp>(interpreter, std::log);
  addUnary<nn::SqrtOp>(interpreter, std::sqrt);
  addUnary<nn::RsqrtOp>(interpreter, [](double x) { return 1 / std::sqrt(x); });
  addUnary<nn::ReciprocalOp>(interpreter, [](double x) { return 1 / x; });
  addUnary<nn::SinOp>(interpreter, std::sin);
  addUnary<nn::CosOp>(interpreter, std::cos);
  addUnary<nn::TanhOp>(interpreter, std::tanh);
  addUnary<nn::ErfOp>(interpreter, std::erf);
  addUnary<nn::SigmoidOp>(interpreter,
                          [](double x) { return 1 / (1 + std::exp(-x)); });
  addUnary<nn::SiluOp>(interpreter, silu);
  addUnary<nn::ReluOp>(interpreter, [](double x) { return x < 0 ? 0 : x; });
  addUnary<nn::FloorOp>(interpreter, std::floor);
  addUnary<nn::CeilOp>(interpreter, std::ceil);
  addUnary<nn::RoundOp>(interpreter, std::nearbyint); // ties to even
  addTest<nn::IsNanOp>(interpreter, [](double x) { return std::isnan(x); });
  addTest<nn::IsInfOp>(interpreter, [](double x) { return std::isinf(x); });
}

//===----------------------------------------------------------------------===//
// Two operands
//===----------------------------------------------------------------------===//

/// Calls visit(i, a, b) for every element i of the result and the elements a of
/// `lhs` and b of `rhs` that meet there.
template <typename Visit>
static void forEachPair(ArrayRef<int64_t> shape, Value lhs, Value rhs,
                        const Frame &frame, Visit visit) {
  Shape ofLhs = broadcastStrides(lhs, shape.size(), frame);
  Shape ofRhs = broadcastStrides(rhs, shape.size(), frame);
  size_t i = 0;
  forEachIndex(shape, [&](ArrayRef<int64_t> index) {
    visit(i++, offsetOf(index, ofLhs), offsetOf(index, ofRhs));
  });
}

/// `ofIntegers` gives nothing where there is no result.
template <typename OpT>
static void
addBinary(Interpreter &interpreter, double (*ofFloats)(double, double),
          std::optional<int64_t> (*ofIntegers)(int64_t, int64_t) = nullptr) {
  interpreter.add<OpT>([=](OpT op, Frame &frame) -> LogicalResult {
    Value lhs = op.getLhs(), rhs = op.getRhs();
    auto shape = broadcastShape(op, op->getOperands(), frame);
    if (failed(shape))
      return failure();
    const Tensor &x = frame[lhs], &y = frame[rhs];
    Tensor z = Tensor::of(elementOf(lhs), *shape);
    bool defined = true;
    forEachPair(*shape, lhs, rhs, frame, [&](size_t i, int64_t a, int64_t b) {
      if (!z.data.empty()) {
        z.data[i] = ofFloats(x.data[a], y.data[b]);
        return;
      }
      auto value = ofIntegers(x.integers[a], y.integers[b]);
      defined &= value.has_value();
      z.integers[i] = value.value_or(0);
    });
    if (!defined)
      return op.emitOpError("divides an integer by 0");
    frame.set(op.getResult(), std::move(z));
    return success();
  });
}

using Integer = std::optional<int64_t>;

/// Toward zero; the least integer by -1 wraps to itself.
static Integer divide(int64_t x, int64_t y) {
  if (y == 0)
    return {};
  return y == -1 ? negate(x) : x / y;
}

/// With the sign of the divisor, as in Python.
static Integer remainder(int64_t x, int64_t y) {
  if (y == 0)
    return {};
  int64_t rest = y == -1 ? 0 : x % y;
  return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
}

static double remainder(double x, double y) {
  double rest = std::fmod(x, y);
  return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
}

/// NaN if either is.
static double larger(double x, double y) {
  return std::isnan(x) || x > y ? x : y;
}
static double smaller(double x, double y) {
  return std::isnan(x) || x < y ? x : y;
}

static void addBinaries(Interpreter &interpreter) {
  addBinary<nn::AddOp>(
      interpreter, [](double x, double y) { return x + y; },
      [](int64_t x, int64_t y) -> Integer { return uint64_t(x) + y; });
  addBinary<nn::SubOp>(
      interpreter, [](double x, double y) { return x - y; },
      [](int64_t x, int64_t y) -> Integer { return uint64_t(x) - y; });
  addBinary<nn::MulOp>(
      interpreter, [](double x, double y) { return x * y; },
      [](int64_t x, int64_t y) -> Integer { return uint64_t(x) * y; });
  addBinary<nn::DivOp>(
      interpreter, [](double x, double y) { return x / y; }, divide);
  addBinary<nn::RemainderOp>(interpreter, remainder, remainder);
  addBinary<nn::PowOp>(interpreter, std::pow);
  addBinary<nn::MaximumOp>(
      interpreter, larger,
      [](int64_t x, int64_t y) -> Integer { return std::max(x, y); });
  addBinary<nn::MinimumOp>(
      interpreter, smaller,
      [](int64_t x, int64_t y) -> Integer { return std::min(x, y); });
  addBinary<nn::AndOp>(interpreter, nullptr,
                       [](int64_t x, int64_t y) -> Integer { return x & y; });
  addBinary<nn::OrOp>(interpreter, nullptr,
                      [](int64_t x, int64_t y) -> Integer { return x | y; });
  addBinary<nn::XorOp>(interpreter, nullptr,
                       [](int64_t x, int64_t y) -> Integer { return x ^ y; });
}

template <typename Number>
static bool holds(nn::Predicate predicate, Number x, Number y) {
  switch (predicate) {
  case nn::Predicate::eq:
    return x == y;
  case nn::Predicate::ne:
    return x != y;
  case nn::Predicate::lt:
    return x < y;
  case nn::Predicate::le:
    return x <= y;
  case nn::Predicate::gt:
    return x > y;
  case nn::Predicate::ge:
    return x >= y;
  }
  llvm_unreachable("no such predicate");
}

static LogicalResult evalCompare(nn::CompareOp op, Frame &frame) {
  Value lhs = op.getLhs(), rhs = op.getRhs();
  auto shape = broadcastShape(op, op->getOperands(), frame);
  if (failed(shape))
    return failure();
  const Tensor &x = frame[lhs], &y = frame[rhs];
  bool isFloat = isa<FloatType>(elementOf(lhs));
  Tensor z = Tensor::ofIntegers(*shape);
  forEachPair(*shape, lhs, rhs, frame, [&](size_t i, int64_t a, int64_t b) {
    z.integers[i] =
        isFloat ? holds(op.getPredicate(), x.data[a], y.data[b])
                : holds(op.getPredicate(), x.integers[a], y.integers[b]);
  });
  frame.set(op.getResult(), std::move(z));
  return success();
}

static LogicalResult evalSwiglu(nn::SwigluOp op, Frame &frame) {
  const Tensor &up = frame[op.getUp()];
  Tensor y = frame[op.getGate()];
  if (y.shape != up.shape)
    return op.emitOpError("expects gate and up of one shape, got [")
           << y.shape << "] and [" << up.shape << "]";
  for (auto [gate, factor] : llvm::zip(y.data, up.data))
    gate = silu(gate) * factor;
  frame.set(op.getResult(), std::move(y));
  return success();
}

//===----------------------------------------------------------------------===//
// Choosing and converting
//===----------------------------------------------------------------------===//

static LogicalResult evalSelect(nn::SelectOp op, Frame &frame) {
  auto shape = broadcastShape(op, op->getOperands(), frame);
  if (failed(shape))
    return failure();
  auto strides = [&](Value operand) {
    return broadcastStrides(operand, shape->size(), frame);
  };
  Shape ofCondition = strides(op.getCondition());
  Shape ofTrue = strides(op.getOnTrue()), ofFalse = strides(op.getOnFalse());
  const Tensor &condition = frame[op.getCondition()];
  Tensor result = Tensor::of(elementOf(op.getOnTrue()), *shape);
  size_t i = 0;
  forEachIndex(*shape, [&](ArrayRef<int64_t> index) {
    bool yes = condition.integers[offsetOf(index, ofCondition)];
    const Tensor &from = frame[yes ? op.getOnTrue() : op.getOnFalse()];
    int64_t offset = offsetOf(index, yes ? ofTrue : ofFalse);
    if (!result.data.empty())
      result.data[i] = from.data[offset];
    else
      result.integers[i] = from.integers[offset];
    ++i;
  });
  frame.set(op.getResult(), std::move(result));
  return success();
}

/// Toward zero; beyond the range the end of it; NaN is 0.
static int64_t toInteger(double x, unsigned width) {
  double limit = std::ldexp(1, width - 1);
  if (std::isnan(x))
    return 0;
  if (x >= limit)
    return llvm::maxIntN(width);
  return x < -limit ? llvm::minIntN(width) : static_cast<int64_t>(x);
}

/// One rounding, where double cannot hold the integer.
static double toFloat(int64_t x, FloatType type, bool widen) {
  if (widen || std::abs(static_cast<double>(x)) < std::ldexp(1, 53))
    return x;
  APFloat value(type.getFloatSemantics());
  value.convertFromAPInt(APInt(64, x), /*IsSigned=*/true,
                         APFloat::rmNearestTiesToEven);
  return value.convertToDouble();
}

static LogicalResult evalCast(nn::CastOp op, Frame &frame) {
  const Tensor &x = frame[op.getInput()];
  Type from = elementOf(op.getInput()), to = elementOf(op.getResult());
  Tensor y = Tensor::of(to, x.shape);
  unsigned width = to.getIntOrFloatBitWidth();
  for (size_t i = 0, n = count(x.shape); i < n; ++i) {
    if (isa<FloatType>(from) && isa<FloatType>(to))
      y.data[i] = x.data[i];
    else if (auto type = dyn_cast<FloatType>(to))
      y.data[i] = toFloat(x.integers[i], type, frame.options.widen);
    else if (isa<FloatType>(from))
      y.integers[i] = width == 1 ? x.data[i] != 0 : toInteger(x.data[i], width);
    else
      y.integers[i] = width == 1 ? x.integers[i] != 0 : x.integers[i];
  }
  frame.set(op.getResult(), std::move(y));
  return success();
}

void addElementwise(Interpreter &interpreter) {
  addUnaries(interpreter);
  addBinaries(interpreter);
  interpreter.add(evalCompare);
  interpreter.add(evalSwiglu);
  interpreter.add(evalSelect);
  interpreter.add(evalCast);
}

} // namespace qopt::interpreter
