// Collects the factors of an expression.

#include "qopt/passes/raise/Factors.h"

#include <cmath>

namespace qopt {

double Factors::take(Element base) {
  for (auto &factor : powers)
    if (factor.first == base) {
      double power = factor.second;
      powers.erase(&factor);
      return power;
    }
  return 0;
}

static void collect(Factors &factors, Element expr, double power) {
  auto operand = [&](unsigned i) { return expr->operands[i]; };
  if (expr->kind == ElementExpr::number) {
    factors.scale *= std::pow(expr->value, power);
  } else if (expr->code == "mul") {
    collect(factors, operand(0), power);
    collect(factors, operand(1), power);
  } else if (expr->code == "div") {
    collect(factors, operand(0), power);
    collect(factors, operand(1), -power);
  } else if (expr->code == "neg" && power == 1) {
    factors.scale = -factors.scale;
    collect(factors, operand(0), power);
  } else if (expr->code == "reciprocal") {
    collect(factors, operand(0), -power);
  } else if (expr->code == "sqrt" || expr->code == "rsqrt") {
    collect(factors, operand(0), power * (expr->code == "sqrt" ? 0.5 : -0.5));
  } else if (expr->code == "pow" && operand(1)->kind == ElementExpr::number) {
    collect(factors, operand(0), power * operand(1)->value);
  } else {
    for (auto &factor : factors.powers)
      if (factor.first == expr) {
        factor.second += power;
        return;
      }
    factors.powers.push_back({expr, power});
  }
}

Factors factorsOf(Element expr) {
  Factors factors;
  collect(factors, expr, 1);
  return factors;
}

} // namespace qopt
