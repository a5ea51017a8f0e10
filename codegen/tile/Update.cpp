// The arithmetic of an optimizer's step.

#include "qopt/codegen/tile/Update.h"

#include "qopt/codegen/tile/Tasks.h"

using namespace mlir;

namespace qopt::tile {

Operation *Update::find(kernel::FuncOp kernel) {
  if (auto op = onlyOpOfNumbers<train::SgdOp>(kernel))
    return op;
  return onlyOpOfNumbers<train::AdamwOp>(kernel);
}

Update::Update(Emitter &e, Operation *op, Number number)
    : e(e), m{e.b, e.loc}, op(op) {
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
  decay = number(adamw.getDecay());
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

void Update::write(const UpdateAccess &access) {
  if (auto sgd = dyn_cast<train::SgdOp>(op))
    write(sgd, access);
  else
    write(cast<train::AdamwOp>(op), access);
}

void Update::write(train::SgdOp op, const UpdateAccess &access) {
  auto all = access.all;
  auto put = [&](Value value, Value before, Value tensor) {
    access.store(m.select(all(skip), before, value), tensor);
  };
  Value p = access.load(op.getParameter()), v = access.load(op.getVelocity());
  Value g = m.mul(all(scale), access.load(op.getGradient()));
  Value newV = m.fma(all(momentum), v, g);
  put(newV, v, op.getNewVelocity());
  put(m.sub(p, m.mul(all(lr), newV)), p, op.getUpdated());
}

void Update::write(train::AdamwOp op, const UpdateAccess &access) {
  auto all = access.all;
  auto put = [&](Value value, Value before, Value tensor) {
    access.store(m.select(all(skip), before, value), tensor);
  };
  auto next = [&](Mean mean, Value before, Value g) {
    return m.fma(all(mean.beta), before, m.mul(all(mean.rest), g));
  };
  Value p = access.load(op.getParameter()), mean = access.load(op.getMean());
  Value square = access.load(op.getSquare());
  Value g = m.mul(all(scale), access.load(op.getGradient()));
  Value newMean = next(first, mean, g);
  Value newSquare = next(second, square, m.mul(g, g));
  Value a = m.mul(newMean, all(first.correction));
  Value b = m.mul(newSquare, all(second.correction));
  Value change = m.div(a, m.add(m.sqrt(b), all(eps)));
  change = m.fma(all(decay), p, change);
  put(newMean, mean, op.getNewMean());
  put(newSquare, square, op.getNewSquare());
  put(m.sub(p, m.mul(all(lr), change)), p, op.getUpdated());
}

} // namespace qopt::tile
