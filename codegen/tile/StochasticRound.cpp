// Rounding to bf16 by chance, see StochasticRound.h.

#include "qopt/codegen/tile/StochasticRound.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/tile/Math.h"

using namespace mlir;

namespace qopt::tile {

StochasticRound::StochasticRound(Emitter &e, Value seed, Value step)
    : e(e), seed(seed), first(e.mul(step, int64_t(1) << 40)) {}

std::array<Value, 4> StochasticRound::words(Value stream, Value quad) {
  Math m{e.b, e.loc};
  Type type = quad.getType();
  // 32 bits that are 64 wide: products of two are one multiplication.
  auto low = [&](Value x) -> Value {
    return arith::AndIOp::create(e.b, e.loc, x,
                                 m.integer(0xffffffff, x.getType()));
  };
  auto high = [&](Value x) -> Value {
    return arith::ShRUIOp::create(e.b, e.loc, x, m.integer(32, x.getType()));
  };
  auto all = [&](Value x) -> Value {
    return isa<VectorType>(type)
               ? Value(vector::BroadcastOp::create(e.b, e.loc, type, x))
               : x;
  };
  auto add = [&](Value x, Value y) -> Value {
    return arith::AddIOp::create(e.b, e.loc, x, y);
  };
  auto mixed = [&](Value product, Value word, Value key) -> Value {
    Value both = arith::XOrIOp::create(e.b, e.loc, high(product), word);
    return arith::XOrIOp::create(e.b, e.loc, both, key);
  };
  Value key = arith::XOrIOp::create(e.b, e.loc, seed, stream);
  Value counter = add(all(first), quad);
  Value k0 = all(low(key)), k1 = all(high(key)), zero = m.integer(0, type);
  std::array<Value, 4> c = {low(counter), high(counter), zero, zero};
  for (int round = 0; round < 10; ++round) {
    Value p0 =
        arith::MulIOp::create(e.b, e.loc, c[0], m.integer(0xD2511F53, type));
    Value p1 =
        arith::MulIOp::create(e.b, e.loc, c[2], m.integer(0xCD9E8D57, type));
    c = {mixed(p1, c[1], k0), low(p1), mixed(p0, c[3], k1), low(p0)};
    k0 = low(add(k0, m.integer(0x9E3779B9, type)));
    k1 = low(add(k1, m.integer(0xBB67AE85, type)));
  }
  for (Value &word : c)
    word = arith::TruncIOp::create(e.b, e.loc,
                                   Math::with(type, e.b.getI32Type()), word);
  return c;
}

Value StochasticRound::rounded(Value x, Value words) {
  Math m{e.b, e.loc};
  Value bits = m.bits(x, e.b.getI32Type());
  Type type = bits.getType();
  Value noise =
      arith::AndIOp::create(e.b, e.loc, words, m.integer(0xffff, type));
  Value sum = arith::AddIOp::create(e.b, e.loc, bits, noise);
  // Infinity stays, and a NaN stays one in the upper half.
  Value exponent = m.integer(0x7f800000, type);
  Value finite = arith::CmpIOp::create(
      e.b, e.loc, arith::CmpIPredicate::ne,
      arith::AndIOp::create(e.b, e.loc, bits, exponent), exponent);
  Value quiet =
      arith::OrIOp::create(e.b, e.loc, bits, m.integer(0x400000, type));
  Value isNan = m.compare(arith::CmpFPredicate::UNO, x, x);
  bits = m.select(finite, sum, m.select(isNan, quiet, bits));
  bits = arith::ShRUIOp::create(e.b, e.loc, bits, m.integer(16, type));
  Value half = arith::TruncIOp::create(
      e.b, e.loc, Math::with(type, e.b.getI16Type()), bits);
  return m.bits(half, e.b.getBF16Type());
}

} // namespace qopt::tile
