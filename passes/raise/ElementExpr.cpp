// Builds element expressions and simplifies them.

#include "qopt/passes/raise/ElementExpr.h"

#include <cmath>

#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/bit.h"

using namespace mlir;

namespace qopt {

static void appendKey(std::vector<int64_t> &key, const IndexExpr &expr) {
  key.push_back(expr.terms.size());
  for (const auto &[monomial, coefficient] : expr.terms) {
    key.push_back(monomial.size());
    key.insert(key.end(), monomial.begin(), monomial.end());
    key.push_back(coefficient);
  }
}

Element Elements::unique(ElementExpr expr) {
  std::vector<int64_t> key{
      expr.kind, llvm::bit_cast<int64_t>(expr.value),
      reinterpret_cast<intptr_t>(expr.tensor.getAsOpaquePointer()),
      int64_t(expr.code.size())};
  key.insert(key.end(), expr.code.begin(), expr.code.end());
  appendKey(key, expr.position);
  for (const IndexExpr &at : expr.at)
    appendKey(key, at);
  for (Element operand : expr.operands)
    key.push_back(operand->id);
  Element &node = known[key];
  if (!node) {
    expr.id = nodes.size();
    for (Element operand : expr.operands)
      expr.weight += operand->weight;
    expr.weight += weightOf(expr.position);
    for (const IndexExpr &at : expr.at)
      expr.weight += weightOf(at);
    nodes.push_back(std::make_unique<ElementExpr>(std::move(expr)));
    node = nodes.back().get();
  }
  return node;
}

double Elements::weightOf(const IndexExpr &expr) {
  double sum = 0;
  for (const auto &[monomial, coefficient] : expr.terms)
    for (unsigned atom : monomial) {
      auto [entry, isNew] = atomWeights.try_emplace(atom, 1);
      if (isNew) { // atoms inside of it are older
        double inner = 1;
        if (space[atom].kind == IndexAtom::data)
          inner += space[atom].element->weight;
        else if (space[atom].kind == IndexAtom::quotient)
          inner += weightOf(space[atom].numerator);
        atomWeights[atom] = inner;
      }
      sum += atomWeights[atom];
    }
  return sum;
}

Element Elements::number(double value) {
  return unique(
      {ElementExpr::number, value == 0 ? 0.0 : value, {}, {}, {}, {}, {}, 0});
}

Element Elements::index(const IndexExpr &position) {
  if (auto constant = position.constant())
    return number(*constant);
  // What was read as an integer and is used alone is what was read.
  return unique({ElementExpr::index, 0, position, {}, {}, {}, {}, 0});
}

Element Elements::load(Value tensor, const Indices &at) {
  Element node = unique({ElementExpr::load,
                         0,
                         {},
                         tensor,
                         tables.canonical(tensor, at, space),
                         {},
                         {},
                         0});
  Type type = getElementTypeOrSelf(tensor.getType());
  return type.isInteger() && !type.isInteger(1) ? index(space.ofData(node))
                                                : node;
}

std::optional<IndexExpr> Elements::asIndex(Element expr) {
  if (expr->kind == ElementExpr::index)
    return expr->position;
  if (expr->kind == ElementExpr::number && std::abs(expr->value) < 1e15 &&
      expr->value == std::floor(expr->value))
    return IndexExpr(int64_t(expr->value));
  return std::nullopt;
}

bool Elements::isBool(Element expr) {
  if (expr->kind == ElementExpr::load)
    return getElementTypeOrSelf(expr->tensor.getType()).isInteger(1);
  return expr->kind == ElementExpr::apply &&
         llvm::is_contained({"and", "or", "not", "ge0", "eq0", "lt", "le", "eq",
                             "is_nan", "is_inf"},
                            expr->code);
}

/// A number that depends on bools only.
bool Elements::isTable(Element expr) {
  if (expr->kind == ElementExpr::number || isBool(expr))
    return true;
  return expr->code == "select" && isTable(expr->operands[1]) &&
         isTable(expr->operands[2]);
}

Element Elements::inverted(Element condition) {
  if (condition->kind == ElementExpr::number)
    return number(condition->value == 0);
  if (condition->code == "not")
    return condition->operands[0];
  if (condition->code == "ge0")
    return apply("ge0",
                 index(IndexExpr(-1) - condition->operands[0]->position));
  return unique({ElementExpr::apply, 0, {}, {}, {}, "not", {condition}, 0});
}

/// And, or: of bools.
Element Elements::logic(StringRef code, Element a, Element b) {
  bool isAnd = code == "and";
  if (a->id > b->id)
    std::swap(a, b);
  for (auto [x, y] : {std::pair(a, b), std::pair(b, a)})
    if (x->kind == ElementExpr::number)
      return (x->value != 0) == isAnd ? y : number(!isAnd);
  if (a == b)
    return a;
  if (a == inverted(b))
    return number(!isAnd);
  // x and not (x and y): not y is left to ask.
  for (auto [x, y] : {std::pair(a, b), std::pair(b, a)})
    if (isAnd && y->code == "not" && y->operands[0]->code == "and")
      for (unsigned i : {0, 1})
        if (y->operands[0]->operands[i] == x)
          return logic(code, x, inverted(y->operands[0]->operands[1 - i]));
  return unique({ElementExpr::apply, 0, {}, {}, {}, code, {a, b}, 0});
}

Element Elements::select(Element condition, Element yes, Element no) {
  if (condition->kind == ElementExpr::number)
    return condition->value != 0 ? yes : no;
  if (yes == no)
    return yes;
  if (condition->code == "not")
    return select(condition->operands[0], no, yes);
  auto isTruth = [&](Element e) {
    return isBool(e) ||
           (e->kind == ElementExpr::number && (e->value == 0 || e->value == 1));
  };
  if (isTruth(yes) && isTruth(no))
    return apply("or", {apply("and", {condition, yes}),
                        apply("and", {inverted(condition), no})});
  return unique(
      {ElementExpr::apply, 0, {}, {}, {}, "select", {condition, yes, no}, 0});
}

Element Elements::compare(nn::Predicate predicate, Element a, Element b) {
  switch (predicate) {
  case nn::Predicate::gt:
    return compare(nn::Predicate::lt, b, a);
  case nn::Predicate::ge:
    return compare(nn::Predicate::le, b, a);
  case nn::Predicate::ne:
    return inverted(compare(nn::Predicate::eq, a, b));
  default:
    break;
  }
  if (isTable(a) && isTable(b))
    for (bool second : {false, true}) {
      Element table = second ? b : a;
      if (table->kind == ElementExpr::number)
        continue;
      bool isSelect = table->code == "select";
      auto with = [&](Element e) {
        return second ? compare(predicate, a, e) : compare(predicate, e, b);
      };
      return select(isSelect ? table->operands[0] : table,
                    with(isSelect ? table->operands[1] : number(1)),
                    with(isSelect ? table->operands[2] : number(0)));
    }
  if (a->kind == ElementExpr::number && b->kind == ElementExpr::number)
    return number(predicate == nn::Predicate::lt   ? a->value < b->value
                  : predicate == nn::Predicate::le ? a->value <= b->value
                                                   : a->value == b->value);
  auto ia = asIndex(a), ib = asIndex(b);
  if (ia && ib) {
    IndexExpr d = *ib - *ia;
    if (predicate == nn::Predicate::eq)
      return apply("eq0", index(d));
    return apply("ge0", index(predicate == nn::Predicate::lt ? d - 1 : d));
  }
  StringRef code = predicate == nn::Predicate::lt   ? "lt"
                   : predicate == nn::Predicate::le ? "le"
                                                    : "eq";
  return unique({ElementExpr::apply, 0, {}, {}, {}, code, {a, b}, 0});
}

/// A product that is worth being multiplied out.
static bool isShort(const IndexExpr &a, const IndexExpr &b) {
  auto degree = [](const IndexExpr &e) {
    return e.terms.empty() ? 0 : e.terms.rbegin()->first.size();
  };
  return a.terms.size() * b.terms.size() <= 256 && degree(a) + degree(b) <= 16;
}

static double fold(StringRef code, double a, double b) {
  return llvm::StringSwitch<double>(code)
      .Case("add", a + b)
      .Case("mul", a * b)
      .Case("div", a / b)
      .Case("pow", std::pow(a, b))
      .Case("maximum", std::fmax(a, b))
      .Case("minimum", std::fmin(a, b))
      .Case("remainder", std::fmod(a, b));
}

static std::optional<double> fold(StringRef code, double a) {
  return llvm::StringSwitch<std::optional<double>>(code)
      .Case("neg", -a)
      .Case("abs", std::abs(a))
      .Case("exp", std::exp(a))
      .Case("log", std::log(a))
      .Case("sqrt", std::sqrt(a))
      .Case("rsqrt", 1 / std::sqrt(a))
      .Case("reciprocal", 1 / a)
      .Case("sin", std::sin(a))
      .Case("cos", std::cos(a))
      .Case("tanh", std::tanh(a))
      .Case("relu", std::fmax(a, 0))
      .Case("floor", std::floor(a))
      .Case("ceil", std::ceil(a))
      .Case("truncate", std::trunc(a))
      .Case("is_nan", double(std::isnan(a)))
      .Case("is_inf", double(std::isinf(a)))
      .Default(std::nullopt);
}

Element Elements::arithmetic(StringRef code, Element a, Element b) {
  if (a->kind == ElementExpr::number && b->kind == ElementExpr::number)
    return number(fold(code, a->value, b->value));
  if (isTable(a) && isTable(b))
    for (bool second : {false, true}) {
      Element table = second ? b : a;
      if (table->kind == ElementExpr::number)
        continue;
      bool isSelect = table->code == "select";
      auto with = [&](Element e) {
        return second ? arithmetic(code, a, e) : arithmetic(code, e, b);
      };
      return select(isSelect ? table->operands[0] : table,
                    with(isSelect ? table->operands[1] : number(1)),
                    with(isSelect ? table->operands[2] : number(0)));
    }
  bool commutes = code == "add" || code == "mul";
  auto ia = asIndex(a), ib = asIndex(b);
  if (ia && ib && commutes && (code == "add" || isShort(*ia, *ib)))
    return index(code == "add" ? *ia + *ib : *ia * *ib);
  if (ia && ib && (code == "maximum" || code == "minimum"))
    for (auto [x, y] : {std::pair(a, b), std::pair(b, a)})
      if (space.isNonNegative(*asIndex(x) - *asIndex(y)))
        return code == "maximum" ? x : y;
  if (commutes) {
    if (a->id > b->id)
      std::swap(a, b);
    double neutral = code == "mul";
    for (auto [x, y] : {std::pair(a, b), std::pair(b, a)}) {
      if (x->kind == ElementExpr::number && x->value == neutral)
        return y;
      if (code == "mul" && isBool(x))
        return select(x, y, number(0));
    }
  }
  if ((code == "div" || code == "pow") && b->kind == ElementExpr::number &&
      b->value == 1)
    return a;
  return unique({ElementExpr::apply, 0, {}, {}, {}, code, {a, b}, 0});
}

Element Elements::unary(StringRef code, Element a) {
  if (a->kind == ElementExpr::number)
    if (auto folded = fold(code, a->value))
      return number(*folded);
  if (code == "neg") {
    if (auto i = asIndex(a))
      return index(IndexExpr() - *i);
    if (a->code == "neg")
      return a->operands[0];
  }
  if (code == "truncate" && (asIndex(a) || isBool(a)))
    return a;
  if (code == "truncate")
    return index(space.ofData(
        unique({ElementExpr::apply, 0, {}, {}, {}, code, {a}, 0})));
  if (isTable(a) && a->code == "select")
    return select(a->operands[0], unary(code, a->operands[1]),
                  unary(code, a->operands[2]));
  return unique({ElementExpr::apply, 0, {}, {}, {}, code, {a}, 0});
}

Element Elements::apply(StringRef code, ArrayRef<Element> operands) {
  if (code == "ge0" || code == "eq0") {
    IndexExpr p = *asIndex(operands[0]);
    bool isEqual = code == "eq0";
    if (auto constant = p.constant())
      return number(isEqual ? *constant == 0 : *constant >= 0);
    if (space.isNonNegative(IndexExpr(-1) - p))
      return number(0);
    if (isEqual ? space.isNonNegative(p - 1) : space.isNonNegative(p))
      return number(!isEqual);
    if (isEqual && p.terms.rbegin()->second < 0)
      p = IndexExpr() - p;
    return unique({ElementExpr::apply, 0, {}, {}, {}, code, {index(p)}, 0});
  }
  if (code == "and" || code == "or")
    return logic(code, operands[0], operands[1]);
  if (code == "xor")
    return select(operands[0], inverted(operands[1]), operands[1]);
  if (code == "not")
    return inverted(operands[0]);
  if (code == "select")
    return select(operands[0], operands[1], operands[2]);
  if (code == "lt" || code == "le" || code == "eq")
    return compare(code == "lt"   ? nn::Predicate::lt
                   : code == "le" ? nn::Predicate::le
                                  : nn::Predicate::eq,
                   operands[0], operands[1]);
  if (code == "sub")
    return apply("add", {operands[0], apply("neg", operands[1])});
  return operands.size() == 1 ? unary(code, operands[0])
                              : arithmetic(code, operands[0], operands[1]);
}

IndexExpr Elements::replace(const IndexExpr &expr, const IndexExpr &variable,
                            const IndexExpr &with) {
  IndexExpr result;
  for (const auto &[monomial, coefficient] : expr.terms) {
    IndexExpr term(coefficient);
    for (unsigned atom : monomial) {
      IndexExpr self = IndexExpr::ofAtom(atom);
      const IndexAtom known = space[atom];
      if (self == variable)
        self = with;
      else if (known.kind == IndexAtom::quotient)
        self = space.floorDiv(replace(known.numerator, variable, with),
                              replace(known.denominator, variable, with));
      else if (known.kind == IndexAtom::data) {
        Element now = replace(known.element, variable, with);
        auto read = asIndex(now);
        self = read ? *read : space.ofData(now);
      }
      term = term * self;
    }
    result = result + term;
  }
  return result;
}

Element Elements::replace(Element expr, const IndexExpr &variable,
                          const IndexExpr &with) {
  switch (expr->kind) {
  case ElementExpr::number:
    return expr;
  case ElementExpr::index:
    return index(replace(expr->position, variable, with));
  case ElementExpr::load: {
    Indices at;
    for (const IndexExpr &position : expr->at)
      at.push_back(replace(position, variable, with));
    return load(expr->tensor, at);
  }
  case ElementExpr::apply:
    break;
  }
  SmallVector<Element> operands;
  for (Element operand : expr->operands)
    operands.push_back(replace(operand, variable, with));
  return apply(expr->code, operands);
}

bool Elements::mentions(Element expr, const IndexExpr &variable) {
  return !variable.constant() && replace(expr, variable, 0) != expr;
}

IndexExpr Elements::ofAffine(AffineExpr expr) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue();
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    auto [entry, isNew] = symbols.try_emplace(symbol.getPosition());
    if (isNew)
      entry->second = space.addSize();
    return entry->second;
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  IndexExpr a = ofAffine(binary.getLHS()), b = ofAffine(binary.getRHS());
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return a + b;
  case AffineExprKind::Mul:
    return a * b;
  case AffineExprKind::FloorDiv:
    return space.floorDiv(a, b);
  case AffineExprKind::CeilDiv:
    return space.floorDiv(a + b - 1, b);
  default:
    return space.remainder(a, b);
  }
}

std::optional<IndexExpr> Elements::ofIndexValue(Value index) {
  AffineExpr expr = dims.ofIndex(index);
  return expr ? std::optional(ofAffine(expr)) : std::nullopt;
}

Indices Elements::sizes(Value tensor) {
  Indices sizes;
  ArrayRef<AffineExpr> known = dims.of(tensor);
  auto shape = cast<RankedTensorType>(tensor.getType()).getShape();
  for (auto [axis, size] : llvm::enumerate(shape))
    if (ShapedType::isStatic(size)) {
      sizes.push_back(size);
    } else if (axis < known.size() && known[axis]) {
      sizes.push_back(ofAffine(known[axis]));
    } else {
      auto [entry, isNew] = unknownSizes.try_emplace(
          {tensor.getAsOpaquePointer(), unsigned(axis)});
      if (isNew)
        entry->second = space.addSize();
      sizes.push_back(entry->second);
    }
  return sizes;
}

Indices Elements::variables(Value tensor) {
  Indices at;
  for (const IndexExpr &size : sizes(tensor))
    at.push_back(space.addVariable(size));
  return at;
}

} // namespace qopt
