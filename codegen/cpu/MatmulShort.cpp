// Products of few rows by a matrix that is read once, where it lies.
//
//   b[N, K], forward:
//     for every vector of L columns:                  tasks of 32 KB of b
//       for every S of them:                          S streams through memory
//         sum[M][S] += a[m, k .. k + L] * b[s, k .. k + L]
//       y[m, columns] = epilogue(across(sum))
//
//   b[K, N], dX:
//     for every strip of 128 or 256 columns:          a task
//       for k in [0, K) by 8:                         8 streams through memory
//         for every vector of the strip:
//           partial[m] += a[m, k] * b[k] + ... + a[m, k + 7] * b[k + 7]
//       y[m, strip] = epilogue(partial)
//
// Bound by reading b.

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/cpu/Matmul.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace qopt::cpu {

/// Rows of b that are read side by side.
static constexpr int64_t mostStreams = 8;

namespace {

/// Writes the loops for a number of rows.
class FewRows : public MatmulWriter {
public:
  FewRows(Emitter &e, int64_t count) : MatmulWriter(e), count(count) {}
  void write();

private:
  void writeColumns(Value first);
  void sumColumns(Value first, Value place, int64_t streams);
  Value across(Value sum);
  void writeStrip(Value first);
  void addTerms(Value first, Value k, int64_t terms);
  void addVector(ArrayRef<SmallVector<Value>> factors, Value first, Value k,
                 Value column, Value mask);
  void finish(Value first, Value column, Value stride);

  int64_t count;
};

} // namespace

/// In halves.
Value FewRows::across(Value sum) {
  for (int64_t half = lanes / 2; half >= 1; half /= 2) {
    auto part = [&](int64_t from) {
      auto places = llvm::to_vector(llvm::seq<int64_t>(from, from + half));
      return vector::ShuffleOp::create(e.b, e.loc, sum, sum, places);
    };
    Value low = part(0), high = part(half);
    sum = m.add(low, high);
  }
  return vector::ExtractOp::create(e.b, e.loc, sum, ArrayRef<int64_t>{0});
}

/// Columns [first, first + streams), to [row][L] from `place` on; behind the
/// last column it is once more.
void FewRows::sumColumns(Value first, Value place, int64_t streams) {
  SmallVector<Value> starts;
  Value last = e.add(N, e.constant(-1));
  for (int64_t s = 0; s < streams; ++s)
    starts.push_back(e.mul(least(e.add(first, e.constant(s)), last), K));
  auto step = [&](Value k, Value mask, ValueRange sums) {
    SmallVector<Value> next(sums), right;
    for (Value start : starts)
      right.push_back(loadVector(e, lanes, e.pointer(contraction.rhs),
                                 e.add(start, k), elementOf(contraction.rhs),
                                 mask));
    for (int64_t r = 0; r < count; ++r) {
      Value x =
          loadVector(e, lanes, e.pointer(contraction.lhs),
                     e.add(e.mul(K, r), k), elementOf(contraction.lhs), mask);
      for (int64_t s = 0; s < streams; ++s) {
        Value &sum = next[r * streams + s];
        sum = m.fma(x, right[s], sum);
      }
    }
    return next;
  };
  Value whole = e.mul(div(K, e.constant(lanes)), lanes);
  SmallVector<Value> zeros(count * streams, e.constant(0.0, vector));
  SmallVector<Value> sums =
      e.loop(e.constant(0), whole, lanes, zeros,
             [&](Value k, ValueRange sums) { return step(k, Value(), sums); });
  // Once or not at all.
  sums = e.loop(whole, K, lanes, sums, [&](Value k, ValueRange sums) {
    return step(k, maskOf(e, lanes, sub(K, k)), sums);
  });
  for (int64_t r = 0; r < count; ++r)
    for (int64_t s = 0; s < streams; ++s)
      e.store(across(sums[r * streams + s]), e.scratch,
              e.add(place, e.constant(r * lanes + s)));
}

/// The rows of partial sums [row][stride] at `column` of the strip at `first`.
void FewRows::finish(Value first, Value column, Value stride) {
  for (int64_t r = 0; r < count; ++r) {
    Value at = e.add(e.mul(stride, r), column);
    epilogue.finish(e.load(vector, e.scratch, at), e.constant(r),
                    e.add(first, column));
  }
}

void FewRows::writeColumns(Value first) {
  // Three quarters of the registers are sums.
  int64_t fit = e.target.vectorRegisters * 3 / 4 / count;
  int64_t streams = std::min<int64_t>(
      {lanes, mostStreams, int64_t(llvm::bit_floor(uint64_t(fit)))});
  streams = std::max<int64_t>(streams, 1);
  e.loop(e.constant(0), e.constant(lanes), streams,
         [&](Value s) { sumColumns(e.add(first, s), s, streams); });
  finish(first, e.constant(0), e.constant(lanes));
}

/// Adds `factors` [row][term] times rows k, k + 1, ... of b to the partial sums
/// of a vector.
void FewRows::addVector(ArrayRef<SmallVector<Value>> factors, Value first,
                        Value k, Value column, Value mask) {
  SmallVector<Value> right;
  for (size_t i = 0; i < factors[0].size(); ++i) {
    Value row = e.mul(e.add(k, e.constant(i)), N);
    right.push_back(loadVector(e, lanes, e.pointer(contraction.rhs),
                               e.add(row, e.add(first, column)),
                               elementOf(contraction.rhs), mask));
  }
  for (auto [r, row] : llvm::enumerate(factors)) {
    Value at = e.add(e.constant(r * division.streams), column);
    Value sum = m.mul(row[0], right[0]);
    for (size_t i = 1; i < row.size(); ++i)
      sum = m.fma(row[i], right[i], sum);
    e.store(m.add(e.load(vector, e.scratch, at), sum), e.scratch, at);
  }
}

void FewRows::addTerms(Value first, Value k, int64_t terms) {
  SmallVector<SmallVector<Value>> factors(count);
  for (int64_t r = 0; r < count; ++r)
    for (int64_t i = 0; i < terms; ++i)
      factors[r].push_back(
          broadcast(e.pointer(contraction.lhs),
                    e.add(e.mul(K, r), e.add(k, e.constant(i))),
                    elementOf(contraction.lhs)));
  Value width = least(e.constant(division.streams), sub(N, first));
  Value whole = e.mul(div(width, e.constant(lanes)), lanes);
  e.loop(e.constant(0), whole, lanes,
         [&](Value column) { addVector(factors, first, k, column, Value()); });
  e.branch(less(whole, width), [&] {
    addVector(factors, first, k, whole, maskOf(e, lanes, sub(width, whole)));
  });
}

void FewRows::writeStrip(Value first) {
  Value stride = e.constant(division.streams);
  e.loop(e.constant(0), e.mul(stride, count), lanes,
         [&](Value at) { e.store(e.constant(0.0, vector), e.scratch, at); });
  Value whole = e.mul(div(K, e.constant(mostStreams)), mostStreams);
  e.loop(e.constant(0), whole, mostStreams,
         [&](Value k) { addTerms(first, k, mostStreams); });
  e.loop(whole, K, 1, [&](Value k) { addTerms(first, k, 1); });
  Value width = least(stride, sub(N, first));
  e.loop(e.constant(0), width, lanes,
         [&](Value column) { finish(first, column, stride); });
}

void FewRows::write() {
  Value strips = ceilDiv(N, division.streams);
  Value from = e.mul(e.begin, division.strips);
  Value to = least(e.mul(e.end, division.strips), strips);
  e.loop(from, to, 1, [&](Value strip) {
    Value first = e.mul(strip, division.streams);
    if (contraction.rhsTurned)
      writeColumns(first);
    else
      writeStrip(first);
  });
}

void writeFewRows(Emitter &e) {
  Contraction contraction = *Contraction::of(e.kernel);
  Value rows = e.size(contraction.rows);
  auto only = dyn_cast<AffineConstantExpr>(contraction.rows);
  for (int64_t count = 1; count <= fewRows; ++count) {
    if (only && only.getValue() != count)
      continue;
    Value fits = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq,
                                       rows, e.constant(count));
    e.branch(fits, [&] { FewRows(e, count).write(); });
  }
}

} // namespace qopt::cpu
