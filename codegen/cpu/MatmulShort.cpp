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
//       for k in [0, K) by 16:
//         for every V vectors of the strip:
//           for 16 k: sum[M][V] += a[m, k] * b[k, vectors]
//           partial[m] += sum
//       y[m, strip] = epilogue(partial)
//
// Bound by reading b, whose next lines are asked for: rows, and pieces of them,
// are too short for the prefetcher of the machine.

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/cpu/Matmul.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace qopt::cpu {

/// Vectors of b that are read side by side.
static constexpr int64_t mostStreams = 8;
/// Rows of b [K, N] of one block; those of the next are asked for meanwhile.
static constexpr int64_t blockRows = 16;

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
  void addTerms(Value first, Value k, Value column, int64_t vectors,
                Value mask);
  int64_t streams();
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
    for (Value start : starts) {
      // The tile behind this one follows in memory.
      Value base = e.pointer(contraction.rhs), at = e.add(start, k);
      Type element = elementOf(contraction.rhs);
      prefetch(base, e.add(at, e.mul(K, streams)), element);
      right.push_back(loadVector(e, lanes, base, at, element, mask));
    }
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

/// As many as leave a quarter of the registers beside the sums.
int64_t FewRows::streams() {
  uint64_t fit = std::max<int64_t>(e.target.vectorRegisters * 3 / 4 / count, 1);
  return std::min<int64_t>({lanes, mostStreams, int64_t(llvm::bit_floor(fit))});
}

void FewRows::writeColumns(Value first) {
  e.loop(e.constant(0), e.constant(lanes), streams(),
         [&](Value s) { sumColumns(e.add(first, s), s, streams()); });
  finish(first, e.constant(0), e.constant(lanes));
}

/// Adds the products of a block of terms from k on to the partial sums of some
/// vectors of the strip at `first`.
void FewRows::addTerms(Value first, Value k, Value column, int64_t vectors,
                       Value mask) {
  Type element = elementOf(contraction.rhs);
  Value base = e.pointer(contraction.rhs);
  SmallVector<Value> zeros(count * vectors, e.constant(0.0, vector));
  Value end = least(e.add(k, e.constant(blockRows)), K);
  SmallVector<Value> sums =
      e.loop(k, end, 1, zeros, [&](Value k, ValueRange carried) {
        SmallVector<Value> next(carried), right;
        Value at = e.add(e.mul(k, N), e.add(first, column));
        for (int64_t p = 0; p < vectors; ++p) {
          Value place = e.add(at, e.constant(p * lanes));
          prefetch(base, e.add(place, e.mul(N, blockRows)), element);
          right.push_back(loadVector(e, lanes, base, place, element, mask));
        }
        for (int64_t r = 0; r < count; ++r) {
          Value all =
              broadcast(e.pointer(contraction.lhs), e.add(e.mul(K, r), k),
                        elementOf(contraction.lhs));
          for (int64_t p = 0; p < vectors; ++p) {
            Value &sum = next[r * vectors + p];
            sum = m.fma(all, right[p], sum);
          }
        }
        return next;
      });
  for (int64_t r = 0; r < count; ++r)
    for (int64_t p = 0; p < vectors; ++p) {
      int64_t offset = r * division.streams + p * lanes;
      Value at = e.add(column, e.constant(offset));
      Value partial = e.load(vector, e.scratch, at);
      e.store(m.add(partial, sums[r * vectors + p]), e.scratch, at);
    }
}

void FewRows::writeStrip(Value first) {
  Value stride = e.constant(division.streams), none = e.constant(0);
  e.loop(none, e.mul(stride, count), lanes,
         [&](Value at) { e.store(e.constant(0.0, vector), e.scratch, at); });
  Value width = least(stride, sub(N, first));
  auto wholeBy = [&](int64_t columns) {
    return e.mul(div(width, e.constant(columns)), columns);
  };
  int64_t vectors = streams();
  Value wide = wholeBy(vectors * lanes), whole = wholeBy(lanes);
  e.loop(none, K, blockRows, [&](Value k) {
    e.loop(none, wide, vectors * lanes,
           [&](Value column) { addTerms(first, k, column, vectors, Value()); });
    if (vectors > 1)
      e.loop(wide, whole, lanes,
             [&](Value column) { addTerms(first, k, column, 1, Value()); });
    e.branch(less(whole, width), [&] {
      addTerms(first, k, whole, 1, maskOf(e, lanes, sub(width, whole)));
    });
  });
  e.loop(none, width, lanes,
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
