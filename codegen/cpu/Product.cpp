// Products of matrices of f32, see Product.h.

#include "qopt/codegen/cpu/Product.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/cpu/Math.h"

using namespace mlir;

namespace qopt::cpu {

Strided Strided::fromRow(Emitter &e, Value i) const {
  return {base, e.add(start, e.mul(i, row)), row, column};
}

Strided Strided::fromColumn(Emitter &e, Value k) const {
  return {base, e.add(start, e.mul(k, column)), row, column};
}

Strided rowMajor(Emitter &e, Value base, Value start, Value row) {
  return {base, start, row, e.constant(1)};
}

// Sums, what b gives, and a broadcast must fit the registers.
static int64_t vectorsOn(const Target &target) {
  return target.vectorRegisters >= 32 ? 4 : 2;
}

int64_t Product::widthOn(const Target &target) {
  return target.vectorBytes / 4 * vectorsOn(target);
}

Product::Product(Emitter &e)
    : e(e), lanes(e.lanes()), vectors(vectorsOn(e.target)),
      rows(e.target.vectorBytes >= 32 ? 6 : 4) {}

/// One tile of c.
void Product::tile(Strided a, Strided b, Strided c, Value K, Tile tile,
                   bool adds) {
  VectorType type = e.vector(tile.lanes);
  Math m{e.b, e.loc};
  auto place = [&](int64_t r, int64_t v) {
    Value row = e.add(c.start, e.mul(c.row, r));
    return e.add(row, e.constant(v * tile.lanes));
  };
  SmallVector<Value> sums;
  for (int64_t r = 0; r < tile.rows; ++r)
    for (int64_t v = 0; v < tile.vectors; ++v)
      sums.push_back(adds ? e.load(type, c.base, place(r, v))
                          : e.constant(0.0, type));
  sums = e.loop(e.constant(0), K, 1, sums, [&](Value k, ValueRange carried) {
    SmallVector<Value> next(carried), columns;
    Value start = e.add(b.start, e.mul(k, b.row));
    for (int64_t v = 0; v < tile.vectors; ++v)
      columns.push_back(
          e.load(type, b.base, e.add(start, e.constant(v * tile.lanes))));
    for (int64_t r = 0; r < tile.rows; ++r) {
      Value at = e.add(e.add(a.start, e.mul(a.row, r)), e.mul(k, a.column));
      Value all = vector::BroadcastOp::create(e.b, e.loc, type,
                                              e.load(e.f32(), a.base, at));
      for (int64_t v = 0; v < tile.vectors; ++v) {
        Value &sum = next[r * tile.vectors + v];
        sum = m.fma(all, columns[v], sum);
      }
    }
    return next;
  });
  for (int64_t r = 0; r < tile.rows; ++r)
    for (int64_t v = 0; v < tile.vectors; ++v)
      e.store(sums[r * tile.vectors + v], c.base, place(r, v));
}

/// All rows of some columns: whole tiles, then row by row.
void Product::column(Strided a, Strided b, Strided c, Value M, Value K,
                     int64_t vectors, int64_t lanes, bool adds) {
  Value rest = arith::RemUIOp::create(e.b, e.loc, M, e.constant(rows));
  Value whole = arith::SubIOp::create(e.b, e.loc, M, rest);
  auto from = [&](Value row, int64_t count) {
    tile(a.fromRow(e, row), b, c.fromRow(e, row), K, {count, vectors, lanes},
         adds);
  };
  e.loop(e.constant(0), whole, rows, [&](Value row) { from(row, rows); });
  e.loop(whole, M, 1, [&](Value row) { from(row, 1); });
}

void Product::write(Strided a, Strided b, Strided c, Value M, int64_t N,
                    Value K, bool adds) {
  int64_t done = 0;
  auto columns = [&](int64_t vectors, int64_t lanes) {
    Value n = e.constant(done);
    column(a, b.fromColumn(e, n), c.fromColumn(e, n), M, K, vectors, lanes,
           adds);
    done += vectors * lanes;
  };
  int64_t whole = N / width() * width();
  if (whole > 0)
    write(a, b, c, M, e.constant(whole), K, adds);
  done = whole;
  if (int64_t left = (N - done) / lanes)
    columns(left, lanes);
  for (int64_t narrow = lanes / 2; narrow >= 1; narrow /= 2)
    if (N - done >= narrow)
      columns(1, narrow);
}

void Product::write(Strided a, Strided b, Strided c, Value M, Value N, Value K,
                    bool adds) {
  e.loop(e.constant(0), N, width(), [&](Value n) {
    column(a, b.fromColumn(e, n), c.fromColumn(e, n), M, K, vectors, lanes,
           adds);
  });
}

/// lanes x lanes elements: rows are exchanged in pairs that are 1, 2, 4, ...
/// apart, by halves of that length.
void Product::transposeBlock(Strided from, Value to, Value toStart,
                             Value stride) {
  SmallVector<Value> rows;
  for (int64_t j = 0; j < lanes; ++j)
    rows.push_back(e.load(e.vector(lanes), from.base,
                          e.add(from.start, e.mul(from.row, j))));
  for (int64_t half = 1; half < lanes; half *= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t i = 0; i < lanes; ++i) {
      bool second = i / half % 2;
      low.push_back(second ? lanes + i - half : i);
      high.push_back(second ? lanes + i : i + half);
    }
    for (int64_t i = 0; i < lanes; ++i) {
      if (i / half % 2)
        continue;
      Value x = rows[i], y = rows[i + half];
      rows[i] = vector::ShuffleOp::create(e.b, e.loc, x, y, low);
      rows[i + half] = vector::ShuffleOp::create(e.b, e.loc, x, y, high);
    }
  }
  for (int64_t c = 0; c < lanes; ++c)
    e.store(rows[c], to, e.add(toStart, e.mul(stride, c)));
}

void Product::transpose(Strided from, Value count, int64_t C, Value to,
                        Value toStart, Value stride) {
  auto single = [&](Value j, Value c, bool exists) {
    Value at = e.add(from.fromRow(e, j).start, c);
    Value x =
        exists ? e.load(e.f32(), from.base, at) : e.constant(0.0, e.f32());
    e.store(x, to, e.add(e.add(toStart, e.mul(c, stride)), j));
  };
  int64_t whole = C / lanes * lanes;
  Value rest = arith::RemUIOp::create(e.b, e.loc, count, e.constant(lanes));
  Value blocks = arith::SubIOp::create(e.b, e.loc, count, rest);
  e.loop(e.constant(0), blocks, lanes, [&](Value j) {
    e.loop(e.constant(0), e.constant(whole), lanes, [&](Value c) {
      transposeBlock(from.fromRow(e, j).fromColumn(e, c), to,
                     e.add(e.add(toStart, e.mul(c, stride)), j), stride);
    });
    e.loop(j, e.add(j, e.constant(lanes)), 1, [&](Value j) {
      e.loop(e.constant(whole), e.constant(C), 1,
             [&](Value c) { single(j, c, true); });
    });
  });
  e.loop(blocks, count, 1, [&](Value j) {
    e.loop(e.constant(0), e.constant(C), 1,
           [&](Value c) { single(j, c, true); });
  });
  Value up = e.add(count, e.constant(width() - 1));
  Value end = arith::SubIOp::create(
      e.b, e.loc, up,
      arith::RemUIOp::create(e.b, e.loc, up, e.constant(width())));
  e.loop(count, end, 1, [&](Value j) {
    e.loop(e.constant(0), e.constant(C), 1,
           [&](Value c) { single(j, c, false); });
  });
}

} // namespace qopt::cpu
