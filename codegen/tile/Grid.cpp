// The f32 arithmetic of quantizing, in kernels.

#include "qopt/codegen/tile/Grid.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/tile/Math.h"

using namespace mlir;

namespace qopt::tile {

using Predicate = arith::CmpFPredicate;

/// A scale is never 0.
static constexpr float floorOfScale = 1e-5f;

static Value even(Emitter &e, Value x) {
  return math::RoundEvenOp::create(e.b, e.loc, x);
}

/// As codeOf of lowbit/Quantizer.h: the least of NaN.
static Value clamp(Emitter &e, Value x, double least, double most) {
  Math m{e.b, e.loc};
  Value low = m.real(least, x.getType()), high = m.real(most, x.getType());
  x = m.select(m.compare(Predicate::OGT, x, low), x, low);
  return m.select(m.compare(Predicate::OLT, x, high), x, high);
}

/// A scalar in the shape of `like`; a vector stays.
static Value shaped(Emitter &e, Value scalar, Value like) {
  if (isa<VectorType>(scalar.getType()))
    return scalar;
  auto type = dyn_cast<VectorType>(like.getType());
  return type ? Value(vector::BroadcastOp::create(
                    e.b, e.loc, type.cloneWith(std::nullopt, scalar.getType()),
                    scalar))
              : scalar;
}

Value Grid::wideScale(Emitter &e) const {
  if (scale.getType() == e.f32())
    return scale;
  return arith::ExtFOp::create(e.b, e.loc, e.f32(), scale);
}

/// Rounds the scale to f16 if the scheme says so; codes then follow it.
static void round(Emitter &e, lowbit::SchemeAttr scheme, Grid &grid) {
  if (!scheme.getHalf())
    return;
  Math m{e.b, e.loc};
  grid.scale = clamp(e, grid.scale, 0x1p-24, 65504);
  grid.scale =
      arith::TruncFOp::create(e.b, e.loc, e.b.getF16Type(), grid.scale);
  grid.inv = m.div(e.constant(1, e.f32()), grid.wideScale(e));
}

Grid gridOf(Emitter &e, lowbit::SchemeAttr scheme, Value most, Value least) {
  using lowbit::Method;
  Math m{e.b, e.loc};
  auto number = [&](double value) { return e.constant(value, e.f32()); };
  bool zeros = scheme.hasZeros();
  Value clip = number(float(scheme.getClip()) / 100);
  most = m.mul(most, clip);
  Value amax = most;
  if (zeros) {
    least = m.mul(least, clip);
    if (scheme.getMethod() == Method::gptq_asym) {
      Value none = arith::AndIOp::create(e.b, e.loc,
                                         m.compare(Predicate::OEQ, least, 0.0),
                                         m.compare(Predicate::OEQ, most, 0.0));
      least = m.select(none, number(-1), least);
      most = m.select(none, number(1), most);
    }
    amax = m.sub(most, least);
  }
  if (scheme.getMethod() == Method::gptq_sym) {
    amax = m.add(amax, amax);
    amax = m.select(m.compare(Predicate::OEQ, amax, 0.0), number(1), amax);
  } else if (scheme.getMethod() != Method::gptq_asym) {
    Value floor = number(floorOfScale);
    amax = m.select(m.compare(Predicate::OLT, amax, floor), floor, amax);
  }
  Value levels = number(scheme.getLevels());
  Grid grid{m.div(levels, amax), m.div(amax, levels), {}};
  round(e, scheme, grid);
  if (zeros) {
    Value zero = even(e, m.mul(m.neg(least), grid.inv));
    zero = m.add(zero, double(scheme.getCodeMin()));
    grid.zero = clamp(e, zero, scheme.getCodeMin(), scheme.getCodeMax());
  }
  return grid;
}

Grid ternaryGrid(Emitter &e, lowbit::SchemeAttr scheme, Value mean,
                 Value largest, Value smallest) {
  Math m{e.b, e.loc};
  Value floor = e.constant(floorOfScale, e.f32());
  Value delta = m.select(m.compare(Predicate::OLT, mean, floor), floor, mean);
  Value same = arith::AndIOp::create(
      e.b, e.loc, m.compare(Predicate::OEQ, largest, smallest),
      m.compare(Predicate::ONE, largest, 0.0));
  Grid grid{{}, m.select(same, largest, delta), {}};
  grid.inv = m.div(e.constant(1, e.f32()), grid.scale);
  round(e, scheme, grid);
  return grid;
}

Value codesOf(Emitter &e, lowbit::SchemeAttr scheme, const Grid &grid,
              Value x) {
  Math m{e.b, e.loc};
  Value k = even(e, m.mul(x, shaped(e, grid.inv, x)));
  if (grid.zero)
    k = m.add(k, shaped(e, grid.zero, x));
  return clamp(e, k, scheme.getCodeMin(), scheme.getCodeMax());
}

Value valuesOf(Emitter &e, const Grid &grid, Value codes) {
  Math m{e.b, e.loc};
  if (grid.zero)
    codes = m.sub(codes, shaped(e, grid.zero, codes));
  return m.mul(codes, shaped(e, grid.wideScale(e), codes));
}

} // namespace qopt::tile
