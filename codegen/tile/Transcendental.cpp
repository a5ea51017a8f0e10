// Transcendental functions as polynomials of arith ops.
//
// exp of f32 is on the hot path (softmax, silu) and works in f32. The others
// serve small tables (rope's angles): they work in f64, where a short Taylor
// series is far more exact than f32 can hold, and round once.

#include "qopt/codegen/tile/Transcendental.h"

#include <cmath>

#include "qopt/codegen/tile/Math.h"

using namespace mlir;
using arith::CmpFPredicate;

namespace qopt::tile {

/// 2^n for the integers that `shifted` = n + 1.5 * 2^23 holds in its low bits,
/// as two factors whose product reaches subnormals and infinity.
static std::pair<Value, Value> twoToThe(Math m, Value shifted) {
  Type i32 = m.b.getI32Type();
  Value n = m.bits(shifted, i32);
  Type type = n.getType();
  n = arith::SubIOp::create(m.b, m.loc, n, m.integer(0x4b400000, type));
  Value half = arith::ShRSIOp::create(m.b, m.loc, n, m.integer(1, type));
  Value rest = arith::SubIOp::create(m.b, m.loc, n, half);
  auto power = [&](Value exponent) {
    Value biased =
        arith::AddIOp::create(m.b, m.loc, exponent, m.integer(127, type));
    Value word = arith::ShLIOp::create(m.b, m.loc, biased, m.integer(23, type));
    return m.bits(word, m.b.getF32Type());
  };
  return {power(half), power(rest)};
}

Value emitExp(OpBuilder &builder, Location loc, Value x) {
  Math m{builder, loc};
  Type type = x.getType();
  x = m.larger(m.smaller(x, m.real(89, type)), m.real(-104, type));
  // Adding 1.5 * 2^23 rounds to an integer.
  Value shift = m.real(12582912, type);
  Value shifted = m.fma(x, m.real(1.44269504088896341, type), shift);
  Value n = m.sub(shifted, shift);
  Value r = m.fma(n, m.real(-0.693145751953125, type), x);
  r = m.fma(n, m.real(-1.428606765330187e-6, type), r);
  // e^r = 1 + r + r^2 p(r), |r| <= ln(2) / 2.
  Value p =
      m.polynomial(r, {5.0000001201e-1, 1.6666665459e-1, 4.1665795894e-2,
                       8.3334519073e-3, 1.3981999507e-3, 1.9875691500e-4});
  Value e = m.add(m.fma(m.mul(r, r), p, r), 1.0);
  auto [half, rest] = twoToThe(m, shifted);
  return m.mul(m.mul(e, half), rest);
}

/// e^x in f64, relative error under 1e-11; x is clamped to +-700.
static Value expWide(Math m, Value x) {
  Type type = x.getType(), i64 = m.b.getI64Type();
  x = m.larger(m.smaller(x, m.real(700, type)), m.real(-700, type));
  Value shift = m.real(6755399441055744.0, type); // 1.5 * 2^52
  Value shifted = m.fma(x, m.real(1.44269504088896341, type), shift);
  Value n = m.sub(shifted, shift);
  Value r = m.fma(n, m.real(-0.69314718055994531, type), x);
  SmallVector<double> taylor{1};
  for (int i = 1; i <= 10; ++i)
    taylor.push_back(taylor.back() / i);
  Value e = m.polynomial(r, taylor);
  Value word = m.bits(shifted, i64);
  word = arith::SubIOp::create(
      m.b, m.loc, word, m.integer(0x4338000000000000 - 1023, word.getType()));
  word = arith::ShLIOp::create(m.b, m.loc, word, m.integer(52, word.getType()));
  return m.mul(e, m.bits(word, m.b.getF64Type()));
}

/// Natural logarithm in f64 of a positive, finite, normal x.
static Value logWide(Math m, Value x) {
  Type f64 = m.b.getF64Type();
  Value word = m.bits(x, m.b.getI64Type());
  Type words = word.getType();
  // The exponent that leaves a fraction in [sqrt(1/2), sqrt(2)).
  Value biased = arith::SubIOp::create(m.b, m.loc, word,
                                       m.integer(0x3fe6a09e667f3bcd, words));
  Value n = arith::ShRSIOp::create(m.b, m.loc, biased, m.integer(52, words));
  Value fraction = arith::SubIOp::create(
      m.b, m.loc, word,
      arith::ShLIOp::create(m.b, m.loc, n, m.integer(52, words)));
  Value f = m.bits(fraction, f64);
  Value s = m.div(m.add(f, -1.0), m.add(f, 1.0));
  SmallVector<double> series;
  for (int i = 0; i <= 7; ++i)
    series.push_back(2.0 / (2 * i + 1));
  Value log = m.mul(s, m.polynomial(m.mul(s, s), series));
  Value exponent = arith::SIToFPOp::create(m.b, m.loc, x.getType(), n);
  return m.fma(exponent, m.real(0.69314718055994531, x.getType()), log);
}

static Value logOf(Math m, Value x) {
  Type type = x.getType();
  Value wide = m.widen(x);
  Value log = m.narrow(logWide(m, wide));
  log = m.select(m.compare(CmpFPredicate::OEQ, x, HUGE_VAL), x, log);
  log = m.select(m.compare(CmpFPredicate::OEQ, x, 0.0), m.real(-HUGE_VAL, type),
                 log);
  return m.select(m.compare(CmpFPredicate::OGE, x, 0.0), log,
                  m.real(NAN, type));
}

/// x^y: of negative x for integral y only, NaN otherwise.
Value emitPow(OpBuilder &builder, Location loc, Value x, Value y) {
  Math m{builder, loc};
  Type type = x.getType();
  Value one = m.real(1, type), zero = m.real(0, type);
  Value size = m.abs(x);
  Value exponent = m.mul(m.widen(y), logWide(m, m.widen(size)));
  Value power = m.narrow(expWide(m, exponent));
  // 0 and infinity have no logarithm.
  Value growing = m.compare(CmpFPredicate::OGT, y, 0.0);
  Value inf = m.real(HUGE_VAL, type);
  power = m.select(m.compare(CmpFPredicate::OEQ, size, zero),
                   m.select(growing, zero, inf), power);
  power = m.select(m.compare(CmpFPredicate::OEQ, size, inf),
                   m.select(growing, inf, zero), power);
  Value integral = m.compare(CmpFPredicate::OEQ, y,
                             math::RoundEvenOp::create(builder, loc, y));
  Value halves = m.mul(y, 0.5);
  Value even = m.compare(CmpFPredicate::OEQ, halves,
                         math::FloorOp::create(builder, loc, halves));
  Value negative = m.select(integral, m.select(even, power, m.neg(power)),
                            m.real(NAN, type));
  power = m.select(m.compare(CmpFPredicate::OLT, x, zero), negative, power);
  Value nan =
      arith::OrIOp::create(builder, loc, m.compare(CmpFPredicate::UNO, x, x),
                           m.compare(CmpFPredicate::UNO, y, y));
  power = m.select(nan, m.add(x, y), power);
  Value isOne =
      arith::OrIOp::create(builder, loc, m.compare(CmpFPredicate::OEQ, y, zero),
                           m.compare(CmpFPredicate::OEQ, x, one));
  return m.select(isOne, one, power);
}

/// sin(x + quarters * pi/2), |x| up to 1e9.
static Value sine(Math m, Value x, int quarters) {
  Value wide = m.widen(x);
  Type type = wide.getType();
  Value n =
      math::RoundEvenOp::create(m.b, m.loc, m.mul(wide, 0.63661977236758134));
  Value r = m.fma(n, m.real(-1.5707963267948966, type), wide);
  r = m.fma(n, m.real(-6.123233995736766e-17, type), r);
  SmallVector<double> odd{1}, even{1};
  for (int i = 1; i <= 7; ++i) {
    odd.push_back(-odd.back() / ((2 * i) * (2 * i + 1)));
    even.push_back(-even.back() / ((2 * i - 1) * (2 * i)));
  }
  Value square = m.mul(r, r);
  Value sin = m.mul(r, m.polynomial(square, odd));
  Value cos = m.polynomial(square, even);
  // n mod 4 by arithmetic: an infinite x gives NaN, not an undefined integer.
  Value turn = m.add(n, double(quarters));
  Value quarter = m.sub(
      turn, m.mul(math::FloorOp::create(m.b, m.loc, m.mul(turn, 0.25)), 4.0));
  Value isOdd = arith::OrIOp::create(
      m.b, m.loc, m.compare(CmpFPredicate::OEQ, quarter, 1.0),
      m.compare(CmpFPredicate::OEQ, quarter, 3.0));
  Value result = m.select(isOdd, cos, sin);
  Value back = m.compare(CmpFPredicate::OGE, quarter, 2.0);
  return m.narrow(m.select(back, m.neg(result), result));
}

static Value tanhOf(Math m, Value x) {
  Value wide = m.widen(x), size = m.abs(wide);
  Value decay = expWide(m, m.mul(size, -2.0));
  Type type = wide.getType();
  Value large = m.div(m.sub(m.real(1, type), decay), m.add(decay, 1.0));
  large =
      m.select(m.compare(CmpFPredicate::OLT, wide, 0.0), m.neg(large), large);
  Value small =
      m.mul(wide, m.polynomial(m.mul(wide, wide), {1, -1.0 / 3, 2.0 / 15,
                                                   -17.0 / 315, 62.0 / 2835}));
  return m.narrow(
      m.select(m.compare(CmpFPredicate::OLT, size, 0.05), small, large));
}

static Value erfOf(Math m, Value x) {
  Value wide = m.widen(x);
  Type type = wide.getType();
  Value size = m.abs(wide), square = m.mul(wide, wide);
  SmallVector<double> series;
  double factorial = 1;
  for (int i = 0; i <= 45; ++i) {
    factorial *= i ? i : 1;
    series.push_back((i % 2 ? -1 : 1) * 1.1283791670955126 /
                     (factorial * (2 * i + 1)));
  }
  Value small = m.mul(wide, m.polynomial(square, series));
  Value inverse = m.div(m.real(0.5, type), square);
  Value tail = m.div(m.mul(expWide(m, m.neg(square)),
                           m.polynomial(inverse, {1, -1, 3, -15, 105})),
                     m.mul(size, 1.7724538509055159));
  Value large = m.sub(m.real(1, type), tail);
  large =
      m.select(m.compare(CmpFPredicate::OLT, wide, 0.0), m.neg(large), large);
  return m.narrow(
      m.select(m.compare(CmpFPredicate::OGT, size, 3.2), large, small));
}

Value emitTranscendental(OpBuilder &builder, Location loc,
                         Transcendental function, Value x) {
  Math m{builder, loc};
  switch (function) {
  case Transcendental::Log:
    return logOf(m, x);
  case Transcendental::Sin:
    return sine(m, x, 0);
  case Transcendental::Cos:
    return sine(m, x, 1);
  case Transcendental::Tanh:
    return tanhOf(m, x);
  case Transcendental::Erf:
    return erfOf(m, x);
  }
  llvm_unreachable("not a function");
}

} // namespace qopt::tile
