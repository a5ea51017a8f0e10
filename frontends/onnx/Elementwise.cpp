// Elementwise ops: computed at import where the elements are known sizes.

#include <cmath>

#include "qopt/frontends/onnx/Importer.h"
#include "qopt/frontends/onnx/Node.h"

using namespace mlir;

namespace qopt::onnx {

//===----------------------------------------------------------------------===//
// Known contents
//===----------------------------------------------------------------------===//

/// The place in an operand of shape `own` of the `flat`-th element of a result.
static int64_t broadcastPlace(ArrayRef<int64_t> shape, ArrayRef<int64_t> own,
                              int64_t flat) {
  int64_t place = 0, stride = 1;
  for (size_t back = 1; back <= shape.size(); ++back) {
    int64_t size = shape[shape.size() - back], at = flat % size;
    flat /= size;
    if (back > own.size())
      continue;
    int64_t mine = own[own.size() - back];
    place += (mine == 1 ? 0 : at) * stride;
    stride *= mine;
  }
  return place;
}

/// Applies `compute` to the operands' known elements; false if they are not
/// known, or the result is not.
template <typename Element, typename Get>
static bool
foldWith(Node &node, RankedTensorType type, Get get,
         function_ref<std::optional<Element>(ArrayRef<Element>)> compute,
         llvm::function_ref<void(SmallVector<Element>)> keep) {
  if (!type.hasStaticShape() || type.getNumElements() > maxContents)
    return false;
  SmallVector<Element> result;
  for (int64_t flat = 0; flat < type.getNumElements(); ++flat) {
    SmallVector<Element> operands;
    for (int i = 0; i < node.inputs(); ++i) {
      const auto *known = get(i);
      if (!known)
        return false;
      operands.push_back((*known)[broadcastPlace(
          type.getShape(), node.type(i).getShape(), flat)]);
    }
    std::optional<Element> value = compute(operands);
    if (!value)
      return false;
    result.push_back(*value);
  }
  keep(std::move(result));
  return true;
}

using IntegerRule = std::optional<AffineExpr> (*)(Node &, ArrayRef<AffineExpr>);
using RealRule = double (*)(ArrayRef<double>);

/// The type of the result, elements of `element`; null after an error.
static RankedTensorType resultType(Node &node, Type element) {
  SmallVector<int64_t> shape;
  for (int i = 0; i < node.inputs(); ++i) {
    auto next = nn::broadcastShapes(shape, node.type(i).getShape());
    if (failed(next))
      return {};
    shape = *next;
  }
  return RankedTensorType::get(shape, element);
}

/// Whether an expression has few enough parts to be simplified: squares of
/// squares double with each node.
static bool isShort(AffineExpr expr) {
  SmallVector<AffineExpr> open{expr};
  for (int parts = 0; !open.empty(); ++parts) {
    if (parts > 128)
      return false;
    if (auto binary = dyn_cast<AffineBinaryOpExpr>(open.pop_back_val())) {
      open.push_back(binary.getLHS());
      open.push_back(binary.getRHS());
    }
  }
  return true;
}

static bool fold(Node &node, Type element, IntegerRule integers,
                 RealRule reals) {
  RankedTensorType type = resultType(node, element);
  if (!type)
    return false;
  Tensor result;
  result.type = type;
  bool done = false;
  if (integers)
    done = foldWith<AffineExpr>(
        node, type, [&](int i) { return node.integers(i); },
        [&](ArrayRef<AffineExpr> operands) -> std::optional<AffineExpr> {
          auto value = integers(node, operands);
          if (!value || !isShort(*value))
            return std::nullopt;
          return simplified(*value, node.importer.symbolCount());
        },
        [&](SmallVector<AffineExpr> values) {
          result.integers = Exprs(values);
        });
  if (!done && reals)
    done = foldWith<double>(
        node, type,
        [&](int i) {
          Tensor &own = node.tensor(i);
          return own.reals ? &*own.reals : nullptr;
        },
        [&](ArrayRef<double> operands) -> std::optional<double> {
          double value = reals(operands);
          return type.getElementType().isF32() ? double(float(value)) : value;
        },
        [&](SmallVector<double> values) {
          result.reals.emplace(values.begin(), values.end());
        });
  if (done)
    node.set(0, std::move(result));
  return done;
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

static LogicalResult checkBroadcast(Node &node) {
  Exprs all;
  for (int i = 0; i < node.inputs(); ++i) {
    auto next = node.broadcastDims(all, node.dims(i));
    if (failed(next))
      return failure();
    all = *next;
  }
  return success();
}

static LogicalResult checkTypes(Node &node, int first) {
  for (int i = first + 1; i < node.inputs(); ++i)
    if (node.type(i).getElementType() != node.type(first).getElementType())
      return node.invalid("has operands of different element types");
  return success();
}

template <typename OpT, IntegerRule integers = nullptr,
          RealRule reals = nullptr>
static LogicalResult binary(Node &node) {
  if (failed(node.expectInputs(2)) || failed(checkTypes(node, 0)))
    return failure();
  if (fold(node, node.type(0).getElementType(), integers, reals))
    return success();
  if (failed(checkBroadcast(node)))
    return failure();
  node.set(0, node.create<OpT>(node.input(0), node.input(1)));
  return success();
}

template <typename OpT, IntegerRule integers = nullptr,
          RealRule reals = nullptr>
static LogicalResult unary(Node &node) {
  if (failed(node.expectInputs(1)))
    return failure();
  if (fold(node, node.type(0).getElementType(), integers, reals))
    return success();
  node.set(0, node.create<OpT>(node.type(0), node.input(0)));
  return success();
}

template <typename OpT> static LogicalResult boolean(Node &node) {
  if (failed(node.expectInputs(1)))
    return failure();
  if (!isa<FloatType>(node.type(0).getElementType()))
    return node.invalid("expects floats");
  node.set(0, node.create<OpT>(node.input(0)));
  return success();
}

/// More than two operands, one after the other.
template <typename OpT, IntegerRule integers>
static LogicalResult variadic(Node &node) {
  if (failed(node.expectInputs(1)) || failed(checkTypes(node, 0)))
    return failure();
  if (fold(node, node.type(0).getElementType(), integers, nullptr))
    return success();
  if (failed(checkBroadcast(node)))
    return failure();
  Value result = node.input(0);
  for (int i = 1; i < node.inputs(); ++i)
    result = node.create<OpT>(result, node.input(i));
  node.set(0, result);
  return success();
}

/// Whether a - b is a constant, and which.
static std::optional<int64_t> difference(Node &node, AffineExpr a,
                                         AffineExpr b) {
  AffineExpr d = simplified(a - b, node.importer.symbolCount());
  if (auto constant = dyn_cast<AffineConstantExpr>(d))
    return constant.getValue();
  // A size is never negative: one that is compared with -1 is another.
  auto negative = [](AffineExpr expr) {
    auto constant = dyn_cast<AffineConstantExpr>(expr);
    return constant && constant.getValue() < 0;
  };
  if (negative(b))
    return 1;
  if (negative(a))
    return -1;
  return std::nullopt;
}

template <nn::Predicate predicate>
static std::optional<AffineExpr> compared(Node &node, ArrayRef<AffineExpr> x) {
  auto d = difference(node, x[0], x[1]);
  if (!d)
    return std::nullopt;
  using P = nn::Predicate;
  bool yes = predicate == P::eq   ? *d == 0
             : predicate == P::lt ? *d < 0
             : predicate == P::le ? *d <= 0
             : predicate == P::gt ? *d > 0
                                  : *d >= 0;
  return node.expr(yes);
}

template <nn::Predicate predicate> static LogicalResult comparison(Node &node) {
  if (failed(node.expectInputs(2)) || failed(checkTypes(node, 0)))
    return failure();
  if (fold(node, node.builder().getI1Type(), compared<predicate>, nullptr))
    return success();
  if (failed(checkBroadcast(node)))
    return failure();
  node.set(0,
           node.create<nn::CompareOp>(
               nn::PredicateAttr::get(node.builder().getContext(), predicate),
               node.input(0), node.input(1)));
  return success();
}

static std::optional<AffineExpr> chosen(Node &, ArrayRef<AffineExpr> x) {
  auto condition = dyn_cast<AffineConstantExpr>(x[0]);
  if (!condition)
    return x[1] == x[2] ? std::optional(x[1]) : std::nullopt;
  return condition.getValue() ? x[1] : x[2];
}

static LogicalResult importWhere(Node &node) {
  if (failed(node.expectInputs(3)) || failed(checkTypes(node, 1)))
    return failure();
  if (fold(node, node.type(1).getElementType(), chosen, nullptr))
    return success();
  if (!node.type(0).getElementType().isInteger(1))
    return node.invalid("expects a condition of bools");
  if (failed(checkBroadcast(node)))
    return failure();
  node.set(0, node.create<nn::SelectOp>(node.input(0), node.input(1),
                                        node.input(2)));
  return success();
}

static LogicalResult castTo(Node &node, Type element) {
  Tensor &from = node.tensor(0);
  bool toFloat = isa<FloatType>(element);
  Tensor result;
  result.type = from.type.clone(element);
  auto numbers = node.constants(0);
  if (!toFloat && from.integers && (!element.isInteger(1) || numbers)) {
    result.integers = from.integers;
    if (element.isInteger(1))
      for (AffineExpr &value : *result.integers)
        value = node.expr(cast<AffineConstantExpr>(value).getValue() != 0);
  } else if (toFloat && numbers) {
    result.reals.emplace(numbers->begin(), numbers->end());
  } else if (toFloat && from.reals && !element.isF16() && !element.isBF16()) {
    result.reals = from.reals;
    if (element.isF32())
      for (double &value : *result.reals)
        value = float(value);
  } else if (!toFloat && from.reals) {
    result.integers.emplace();
    for (double value : *from.reals) {
      if (!(std::abs(value) < 9e18))
        return node.unsupported("number " + Twine(std::to_string(value)));
      result.integers->push_back(
          node.expr(element.isInteger(1) ? value != 0 : int64_t(value)));
    }
  } else {
    node.set(0, node.cast(node.input(0), element));
    return success();
  }
  node.set(0, std::move(result));
  return success();
}

static LogicalResult importCast(Node &node) {
  if (failed(node.expectInputs(1)))
    return failure();
  int64_t to = node.integer("to", 0);
  Type element = elementType(node.builder().getContext(), int32_t(to));
  if (!element)
    return node.unsupported("type " + Twine(to));
  return castTo(node, element);
}

static LogicalResult importCastLike(Node &node) {
  if (failed(node.expectInputs(2)))
    return failure();
  return castTo(node, node.type(1).getElementType());
}

static LogicalResult importIdentity(Node &node) {
  if (failed(node.expectInputs(1)))
    return failure();
  node.set(0, Tensor(node.tensor(0)));
  return success();
}

/// x sigmoid(alpha x)
static LogicalResult importSwish(Node &node) {
  if (failed(node.expectInputs(1)))
    return failure();
  bool quick = node.name() == "QuickGelu";
  double alpha = node.real("alpha", quick ? 1.702 : 1.0);
  Value x = node.input(0);
  if (alpha == 1) {
    node.set(0, node.create<nn::SiluOp>(x.getType(), x));
    return success();
  }
  Value scaled = node.create<nn::MulOp>(
      x, node.scalar(alpha, node.type(0).getElementType()));
  Value gate = node.create<nn::SigmoidOp>(scaled.getType(), scaled);
  node.set(0, node.create<nn::MulOp>(x, gate));
  return success();
}

static double realPow(ArrayRef<double> x) { return std::pow(x[0], x[1]); }

/// The exponent may have a type of its own.
static LogicalResult importPow(Node &node) {
  if (failed(node.expectInputs(2)))
    return failure();
  Type element = node.type(0).getElementType();
  if (!isa<FloatType>(element))
    return node.unsupported("base of integers");
  if (auto exponent = node.real(1); exponent && !node.tensor(0).reals) {
    Value base = node.input(0);
    node.set(0, node.create<nn::PowOp>(base, node.scalar(*exponent, element)));
    return success();
  }
  if (node.type(1).getElementType() == element)
    return binary<nn::PowOp, nullptr, realPow>(node);
  if (failed(checkBroadcast(node)))
    return failure();
  node.set(0, node.create<nn::PowOp>(node.input(0),
                                     node.cast(node.input(1), element)));
  return success();
}

static LogicalResult importMod(Node &node) {
  bool isFloat = node.has(0) && isa<FloatType>(node.type(0).getElementType());
  if (node.integer("fmod", 0) != 0 || isFloat)
    return node.unsupported("fmod");
  IntegerRule rule = [](Node &,
                        ArrayRef<AffineExpr> x) -> std::optional<AffineExpr> {
    auto divisor = dyn_cast<AffineConstantExpr>(x[1]);
    if (!divisor || divisor.getValue() <= 0)
      return std::nullopt;
    return x[0] % x[1];
  };
  if (failed(node.expectInputs(2)) || failed(checkTypes(node, 0)))
    return failure();
  if (fold(node, node.type(0).getElementType(), rule, nullptr))
    return success();
  if (failed(checkBroadcast(node)))
    return failure();
  node.set(0, node.create<nn::RemainderOp>(node.input(0), node.input(1)));
  return success();
}

//===----------------------------------------------------------------------===//
// Rules for known contents
//===----------------------------------------------------------------------===//

using Operands = ArrayRef<AffineExpr>;
using Known = std::optional<AffineExpr>;

static Known sum(Node &, Operands x) { return x[0] + x[1]; }
static Known minus(Node &, Operands x) { return x[0] - x[1]; }
static Known product(Node &, Operands x) { return x[0] * x[1]; }
static Known negated(Node &, Operands x) { return -x[0]; }
static Known quotient(Node &node, Operands x) {
  if (x[0] == x[1])
    return node.expr(1);
  auto divisor = dyn_cast<AffineConstantExpr>(x[1]);
  auto dividend = dyn_cast<AffineConstantExpr>(x[0]);
  if (!divisor || divisor.getValue() <= 0 ||
      (dividend && dividend.getValue() < 0))
    return std::nullopt; // toward zero, not down
  return x[0].floorDiv(x[1]);
}
static Known conjunction(Node &node, Operands x) {
  auto a = dyn_cast<AffineConstantExpr>(x[0]);
  auto b = dyn_cast<AffineConstantExpr>(x[1]);
  if (!a || !b)
    return std::nullopt;
  return node.expr(a.getValue() && b.getValue());
}
static Known disjunction(Node &node, Operands x) {
  auto a = dyn_cast<AffineConstantExpr>(x[0]);
  auto b = dyn_cast<AffineConstantExpr>(x[1]);
  if (!a || !b)
    return std::nullopt;
  return node.expr(a.getValue() || b.getValue());
}
static Known inverse(Node &node, Operands x) {
  auto a = dyn_cast<AffineConstantExpr>(x[0]);
  return a ? Known(node.expr(!a.getValue())) : std::nullopt;
}
template <bool largest> static Known extreme(Node &node, Operands x) {
  AffineExpr best = x[0];
  for (AffineExpr other : x.drop_front()) {
    auto d = difference(node, other, best);
    if (!d)
      return std::nullopt;
    if (largest ? *d > 0 : *d < 0)
      best = other;
  }
  return best;
}

static double realSum(ArrayRef<double> x) { return x[0] + x[1]; }
static double realMinus(ArrayRef<double> x) { return x[0] - x[1]; }
static double realProduct(ArrayRef<double> x) { return x[0] * x[1]; }
static double realQuotient(ArrayRef<double> x) { return x[0] / x[1]; }
static double realSqrt(ArrayRef<double> x) { return std::sqrt(x[0]); }
static double realInverse(ArrayRef<double> x) { return 1 / x[0]; }
static double realNegated(ArrayRef<double> x) { return -x[0]; }

using P = nn::Predicate;

// clang-format off
static const OpImport table[] = {
    // domain         name              since until   import
    {"",              "Abs",             6,  newest, unary<nn::AbsOp>},
    {"",              "Add",             7,  newest, binary<nn::AddOp, sum, realSum>},
    {"",              "And",             7,  newest, binary<nn::AndOp, conjunction>},
    {"",              "Cast",            6,  newest, importCast},
    {"",              "CastLike",        15, newest, importCastLike},
    {"",              "Ceil",            6,  newest, unary<nn::CeilOp>},
    {"",              "Cos",             7,  newest, unary<nn::CosOp>},
    {"",              "Div",             7,  newest, binary<nn::DivOp, quotient, realQuotient>},
    {"",              "Equal",           7,  newest, comparison<P::eq>},
    {"",              "Erf",             9,  newest, unary<nn::ErfOp>},
    {"",              "Exp",             6,  newest, unary<nn::ExpOp>},
    {"",              "Floor",           6,  newest, unary<nn::FloorOp>},
    {"",              "Greater",         7,  newest, comparison<P::gt>},
    {"",              "GreaterOrEqual",  12, newest, comparison<P::ge>},
    {"",              "Identity",        1,  newest, importIdentity},
    {"",              "IsInf",           10, newest, boolean<nn::IsInfOp>},
    {"",              "IsNaN",           9,  newest, boolean<nn::IsNanOp>},
    {"",              "Less",            7,  newest, comparison<P::lt>},
    {"",              "LessOrEqual",     12, newest, comparison<P::le>},
    {"",              "Log",             6,  newest, unary<nn::LogOp>},
    {"",              "Max",             8,  newest, variadic<nn::MaximumOp, extreme<true>>},
    {"",              "Min",             8,  newest, variadic<nn::MinimumOp, extreme<false>>},
    {"",              "Mod",             10, newest, importMod},
    {"",              "Mul",             7,  newest, binary<nn::MulOp, product, realProduct>},
    {"",              "Neg",             6,  newest, unary<nn::NegOp, negated, realNegated>},
    {"",              "Not",             1,  newest, unary<nn::NotOp, inverse>},
    {"",              "Or",              7,  newest, binary<nn::OrOp, disjunction>},
    {"",              "Pow",             7,  newest, importPow},
    {"",              "Reciprocal",      6,  newest, unary<nn::ReciprocalOp, nullptr, realInverse>},
    {"",              "Relu",            6,  newest, unary<nn::ReluOp>},
    {"",              "Round",           11, newest, unary<nn::RoundOp>},
    {"",              "Sigmoid",         6,  newest, unary<nn::SigmoidOp>},
    {"",              "Sin",             7,  newest, unary<nn::SinOp>},
    {"",              "Sqrt",            6,  newest, unary<nn::SqrtOp, nullptr, realSqrt>},
    {"",              "Sub",             7,  newest, binary<nn::SubOp, minus, realMinus>},
    {"",              "Swish",           24, newest, importSwish},
    {"",              "Tanh",            6,  newest, unary<nn::TanhOp>},
    {"",              "Where",           9,  newest, importWhere},
    {"",              "Xor",             7,  newest, binary<nn::XorOp>},
    {"com.microsoft", "QuickGelu",       1,  newest, importSwish},
};
// clang-format on

const llvm::ArrayRef<OpImport> elementwiseOps = table;

} // namespace qopt::onnx
