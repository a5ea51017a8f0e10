// One scale for all numbers of a tensor, see SharedGrid.h.

#include "qopt/codegen/cpu/SharedGrid.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/cpu/Span.h"

using namespace mlir;
using qopt::lowbit::Method;

namespace qopt::cpu {

using Predicate = arith::CmpFPredicate;

/// Elements of a chunk: 256 KB.
static constexpr int64_t chunkElements = 64 << 10;
/// Numbers that a chunk leaves in the workspace, and the grid behind them all:
/// f64.
static constexpr int64_t partialNumbers = 3;

Extrema extremaOf(Emitter &e, Value tensor, lowbit::SchemeAttr scheme,
                  Value from, Value to) {
  Math m{e.b, e.loc};
  bool zeros = scheme.hasZeros();
  Span span(e, from, to);
  auto load = [&](Value i, int64_t lanes) {
    return loadFloats(e, tensor, i, lanes);
  };
  Value zero = e.constant(0, e.f32());
  Value most = span.largest([&](Value i, int64_t lanes) {
    Value x = load(i, lanes);
    return zeros ? x : m.abs(x);
  });
  if (!zeros)
    return {most, {}};
  Value least = m.neg(span.largest(
      [&](Value i, int64_t lanes) { return m.neg(load(i, lanes)); }));
  return {m.larger(zero, most), m.smaller(zero, least)}; // ranges include 0
}

int64_t SharedGrid::elements() const {
  return cast<RankedTensorType>(tensor.getType()).getNumElements();
}

int64_t SharedGrid::chunks() const {
  return llvm::divideCeil(elements(), chunkElements);
}

int64_t SharedGrid::workspaceBytes() const {
  return (chunks() + 1) * partialNumbers * 8;
}

void SharedGrid::overChunks(
    Emitter &e, function_ref<void(Value, Value, Value)> body) const {
  e.loop(e.begin, e.end, 1, [&](Value chunk) {
    Value from = e.mul(chunk, chunkElements);
    body(chunk, from,
         least(e, e.add(from, e.constant(chunkElements)),
               e.constant(elements())));
  });
}

namespace {

/// Of some ternary numbers: what the mean and the one size follow from.
struct Sizes {
  Value sum;               ///< of |x|, f64
  Value largest, smallest; ///< the smallest of those that are not 0
};

} // namespace

/// In one pass: lane by lane, then across lanes, as Span does it.
static Sizes sizesOf(Emitter &e, Value tensor, Value from, Value to) {
  Math m{e.b, e.loc};
  Type f64 = e.b.getF64Type();
  auto step = [&](Value i, ValueRange found, int64_t lanes) {
    Value x = m.abs(loadFloats(e, tensor, i, lanes));
    Value some = m.select(m.compare(Predicate::OEQ, x, 0.0),
                          m.real(HUGE_VAL, x.getType()), x);
    return SmallVector<Value>{m.add(found[0], m.widen(x)),
                              m.larger(x, found[1]), m.smaller(some, found[2])};
  };
  Value count = arith::AndIOp::create(e.b, e.loc, minus(e, to, from),
                                      e.constant(-e.lanes()));
  Value whole = e.add(from, count);
  SmallVector<Value> start{splat(e, m.real(0, f64), e.lanes()),
                           splat(e, m.real(0, e.f32()), e.lanes()),
                           splat(e, m.real(HUGE_VAL, e.f32()), e.lanes())};
  auto lanes =
      e.loop(from, whole, e.lanes(), start, [&](Value i, ValueRange found) {
        return step(i, found, e.lanes());
      });
  auto across = [&](Value value, vector::CombiningKind kind) -> Value {
    bool isSum = kind == vector::CombiningKind::ADD;
    return vector::ReductionOp::create(e.b, e.loc, kind, value,
                                       isSum ? arith::FastMathFlags::reassoc
                                             : arith::FastMathFlags::none);
  };
  SmallVector<Value> scalars{across(lanes[0], vector::CombiningKind::ADD),
                             across(lanes[1], vector::CombiningKind::MAXNUMF),
                             across(lanes[2], vector::CombiningKind::MINNUMF)};
  auto all = e.loop(whole, to, 1, scalars, [&](Value i, ValueRange found) {
    return step(i, found, 1);
  });
  return {all[0], all[1], all[2]};
}

void SharedGrid::writePartials(Emitter &e) const {
  Math m{e.b, e.loc};
  overChunks(e, [&](Value chunk, Value from, Value to) {
    auto put = [&](int64_t i, Value number) {
      if (number.getType() == e.f32())
        number = m.widen(number);
      e.store(number, e.workspace(),
              e.add(e.mul(chunk, partialNumbers), e.constant(i)));
    };
    if (scheme.getMethod() == Method::ternary) {
      Sizes sizes = sizesOf(e, tensor, from, to);
      put(0, sizes.sum);
      put(1, sizes.largest);
      put(2, sizes.smallest);
      return;
    }
    Extrema range = extremaOf(e, tensor, scheme, from, to);
    put(0, range.most);
    if (range.least)
      put(1, range.least);
  });
}

/// Where the grid lies in the workspace.
static Value gridAt(Emitter &e, const SharedGrid &grid, int64_t i) {
  return e.constant(grid.chunks() * partialNumbers + i);
}

void SharedGrid::writeGrid(Emitter &e,
                           function_ref<void(const Grid &)> body) const {
  Math m{e.b, e.loc};
  Type f64 = e.b.getF64Type();
  bool isTernary = scheme.getMethod() == Method::ternary;
  e.loop(e.begin, e.end, 1, [&](Value) {
    Value zero = m.real(0, f64);
    SmallVector<Value> start{zero, zero, m.real(HUGE_VAL, f64)};
    SmallVector<Value> all = e.loop(
        e.constant(0), e.constant(chunks()), 1, start,
        [&](Value chunk, ValueRange found) {
          auto get = [&](int64_t i) {
            return e.load(f64, e.workspace(),
                          e.add(e.mul(chunk, partialNumbers), e.constant(i)));
          };
          if (isTernary)
            return SmallVector<Value>{m.add(found[0], get(0)),
                                      m.larger(found[1], get(1)),
                                      m.smaller(found[2], get(2))};
          Value low = scheme.hasZeros() ? get(1) : zero;
          return SmallVector<Value>{m.larger(found[0], get(0)),
                                    m.smaller(found[1], low), found[2]};
        });
    Grid grid;
    if (isTernary) {
      Value mean = m.div(all[0], m.real(elements(), f64));
      grid = ternaryGrid(e, scheme, m.narrow(mean), m.narrow(all[1]),
                         m.narrow(all[2]));
    } else {
      grid = gridOf(e, scheme, m.narrow(all[0]), m.narrow(all[1]));
    }
    e.store(m.widen(grid.inv), e.workspace(), gridAt(e, *this, 0));
    e.store(m.widen(grid.wideScale(e)), e.workspace(), gridAt(e, *this, 1));
    if (grid.zero)
      e.store(m.widen(grid.zero), e.workspace(), gridAt(e, *this, 2));
    body(grid);
  });
}

Grid SharedGrid::load(Emitter &e) const {
  Math m{e.b, e.loc};
  auto get = [&](int64_t i) {
    return m.narrow(
        e.load(e.b.getF64Type(), e.workspace(), gridAt(e, *this, i)));
  };
  Grid grid{get(0), get(1), {}};
  if (scheme.hasZeros())
    grid.zero = get(2);
  return grid;
}

} // namespace qopt::cpu
