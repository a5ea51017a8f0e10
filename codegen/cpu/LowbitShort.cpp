// Sums of products of bytes without VNNI: in 16 bits for a while, then in 32.
//
//   for every few steps, as many as 16 bits hold:
//     for every step:
//       w[v] = fields of the line       one shift for four fields of 2 bits:
//                                       v & 03, v & 0c, v >> 4 & 03, v >> 4 &
//                                       0c
//       short[r][v] += pairs(w[v], x)   vpmaddubsw, vpaddw
//     sum[r][v] += pairs of short       vpmaddwd by ones, vpaddd
//   the fields that lay 4 times as high are divided, exactly
//
// With 2 bits 14 instructions for 128 weights, 11 with 64 for 4 bits. A pair of
// products is at most 2 * 128 * code in size, so that 32768 / 256 / code of
// them fit: 16 for ternary codes (0 .. 2, times 4), 10 for 2 bits, 18 for 3, 8
// for 4.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/cpu/Dot.h"
#include "qopt/codegen/cpu/LowbitTile.h"

using namespace mlir;

namespace qopt::cpu {

/// How many times too large the codes of a vector are taken.
int64_t LowbitTileWriter::shortFactor(int64_t index) const {
  return shape.packing.bits == 2 && part(index).field % 2 == 1 ? 4 : 1;
}

/// The codes of four channels, times their factor.
Value LowbitTileWriter::shortField(int64_t index, Value step, int64_t word) {
  if (shape.packing.bits != 2)
    return field(index, step, word);
  Value codes = shiftRight(line(index, step, word), part(index).field / 2 * 4);
  Value mask = inEveryByte(3 * shortFactor(index));
  return arith::AndIOp::create(e.b, e.loc, codes, mask);
}

void LowbitTileWriter::stepShort(MutableArrayRef<Value> sums, Value index,
                                 int64_t columns) {
  lines.clear();
  for (int64_t word = 0; 4 * word < columns; ++word) {
    Value column =
        e.add(e.mul(index, shape.packing.stepColumns()), e.constant(4 * word));
    int64_t width = std::min<int64_t>(4, columns - 4 * word);
    SmallVector<Value> words;
    for (int64_t v = 0; v < tile.parts; ++v)
      words.push_back(shortField(v, index, word));
    for (int64_t r = 0; r < tile.rows; ++r) {
      Value x = broadcast(inputWord(r, column, width));
      for (int64_t v = 0; v < tile.parts; ++v) {
        Value &sum = sums[r * tile.parts + v];
        sum = arith::AddIOp::create(e.b, e.loc, sum,
                                    pairProducts(e, words[v], x));
      }
    }
  }
}

SmallVector<Value> LowbitTileWriter::sumShort(Value from, int64_t steps) {
  int64_t largest = 1, count = tile.rows * tile.parts;
  for (int64_t v = 0; v < tile.parts; ++v)
    largest = std::max(largest, shortFactor(v) * (op.getScheme().getCodeMax() +
                                                  shape.packing.offset));
  int64_t words = shape.packing.stepColumns() / 4;
  int64_t atOnce = std::max<int64_t>(1, 32768 / 256 / largest / words);
  VectorType type = e.vector(2 * shape.lanes, e.b.getI16Type());
  SmallVector<Value> nothing(count, m.integer(0, type));
  auto flush = [&](ValueRange sums, ArrayRef<Value> shorts) {
    SmallVector<Value> next;
    for (auto [sum, some] : llvm::zip(sums, shorts))
      next.push_back(arith::AddIOp::create(e.b, e.loc, sum, sumPairs(e, some)));
    return next;
  };
  /// Steps [first, first + n), added to the sums.
  auto block = [&](Value first, int64_t n, ValueRange sums) {
    SmallVector<Value> shorts =
        e.loop(first, e.add(first, e.constant(n)), 1, nothing,
               [&](Value step, ValueRange carried) {
                 SmallVector<Value> next(carried);
                 stepShort(next, step, shape.packing.stepColumns());
                 return next;
               });
    return flush(sums, shorts);
  };
  SmallVector<Value> sums(count, m.integer(0, integers));
  int64_t whole = steps / atOnce * atOnce;
  Value end = e.add(from, e.constant(whole));
  if (whole)
    sums = e.loop(from, end, atOnce, sums, [&](Value first, ValueRange sums) {
      return block(first, atOnce, sums);
    });
  if (whole < steps)
    sums = block(end, steps - whole, sums);
  if (int64_t rest = shape.restColumns()) {
    SmallVector<Value> shorts(nothing);
    stepShort(shorts, e.add(from, e.constant(steps)), rest);
    sums = flush(sums, shorts);
  }
  for (int64_t i = 0; i < count; ++i)
    if (shortFactor(i % tile.parts) == 4)
      sums[i] =
          arith::ShRSIOp::create(e.b, e.loc, sums[i], m.integer(2, integers));
  return sums;
}

} // namespace qopt::cpu
