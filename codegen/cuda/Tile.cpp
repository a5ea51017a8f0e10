// A tile of a product of matrices, by multiply-adds of f32.

#include "qopt/codegen/cuda/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/tile/Math.h"

using namespace mlir;

namespace qopt::cuda {

/// Terms of a block in shared memory.
static constexpr int64_t tileTerms = 16;
/// Numbers between the columns of neighbouring terms: those that are written
/// along the terms go to different banks, and vectors of 4 stay aligned.
static constexpr int64_t padding = 4;

TileShape TileShape::of(int64_t columns) {
  return {columns != ShapedType::kDynamic && columns <= 128 ? 32 : 64};
}

Tile::Tile(Emitter &e, TileShape shape) : e(e), shape(shape) {
  int64_t bytes = 4 * tileTerms * (shape.side + padding);
  memoryA = e.shared(bytes);
  memoryB = e.shared(bytes);
  threadRow = e.mul(e.div(e.thread, shape.side / 4), 4);
  threadColumn = e.mul(e.rem(e.thread, shape.side / 4), 4);
}

void Tile::fill(const TileSource &source, Value memory, Value first, Value from,
                Value to) {
  int64_t each = tileTerms * shape.side / shape.threads();
  for (int64_t n = 0; n < each; ++n) {
    Value place = e.add(e.thread, e.constant(n * shape.threads()));
    Value i, k;
    if (source.alongTerms) {
      i = e.div(place, tileTerms);
      k = e.rem(place, tileTerms);
    } else {
      i = e.rem(place, shape.side);
      k = e.div(place, shape.side);
    }
    Value row = e.add(first, i), term = e.add(from, k);
    Value inside = arith::AndIOp::create(e.b, e.loc, e.less(row, source.size),
                                         e.less(term, to));
    Value x = e.choose(
        inside, e.f32(), [&] { return source.at(row, term); },
        [&] { return e.constant(0.0, e.f32()); });
    e.store(x, memory, e.add(e.mul(k, shape.side + padding), i));
  }
}

SmallVector<Value> Tile::sums(const TileSource &a, const TileSource &b,
                              Value row, Value column, Value from, Value to) {
  SmallVector<Value> zeros(16, e.constant(0.0, e.f32()));
  Math m{e.b, e.loc};
  return e.loop(from, to, tileTerms, zeros, [&](Value k, ValueRange sums) {
    fill(a, memoryA, row, k, to);
    fill(b, memoryB, column, k, to);
    e.barrier();
    SmallVector<Value> next(sums);
    VectorType four = e.vector(4);
    for (int64_t t = 0; t < tileTerms; ++t) {
      Value start = e.constant(t * (shape.side + padding));
      Value left = e.loadWide(four, memoryA, e.add(start, threadRow));
      Value right = e.loadWide(four, memoryB, e.add(start, threadColumn));
      SmallVector<Value> x, y;
      for (int64_t i = 0; i < 4; ++i) {
        x.push_back(e.element(left, i));
        y.push_back(e.element(right, i));
      }
      for (int64_t i = 0; i < 4; ++i)
        for (int64_t j = 0; j < 4; ++j)
          next[4 * i + j] = m.fma(x[i], y[j], next[4 * i + j]);
    }
    e.barrier();
    return next;
  });
}

void Tile::each(ArrayRef<Value> sums, Value row, Value column, Value rows,
                Value columns, function_ref<void(Value, Value, Value)> finish) {
  for (int64_t i = 0; i < 4; ++i)
    for (int64_t j = 0; j < 4; ++j) {
      Value r = e.add(e.add(row, threadRow), e.constant(i));
      Value c = e.add(e.add(column, threadColumn), e.constant(j));
      Value inside = arith::AndIOp::create(e.b, e.loc, e.less(r, rows),
                                           e.less(c, columns));
      e.branch(inside, [&] { finish(sums[4 * i + j], r, c); });
    }
}

} // namespace qopt::cuda
