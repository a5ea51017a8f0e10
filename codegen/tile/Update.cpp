// The arithmetic of an optimizer's step.

#include "qopt/codegen/tile/Update.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace qopt::tile {

Update::Update(Emitter &e, Operation *op, Number number)
    : e(e), m{e.b, e.loc}, op(op) {
  if (!op)
    return;
  auto start = [&](Value scaleTensor, Value rate) {
    scale = number(scaleTensor);
    skip = m.compare(arith::CmpFPredicate::UNO, scale, scale);
    lr = number(rate);
  };
  if (auto sgd = dyn_cast<train::SgdOp>(op)) {
    start(sgd.getScale(), sgd.getLr());
    momentum = number(sgd.getMomentum());
    return;
  }
  auto adamw = cast<train::AdamwOp>(op);
  start(adamw.getScale(), adamw.getLr());
  Value step = number(adamw.getStep());
  eps = number(adamw.getEps());
  first = meanOf(number(adamw.getBeta1()), step);
  second = meanOf(number(adamw.getBeta2()), step);
}

/// x^n in f64, n >= 0, by squares of x.
Value Update::power(Value x, Value n) {
  Value one = e.constant(1), zero = e.constant(0);
  Value values[] = {m.real(1, x.getType()), x, n};
  return e.loop(
      zero, e.constant(63), 1, values, [&](Value, ValueRange carried) {
        Value power = carried[0], square = carried[1];
        Value rest = carried[2];
        Value odd = arith::CmpIOp::create(
            e.b, e.loc, arith::CmpIPredicate::ne,
            arith::AndIOp::create(e.b, e.loc, rest, one), zero);
        return SmallVector<Value>{
            m.select(odd, m.mul(power, square), power), m.mul(square, square),
            arith::ShRUIOp::create(e.b, e.loc, rest, one)};
      })[0];
}

Update::Mean Update::meanOf(Value beta, Value step) {
  Value wide = m.widen(beta), one = m.real(1, wide.getType());
  Value correction = m.div(one, m.sub(one, power(wide, step)));
  return {beta, m.narrow(m.sub(one, wide)), m.narrow(correction)};
}

SmallVector<Value> Update::of(ArrayRef<Value> numbers, Value decay) {
  if (!op)
    return SmallVector<Value>(numbers);
  Type type = numbers[0].getType();
  auto all = [&](Value scalar) -> Value {
    return isa<VectorType>(type)
               ? Value(vector::BroadcastOp::create(e.b, e.loc, type, scalar))
               : scalar;
  };
  Value p = numbers[0], g = m.mul(all(scale), numbers[1]);
  SmallVector<Value> results;
  if (isa<train::SgdOp>(op)) {
    Value velocity = m.fma(all(momentum), numbers[2], g);
    results = {m.sub(p, m.mul(all(lr), velocity)), velocity};
  } else {
    auto next = [&](Mean mean, Value before, Value g) {
      return m.fma(all(mean.beta), before, m.mul(all(mean.rest), g));
    };
    Value mean = next(first, numbers[2], g);
    Value square = next(second, numbers[3], m.mul(g, g));
    Value a = m.mul(mean, all(first.correction));
    Value b = m.mul(square, all(second.correction));
    Value change = m.div(a, m.add(m.sqrt(b), all(eps)));
    change = m.fma(all(decay), p, change);
    results = {m.sub(p, m.mul(all(lr), change)), mean, square};
  }
  Value skipped = isa<VectorType>(type)
                      ? Value(vector::BroadcastOp::create(
                            e.b, e.loc, Math::with(type, skip.getType()), skip))
                      : skip;
  results[0] = m.select(skipped, p, results[0]);
  for (size_t i = 1; i < results.size(); ++i)
    results[i] = m.select(skipped, numbers[i + 1], results[i]);
  return results;
}

} // namespace qopt::tile
