// Gradients of elementwise ops: terms of x, y and dy, as their pages say.

#include "qopt/passes/train/Backward.h"

using namespace mlir;
using namespace qopt::nn;

namespace qopt::train {

static Value one(Value like, Backward &to) { return to.number(1, like); }

static Value isPositive(Value x, Backward &to) {
  return CompareOp::create(to.builder, to.loc, Predicate::gt, x,
                           to.number(0, x));
}

static Value select(Value condition, Value a, Value b, Backward &to) {
  return SelectOp::create(to.builder, to.loc, condition, a, b);
}

// clang-format off
static void abs(AbsOp op, Value dy, Backward &to) {
  Value x = op.getInput(), zero = to.number(0, x);
  Value isNegative = CompareOp::create(to.builder, to.loc, Predicate::lt, x, zero);
  Value ofPositive = select(isPositive(x, to), dy, zero, to);
  to.add(x, select(isNegative, to.neg(dy), ofPositive, to));
}
static void neg(NegOp op, Value dy, Backward &to) { to.add(op.getInput(), to.neg(dy)); }
static void exp(ExpOp op, Value dy, Backward &to) { to.add(op.getInput(), to.mul(dy, op.getResult())); }
static void log(LogOp op, Value dy, Backward &to) { to.add(op.getInput(), to.binary<DivOp>(dy, op.getInput())); }
static void sqrt(SqrtOp op, Value dy, Backward &to) { to.add(op.getInput(), to.binary<DivOp>(dy, to.scaled(op.getResult(), 2))); }
static void rsqrt(RsqrtOp op, Value dy, Backward &to) {
  Value y = op.getResult(), cube = to.mul(to.mul(y, y), y);
  to.add(op.getInput(), to.mul(dy, to.scaled(cube, -0.5)));
}
static void reciprocal(ReciprocalOp op, Value dy, Backward &to) {
  to.add(op.getInput(), to.neg(to.mul(dy, to.mul(op.getResult(), op.getResult()))));
}
static void sin(SinOp op, Value dy, Backward &to) { to.add(op.getInput(), to.mul(dy, to.unary<CosOp>(op.getInput()))); }
static void cos(CosOp op, Value dy, Backward &to) { to.add(op.getInput(), to.neg(to.mul(dy, to.unary<SinOp>(op.getInput())))); }
static void tanh(TanhOp op, Value dy, Backward &to) {
  Value y = op.getResult();
  to.add(op.getInput(), to.mul(dy, to.sub(one(y, to), to.mul(y, y))));
}
static void erf(ErfOp op, Value dy, Backward &to) {
  Value x = op.getInput();
  Value bell = to.unary<ExpOp>(to.neg(to.mul(x, x)));
  to.add(x, to.mul(dy, to.scaled(bell, 1.1283791670955126))); // 2 / sqrt(pi)
}
static void sigmoid(SigmoidOp op, Value dy, Backward &to) {
  Value y = op.getResult();
  to.add(op.getInput(), to.mul(dy, to.mul(y, to.sub(one(y, to), y))));
}
static void silu(SiluOp op, Value dy, Backward &to) {
  Value x = op.getInput(), s = to.unary<SigmoidOp>(x);
  Value slope = to.binary<AddOp>(to.mul(x, to.sub(one(x, to), s)), one(x, to));
  to.add(x, to.mul(dy, to.mul(s, slope)));
}
static void relu(ReluOp op, Value dy, Backward &to) {
  Value x = op.getInput();
  to.add(x, select(isPositive(x, to), dy, to.number(0, x), to));
}
// clang-format on

/// What is constant but for jumps.
template <typename OpT> static void steps(OpT, Value, Backward &) {}

static void cast(CastOp op, Value dy, Backward &to) {
  if (to.wants(op.getInput()))
    to.add(op.getInput(),
           CastOp::create(to.builder, to.loc, op.getInput().getType(), dy));
}

static void add(AddOp op, Value dy, Backward &to) {
  to.add(op.getLhs(), dy);
  to.add(op.getRhs(), dy);
}

static void sub(SubOp op, Value dy, Backward &to) {
  to.add(op.getLhs(), dy);
  if (to.wants(op.getRhs()))
    to.add(op.getRhs(), to.neg(dy));
}

static void mul(MulOp op, Value dy, Backward &to) {
  if (to.wants(op.getLhs()))
    to.add(op.getLhs(), to.mul(dy, op.getRhs()));
  if (to.wants(op.getRhs()))
    to.add(op.getRhs(), to.mul(dy, op.getLhs()));
}

static void div(DivOp op, Value dy, Backward &to) {
  Value ofLhs = to.binary<DivOp>(dy, op.getRhs());
  to.add(op.getLhs(), ofLhs);
  if (to.wants(op.getRhs()))
    to.add(op.getRhs(), to.neg(to.mul(ofLhs, op.getResult())));
}

static void pow(PowOp op, Value dy, Backward &to) {
  Value a = op.getLhs(), b = op.getRhs();
  if (to.wants(a)) {
    Value less = to.binary<PowOp>(a, to.sub(b, one(b, to)));
    to.add(a, to.mul(dy, to.mul(b, less)));
  }
  if (to.wants(b))
    to.add(b, to.mul(dy, to.mul(op.getResult(), to.unary<LogOp>(a))));
}

/// The operand that `predicate` prefers gets it all; of equals the first.
template <typename OpT>
static void choose(OpT op, Predicate predicate, Value dy, Backward &to) {
  Value first = CompareOp::create(to.builder, to.loc, predicate, op.getLhs(),
                                  op.getRhs());
  Value zero = to.number(0, dy);
  to.add(op.getLhs(), select(first, dy, zero, to));
  to.add(op.getRhs(), select(first, zero, dy, to));
}
static void maximum(MaximumOp op, Value dy, Backward &to) {
  choose(op, Predicate::ge, dy, to);
}
static void minimum(MinimumOp op, Value dy, Backward &to) {
  choose(op, Predicate::le, dy, to);
}

static void choice(SelectOp op, Value dy, Backward &to) {
  Value zero = to.number(0, dy);
  if (to.wants(op.getOnTrue()))
    to.add(op.getOnTrue(), select(op.getCondition(), dy, zero, to));
  if (to.wants(op.getOnFalse()))
    to.add(op.getOnFalse(), select(op.getCondition(), zero, dy, to));
}

static void swiglu(SwigluOp op, Value dy, Backward &to) {
  auto grad = SwigluGradOp::create(to.builder, to.loc, op.getType(),
                                   op.getType(), dy, op.getGate(), op.getUp());
  to.add(op.getGate(), grad.getDgate());
  to.add(op.getUp(), grad.getDup());
}

void addElementwiseRules(Rules &rules) {
  rules.add(abs);
  rules.add(neg);
  rules.add(exp);
  rules.add(log);
  rules.add(sqrt);
  rules.add(rsqrt);
  rules.add(reciprocal);
  rules.add(sin);
  rules.add(cos);
  rules.add(tanh);
  rules.add(erf);
  rules.add(sigmoid);
  rules.add(silu);
  rules.add(relu);
  rules.add(steps<FloorOp>);
  rules.add(steps<CeilOp>);
  rules.add(steps<RoundOp>);
  rules.add(cast);
  rules.add(add);
  rules.add(sub);
  rules.add(mul);
  rules.add(div);
  rules.add(pow);
  rules.add(maximum);
  rules.add(minimum);
  rules.add(choice);
  rules.add(swiglu);
}

} // namespace qopt::train
