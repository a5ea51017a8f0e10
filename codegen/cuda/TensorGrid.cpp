// One scale for all numbers of a tensor, which blocks find together.

#include "qopt/codegen/cuda/TensorGrid.h"

#include "qopt/codegen/cuda/Turns.h"

using namespace mlir;

namespace qopt::cuda {

/// Elements of a chunk: 64 of each thread.
static constexpr int64_t chunkElements = 16 << 10;
static constexpr int64_t gridThreads = 256;
/// Numbers that a chunk leaves, and the grid behind them all: f64.
static constexpr int64_t numbers = 3;

int64_t TensorGrid::elements() const {
  return cast<RankedTensorType>(tensor.getType()).getNumElements();
}

int64_t TensorGrid::chunks() const {
  return llvm::divideCeil(elements(), chunkElements);
}

int64_t TensorGrid::workspaceBytes() const {
  return (chunks() + 1) * numbers * 8;
}

void TensorGrid::writePartials(Emitter &e) const {
  Math m{e.b, e.loc};
  Type f64 = e.b.getF64Type();
  bool isTernary = scheme.getMethod() == lowbit::Method::ternary;
  Value from = e.mul(e.block, chunkElements);
  Value count =
      e.smaller(e.constant(chunkElements), e.sub(e.constant(elements()), from));
  auto at = [&](Value i) { return loadFloat(e, tensor, e.add(from, i)); };
  auto size = [&](Value i) { return m.abs(at(i)); };
  auto larger = [&](Value a, Value b) { return m.larger(a, b); };
  auto smaller = [&](Value a, Value b) { return m.smaller(a, b); };
  Value zero = m.real(0, e.f32()), found[numbers];
  if (isTernary) {
    found[0] = joinTurns(
        e, count, m.real(0, f64), [&](Value a, Value b) { return m.add(a, b); },
        [&](Value i) { return m.widen(size(i)); });
    found[1] = m.widen(joinTurns(e, count, zero, larger, size));
    // Of those that are not 0.
    Value none = m.real(HUGE_VAL, e.f32());
    found[2] = m.widen(joinTurns(e, count, none, smaller, [&](Value i) {
      Value x = size(i);
      return m.select(m.compare(arith::CmpFPredicate::OEQ, x, 0.0), none, x);
    }));
  } else {
    bool zeros = scheme.hasZeros();
    found[0] = m.widen(joinTurns(e, count, zero, larger, [&](Value i) {
      return zeros ? at(i) : size(i);
    }));
    found[1] = zeros ? m.widen(joinTurns(e, count, zero, smaller, at))
                     : m.real(0, f64);
    found[2] = m.real(0, f64);
  }
  e.branch(e.equal(e.thread, e.constant(0)), [&] {
    for (int64_t i = 0; i < numbers; ++i)
      e.store(found[i], e.workspace,
              e.add(e.mul(e.block, numbers), e.constant(i)));
  });
}

/// What all threads of the block get.
Grid TensorGrid::writeGrid(Emitter &e) const {
  Math m{e.b, e.loc};
  Type f64 = e.b.getF64Type();
  bool isTernary = scheme.getMethod() == lowbit::Method::ternary;
  auto over = [&](int64_t which, double neutral, Emitter::Join join) {
    return joinTurns(
        e, e.constant(chunks()), m.real(neutral, f64), join, [&](Value chunk) {
          return e.load(f64, e.workspace,
                        e.add(e.mul(chunk, numbers), e.constant(which)));
        });
  };
  auto larger = [&](Value a, Value b) { return m.larger(a, b); };
  auto smaller = [&](Value a, Value b) { return m.smaller(a, b); };
  if (isTernary) {
    Value sum = over(0, 0, [&](Value a, Value b) { return m.add(a, b); });
    Value most = over(1, 0, larger), least = over(2, HUGE_VAL, smaller);
    Value mean = m.div(sum, m.real(elements(), f64));
    return ternaryGrid(e, scheme, m.narrow(mean), m.narrow(most),
                       m.narrow(least));
  }
  Value most = m.narrow(over(0, 0, larger)), least;
  if (scheme.hasZeros())
    least = m.narrow(over(1, 0, smaller));
  return gridOf(e, scheme, most, least);
}

SmallVector<Phase>
TensorGrid::phases(std::function<void(Emitter &, const Grid &)> keep) const {
  auto number = [&](int64_t value) {
    return getAffineConstantExpr(value, tensor.getContext());
  };
  TensorGrid self = *this;
  auto partials = [self](Emitter &e) {
    self.writePartials(e);
    return success();
  };
  auto grid = [self, keep](Emitter &e) {
    Grid grid = self.writeGrid(e);
    Math m{e.b, e.loc};
    e.branch(e.equal(e.thread, e.constant(0)), [&] {
      auto put = [&](Value x, int64_t i) {
        e.store(m.widen(x), e.workspace,
                e.constant(self.chunks() * numbers + i));
      };
      put(grid.inv, 0);
      put(grid.wideScale(e), 1);
      if (grid.zero)
        put(grid.zero, 2);
      if (keep)
        keep(e, grid);
    });
    return success();
  };
  return {{number(chunks()), gridThreads, partials},
          {number(1), gridThreads, grid}};
}

Grid TensorGrid::load(Emitter &e) const {
  Math m{e.b, e.loc};
  auto get = [&](int64_t i) {
    return m.narrow(e.load(e.b.getF64Type(), e.workspace,
                           e.constant(chunks() * numbers + i)));
  };
  Grid grid{get(0), get(1), {}};
  if (scheme.hasZeros())
    grid.zero = get(2);
  return grid;
}

} // namespace qopt::cuda
