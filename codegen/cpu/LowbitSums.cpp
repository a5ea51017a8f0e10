// Sums of the codes of a row, or of its groups: what the offset of the weight's
// codes, or their zeros, add to every sum of products.
//
//   for as many groups as a vector has lanes:
//     x[i] = sums of four codes each, a group behind the other      dot4 by
//     ones as long as a group has several of them: add the neighbours
//
// Every task for many rows needs them all: 2 instructions a group of 32 codes,
// where a sum across the lanes of a vector takes 12 for each group.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/cpu/Dot.h"
#include "qopt/codegen/cpu/LowbitLinear.h"

using namespace mlir;

namespace qopt::cpu {

namespace {

/// Writes sums of groups of the input, which lie one behind the other.
class InputSumWriter {
public:
  InputSumWriter(Emitter &e, const LowbitShape &shape)
      : e(e), m{e.b, e.loc}, shape(shape), op(shape.op),
        size(shape.channels / shape.groups),
        factor(shape.sumsAreStarts() ? -shape.packing.offset : 1) {}

  void write(Value row, Value count, Value to);

private:
  Value fourAt(Value column, VectorType type, Value sum);
  Value sumOf(Value start);
  Value sumsOf(Value start);
  Value scaled(Value sum) {
    return factor == 1
               ? sum
               : Value(arith::MulIOp::create(e.b, e.loc, sum,
                                             m.integer(factor, sum.getType())));
  }
  /// Whether groups are summed side by side.
  bool besides() const {
    return shape.groups > 1 && size % 4 == 0 && llvm::isPowerOf2_64(size / 4);
  }

  Emitter &e;
  Math m;
  const LowbitShape &shape;
  lowbit::LinearOp op;
  int64_t size;   ///< of a group
  int64_t factor; ///< of all sums
};

} // namespace

/// `sum` + the sums of every four codes from `column` on.
Value InputSumWriter::fourAt(Value column, VectorType type, Value sum) {
  Value address = e.offset(e.pointer(op.getInput()), column, e.b.getI8Type());
  Value x = LLVM::LoadOp::create(e.b, e.loc, type, address, 1);
  return dot4(e, sum, m.integer(0x01010101, type), x);
}

/// The sum of the codes of a group that begin at `start`.
Value InputSumWriter::sumOf(Value start) {
  Type i32 = e.b.getI32Type(), i8 = e.b.getI8Type();
  int64_t lanes = shape.lanes;
  while (lanes > 1 && shape.groups > 1 && size % (4 * lanes) != 0)
    lanes /= 2;
  VectorType type = e.vector(lanes, i32);
  int64_t whole = size / (4 * lanes) * 4 * lanes;
  Value sums =
      e.loop(e.constant(0), e.constant(whole), 4 * lanes, m.integer(0, type),
             [&](Value c, ValueRange sum) {
               return SmallVector<Value>{fourAt(e.add(start, c), type, sum[0])};
             })[0];
  Value sum =
      vector::ReductionOp::create(e.b, e.loc, vector::CombiningKind::ADD, sums);
  return e.loop(
      e.constant(whole), e.constant(size), 1, sum,
      [&](Value c, ValueRange sum) {
        Value x = e.load(i8, e.pointer(op.getInput()), e.add(start, c));
        x = arith::ExtSIOp::create(e.b, e.loc, i32, x);
        return SmallVector<Value>{arith::AddIOp::create(e.b, e.loc, sum[0], x)};
      })[0];
}

/// The sums of as many groups as there are lanes.
Value InputSumWriter::sumsOf(Value start) {
  int64_t lanes = shape.lanes;
  VectorType type = e.vector(lanes, e.b.getI32Type());
  int64_t vectors = std::max<int64_t>(1, size / 4 / lanes); // of a long group
  SmallVector<Value> sums;
  for (int64_t i = 0, n = size / 4 / vectors; i < n; ++i) {
    Value sum = m.integer(0, type);
    for (int64_t j = 0; j < vectors; ++j)
      sum = fourAt(e.add(start, e.constant(4 * lanes * (i * vectors + j))),
                   type, sum);
    sums.push_back(sum);
  }
  SmallVector<int64_t> even, odd;
  for (int64_t i = 0; i < lanes; ++i) {
    even.push_back(2 * i);
    odd.push_back(2 * i + 1);
  }
  while (sums.size() > 1) {
    SmallVector<Value> next;
    for (size_t i = 0; i < sums.size(); i += 2) {
      auto half = [&](ArrayRef<int64_t> places) {
        return vector::ShuffleOp::create(e.b, e.loc, sums[i], sums[i + 1],
                                         places);
      };
      next.push_back(arith::AddIOp::create(e.b, e.loc, half(even), half(odd)));
    }
    sums = std::move(next);
  }
  return sums[0];
}

void InputSumWriter::write(Value row, Value count, Value to) {
  Value first = e.mul(row, shape.channels), from = e.constant(0);
  Value all = e.mul(count, shape.groups);
  auto start = [&](Value set) { return e.add(first, e.mul(set, size)); };
  if (besides()) {
    Value lanes = e.constant(shape.lanes);
    Value whole = e.b.createOrFold<arith::DivUIOp>(e.loc, all, lanes);
    whole = e.mul(whole, lanes);
    e.loop(from, whole, shape.lanes,
           [&](Value set) { e.store(scaled(sumsOf(start(set))), to, set); });
    from = whole;
  }
  e.loop(from, all, 1,
         [&](Value set) { e.store(scaled(sumOf(start(set))), to, set); });
}

void writeInputSums(Emitter &e, const LowbitShape &shape, Value row,
                    Value count, Value to) {
  InputSumWriter(e, shape).write(row, count, to);
}

} // namespace qopt::cpu
