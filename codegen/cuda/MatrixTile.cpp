// A tile of a product of matrices, by matrix instructions.

#include "qopt/codegen/cuda/MatrixTile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/tile/Math.h"

using namespace mlir;

namespace qopt::cuda {

/// Bytes of an asynchronous copy.
static constexpr int64_t copyBytes = 16;

MatrixTile::MatrixTile(Emitter &e, TileShape shape, FloatType element)
    : e(e), shape(shape), element(element), down(shape.side / 32),
      across(shape.side / 16), warpRow(e.mul(e.div(e.warp, 2), shape.side / 2)),
      warpColumn(e.mul(e.rem(e.warp, 2), shape.side / 2)) {}

MatrixTile::Side MatrixTile::sideOf(const TileSource &source, Value first) {
  bool along = source.alongTerms;
  int64_t length = along ? terms() : shape.side;
  int64_t stride = SharedFactor::strideOf(element, along, length);
  Side side{source, first, used, {{}, element, along, stride}};
  used += shape.side * terms() / length * stride * (element.getWidth() / 8);
  return side;
}

SharedFactor MatrixTile::inBuffer(const Side &side, Value buffer) {
  SharedFactor factor = side.factor;
  factor.memory =
      e.offset(memory, e.add(buffer, e.constant(side.place)), e.b.getI8Type());
  return factor;
}

void MatrixTile::eachPlace(const Side &side, int64_t width,
                           function_ref<void(int64_t, Value, Value)> body) {
  int64_t length = (side.factor.alongTerms ? terms() : shape.side) / width;
  int64_t rounds = shape.side * terms() / width / threads;
  for (int64_t n = 0; n < rounds; ++n) {
    Value place = e.add(e.thread, e.constant(n * threads));
    Value outer = e.div(place, length),
          inner = e.mul(e.rem(place, length), width);
    if (side.factor.alongTerms)
      body(n, outer, inner);
    else
      body(n, inner, outer);
  }
}

MatrixTile::Values MatrixTile::begin(const Side &side, Value buffer, Value term,
                                     Value to) {
  const TileSource &source = side.source;
  auto isInside = [&](Value i, Value k) -> Value {
    return arith::AndIOp::create(e.b, e.loc, e.less(i, source.size),
                                 e.less(k, to));
  };
  Values loaded;
  if (!source.address) {
    eachPlace(side, 1, [&](int64_t, Value i, Value k) {
      i = e.add(side.first, i), k = e.add(term, k);
      loaded.push_back(e.choose(
          isInside(i, k), element,
          [&]() -> Value {
            Value x = source.at(i, k);
            if (element.isF32())
              return x;
            return arith::TruncFOp::create(e.b, e.loc, element, x);
          },
          [&] { return e.constant(0.0, element); }));
    });
    return loaded;
  }
  SharedFactor factor = inBuffer(side, buffer);
  int64_t width = copyBytes / (element.getWidth() / 8);
  eachPlace(side, width, [&](int64_t, Value i, Value k) {
    Value place = e.offset(factor.memory, factor.index(e, i, k), element);
    i = e.add(side.first, i), k = e.add(term, k);
    // What is not there is zeros.
    Value bytes =
        Math{e.b, e.loc}.select(isInside(i, k), e.i32(copyBytes), e.i32(0));
    e.copyAsync(place, source.address(i, k), bytes);
  });
  return loaded;
}

void MatrixTile::end(const Side &side, Value buffer, ArrayRef<Value> x) {
  if (x.empty())
    return;
  SharedFactor factor = inBuffer(side, buffer);
  eachPlace(side, 1, [&](int64_t n, Value i, Value k) {
    e.store(x[n], factor.memory, factor.index(e, i, k));
  });
}

MatrixTile::Values MatrixTile::multiply(const Side &a, const Side &b,
                                        Value buffer, ValueRange before) {
  SharedFactor left = inBuffer(a, buffer), right = inBuffer(b, buffer);
  Values sums(before);
  for (int64_t k = 0; k < terms(); k += left.terms()) {
    SmallVector<Terms> columns;
    for (int64_t j = 0; j < across; ++j)
      columns.push_back(right.fragmentB(e, e.add(warpColumn, e.constant(8 * j)),
                                        e.constant(k)));
    for (int64_t i = 0; i < down; ++i) {
      Terms rows =
          left.fragmentA(e, e.add(warpRow, e.constant(16 * i)), e.constant(k));
      for (int64_t j = 0; j < across; ++j)
        multiplyTerms(
            e, element, rows, columns[j],
            MutableArrayRef<Value>(sums).slice(4 * (i * across + j), 4));
    }
  }
  return sums;
}

MatrixTile::Values MatrixTile::sums(const Side &a, const Side &b, Value from,
                                    Value to) {
  auto fill = [&](Value buffer, Value term, function_ref<void()> meanwhile) {
    Values ofA = begin(a, buffer, term, to), ofB = begin(b, buffer, term, to);
    e.commitCopies();
    meanwhile();
    end(a, buffer, ofA);
    end(b, buffer, ofB);
  };
  Value first = e.constant(0);
  fill(first, from, [] {});
  Values state(4 * down * across, e.constant(0.0, e.f32()));
  state.push_back(first);
  state = e.loop(from, to, terms(), state, [&](Value k, ValueRange state) {
    Value buffer = state.back(), other = e.sub(e.constant(used), buffer);
    // This block has come, and the one before is not read any more.
    e.waitForCopies();
    e.barrier();
    Values next;
    fill(other, e.add(k, e.constant(terms())),
         [&] { next = multiply(a, b, buffer, state.drop_back()); });
    next.push_back(other);
    return next;
  });
  e.waitForCopies();
  e.barrier();
  state.pop_back();
  return state;
}

void MatrixTile::share(ArrayRef<Value> sums) {
  Value row = e.add(warpRow, e.div(e.lane, 4));
  Value column = e.add(warpColumn, e.mul(e.rem(e.lane, 4), 2));
  Value place = e.add(e.mul(row, sumStride()), column);
  for (int64_t i = 0; i < down; ++i)
    for (int64_t j = 0; j < across; ++j)
      for (int64_t half = 0; half < 2; ++half) {
        size_t n = 4 * (i * across + j) + 2 * half;
        int64_t distance = (16 * i + 8 * half) * sumStride() + 8 * j;
        Value at =
            e.offset(memory, e.add(place, e.constant(distance)), e.f32());
        e.storeWide(e.vectorOf({sums[n], sums[n + 1]}), at, e.constant(0));
      }
}

Value ifFinite(Emitter &e, const TileSource &a, const TileSource &b, Value row,
               Value column, Value to, Value sum) {
  Math m{e.b, e.loc};
  Value isFinite = m.compare(arith::CmpFPredicate::OLT, m.abs(sum), HUGE_VAL);
  return e.choose(
      isFinite, e.f32(), [&] { return sum; },
      [&] {
        return e.loop(e.constant(0), to, 1, e.constant(0.0, e.f32()),
                      [&](Value k, ValueRange sum) {
                        Value x = a.at(row, k), y = b.at(column, k);
                        return SmallVector<Value>{m.fma(x, y, sum[0])};
                      })[0];
      });
}

void MatrixTile::each(const TileSource &sourceA, const TileSource &sourceB,
                      Value row, Value column, Value from, Value to,
                      function_ref<void(Value, Value, Value)> finish) {
  Side a = sideOf(sourceA, row), b = sideOf(sourceB, column);
  memory = e.shared(std::max(2 * used, 4 * shape.side * sumStride()));
  share(sums(a, b, from, to));
  e.barrier();
  e.loop(e.thread, e.constant(shape.side * shape.side), threads, [&](Value i) {
    Value inRow = e.div(i, shape.side), inColumn = e.rem(i, shape.side);
    Value r = e.add(row, inRow), c = e.add(column, inColumn);
    Value inside = arith::AndIOp::create(e.b, e.loc, e.less(r, sourceA.size),
                                         e.less(c, sourceB.size));
    e.branch(inside, [&] {
      Value sum =
          e.load(e.f32(), memory, e.add(e.mul(inRow, sumStride()), inColumn));
      finish(sum, r, c);
    });
  });
}

} // namespace qopt::cuda
