// Products of matrices of f32, see Product.h.

#include "qopt/codegen/cpu/Product.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/tile/Math.h"
#include "llvm/Support/MathExtras.h"

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

/// All rows of some columns: whole tiles, then smaller ones, by powers of 2.
void Product::column(Strided a, Strided b, Strided c, Value M, Value K,
                     int64_t vectors, int64_t lanes, bool adds) {
  Value rest = arith::RemUIOp::create(e.b, e.loc, M, e.constant(rows));
  Value whole = arith::SubIOp::create(e.b, e.loc, M, rest);
  auto from = [&](Value row, int64_t count) {
    tile(a.fromRow(e, row), b, c.fromRow(e, row), K, {count, vectors, lanes},
         adds);
  };
  e.loop(e.constant(0), whole, rows, [&](Value row) { from(row, rows); });
  Value row = whole;
  for (int64_t count = llvm::PowerOf2Ceil(rows) / 2; count >= 1; count /= 2) {
    Value some = arith::AndIOp::create(e.b, e.loc, rest, e.constant(count));
    Value any = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::ne,
                                      some, e.constant(0));
    e.branch(any, [&] { from(row, count); });
    row = e.add(row, some);
  }
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

void Product::writePanels(Strided a, Value base, Value start, Strided c,
                          Value M, Value N, int64_t K) {
  e.loop(e.constant(0), N, width(), [&](Value n) {
    Value panel = e.add(start, e.mul(n, K));
    column(a, rowMajor(e, base, panel, e.constant(width())), c.fromColumn(e, n),
           M, e.constant(K), vectors, lanes, false);
  });
}

/// Rows are exchanged in pairs that are 1, 2, 4, ... apart, by halves of that
/// length.
SmallVector<Value> turned(Emitter &e, ArrayRef<Value> from) {
  SmallVector<Value> rows(from);
  int64_t size = rows.size();
  for (int64_t half = 1; half < size; half *= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t i = 0; i < size; ++i) {
      bool second = i / half % 2;
      low.push_back(second ? size + i - half : i);
      high.push_back(second ? size + i : i + half);
    }
    for (int64_t i = 0; i < size; ++i) {
      if (i / half % 2)
        continue;
      Value x = rows[i], y = rows[i + half];
      rows[i] = vector::ShuffleOp::create(e.b, e.loc, x, y, low);
      rows[i + half] = vector::ShuffleOp::create(e.b, e.loc, x, y, high);
    }
  }
  return rows;
}

/// size x size elements. Behind the last row it is read again.
void Product::transposeBlock(Strided from, Value last, Value to, Value toStart,
                             int64_t size) {
  SmallVector<Value> rows;
  for (int64_t j = 0; j < size; ++j) {
    Value row = arith::MinSIOp::create(e.b, e.loc, e.constant(j), last);
    rows.push_back(e.load(e.vector(size), from.base,
                          e.add(from.start, e.mul(from.row, row))));
  }
  for (auto [c, column] : llvm::enumerate(turned(e, rows)))
    e.store(column, to, e.add(toStart, e.constant(int64_t(c) * width())));
}

void Product::transpose(Strided from, Value count, int64_t C, Value to,
                        Value toStart) {
  // The last block of columns is moved back.
  int64_t size = std::min<int64_t>(lanes, llvm::bit_floor(uint64_t(C)));
  Value end = e.constant(C - size);
  e.loop(e.constant(0), count, size, [&](Value j) {
    Value panel = arith::DivUIOp::create(e.b, e.loc, j, e.constant(width()));
    Value inPanel = arith::RemUIOp::create(e.b, e.loc, j, e.constant(width()));
    Value place = e.add(toStart, e.add(e.mul(panel, C * width()), inPanel));
    Value last = e.add(count, e.constant(-1));
    last = arith::SubIOp::create(e.b, e.loc, last, j);
    e.loop(e.constant(0), e.constant(C), size, [&](Value c) {
      c = arith::MinSIOp::create(e.b, e.loc, c, end);
      transposeBlock(from.fromRow(e, j).fromColumn(e, c), last, to,
                     e.add(place, e.mul(c, width())), size);
    });
  });
}

} // namespace qopt::cpu
