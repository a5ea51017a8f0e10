// train.classifier_loss and train.classifier_loss_grad on the GPU.
//
//   for every R rows, a round:
//     z[R, V] = x W^T; of a teacher q[R, V]       tiles, to the workspace
//     for every row:                              a block
//       log = ln(sum(e^z)) + max(z)
//       y   = log - z[target]
//       y   = ce * y + kl * sum(p * ((q - log of q) - (z - log)))
//       of the gradient, in place:
//       z[v] = dy * (e^(z - log) - (v = t ? 1 : 0)); with a teacher
//              dy * ((ce + kl) * e^(z - log) - kl * p - (v = t ? ce : 0))
//     of the gradient, for every tile:            a block
//       dW[V, C] (+)= z^T x, if it is asked for   reads dW after the first
//       round dx[R, C] = z W
//
// Bound by the multiply units: two products of rows, words and channels for
// each head, two for dx and two for dW. The logits of all rows are never there.
// Weights are read where they lie, in rows, turned, or as codes. The order of
// every sum is that of the formula's index, cut where rounds are.

#include "qopt/codegen/cuda/Families.h"
#include "qopt/codegen/cuda/LogitRow.h"
#include "qopt/codegen/cuda/Tile.h"
#include "qopt/codegen/tile/ClassifierOperands.h"
#include "qopt/codegen/tile/Element.h"
#include "qopt/codegen/tile/Elementwise.h"

using namespace mlir;

namespace qopt::cuda {

/// Bytes of the logits of a round, and its rows: enough blocks for a large
/// chip.
static constexpr int64_t roundBytes = 256 << 20;
static constexpr int64_t leastRows = 64, mostRows = 2048;
static constexpr int64_t rowThreads = 256;

namespace {

/// Either op. Heads: the student's, then the teacher's, if there is one.
struct Classifier : tile::ClassifierOperands {
  using ClassifierOperands::ClassifierOperands;

  int64_t heads() const { return teacherInput ? 2 : 1; }
  TileShape tile() const { return TileShape::of(std::min(words, channels)); }
  /// Rows of a round.
  int64_t rows() const {
    int64_t fit = roundBytes / (heads() * words * 4) / leastRows * leastRows;
    return std::clamp(fit, leastRows, mostRows);
  }
  /// Elements of the workspace before the logits of a head.
  int64_t logitsAt(int64_t head) const { return head * rows() * words; }
};

} // namespace

static bool accepts(kernel::FuncOp kernel) {
  Classifier op(kernel);
  auto isNarrow = [](Value value) {
    return !value || !getElementTypeOrSelf(value).isF64();
  };
  return op.op && isNarrow(op.input) && isNarrow(op.weight) &&
         isNarrow(op.dy) && isNarrow(op.result) && isNarrow(op.teacherInput) &&
         (!op.teacherWeight || isNarrow(op.teacherWeight));
}

namespace {

class ClassifierWriter {
public:
  explicit ClassifierWriter(Emitter &e)
      : e(e), m{e.b, e.loc}, op(e.kernel), first(e.mul(e.round, op.rows())),
        rows(e.smaller(e.constant(op.rows()),
                       e.sub(e.size(rowsOf(e.kernel, op.input)), first))),
        words(e.constant(op.words)), channels(e.constant(op.channels)) {}

  void writeLogits() { writeHead(op.input, op.weight, op.channels, 0); }
  void writeTeacherLogits() {
    writeHead(op.teacherInput, op.teacherWeight, op.teacherChannels, 1);
  }
  void writeRow();
  void writeWeightGrad();
  void writeInputGrad();

private:
  /// Element (r, c) of a tensor [.., C] from the round's first row on.
  Value inputAt(Value tensor, Value r, Value c, int64_t channels) {
    return loadFloat(e, tensor, e.add(e.mul(e.add(first, r), channels), c));
  }
  Value weightAt(Value weight, Value v, Value c) {
    return Elements(e).at(weight, {v, c});
  }
  Value logitAt(Value r, Value v) {
    return e.load(e.f32(), e.workspace, e.add(e.mul(r, op.words), v));
  }
  LogitRow logitRow(int64_t head) {
    Value start =
        e.add(e.mul(e.block, op.words), e.constant(op.logitsAt(head)));
    return {e, e.workspace, e.f32(), start, words};
  }
  /// The tile of this block of a product of so many rows and columns.
  void product(const TileSource &a, const TileSource &b, Value terms,
               function_ref<void(Value, Value, Value)> finish);
  void writeHead(Value input, Value weight, int64_t channels, int64_t head);

  Emitter &e;
  Math m;
  Classifier op;
  Value first, rows; ///< of the round
  Value words, channels;
};

} // namespace

void ClassifierWriter::product(const TileSource &a, const TileSource &b,
                               Value terms,
                               function_ref<void(Value, Value, Value)> finish) {
  int64_t side = op.tile().side;
  Value across = e.div(e.add(b.size, e.constant(side - 1)), side);
  Value down = arith::DivUIOp::create(e.b, e.loc, e.block, across);
  Value row = e.mul(down, side);
  Value column = e.mul(
      arith::RemUIOp::create(e.b, e.loc, e.block, across).getResult(), side);
  // A round may have fewer rows than there are blocks for.
  e.branch(e.less(row, a.size), [&] {
    Tile tile(e, op.tile());
    SmallVector<Value> sums =
        tile.sums(a, b, row, column, e.constant(0), terms);
    tile.each(sums, row, column, a.size, b.size, finish);
  });
}

void ClassifierWriter::writeHead(Value input, Value weight, int64_t channels,
                                 int64_t head) {
  HeadSource source(weight);
  TileSource x{[&](Value r, Value c) { return inputAt(input, r, c, channels); },
               true, rows};
  TileSource w{[&](Value v, Value c) { return weightAt(weight, v, c); },
               !source.isTurned && !source.codes, words};
  product(x, w, e.constant(channels), [&](Value z, Value r, Value v) {
    Value at = e.add(e.mul(r, op.words), v);
    e.store(z, e.workspace, e.add(at, e.constant(op.logitsAt(head))));
  });
}

void ClassifierWriter::writeRow() {
  e.branch(e.less(e.block, rows), [&] {
    LogitRow row = logitRow(0), teacher = logitRow(1);
    Value log = row.logSum(), number = e.add(first, e.block), other;
    Value target = loadIndex(e, op.targets, number);
    Value loss = m.sub(log, row.at(target));
    if (op.teacherInput) {
      other = teacher.logSum();
      Value apart = divergence(row, log, teacher, other);
      loss = m.add(m.mul(loss, op.ce), m.mul(apart, op.kl));
    }
    e.branch(e.equal(e.thread, e.constant(0)),
             [&] { storeFloat(e, loss, op.result, number); });
    if (!op.dy)
      return;
    // All have read the target's logit, which one overwrites.
    e.barrier();
    Value dy = loadFloat(e, op.dy, number);
    Value counts = m.compare(arith::CmpFPredicate::UNE, dy, 0.0);
    e.loop(e.thread, words, e.threads, [&](Value v) {
      Value share = emitExp(e.b, e.loc, m.sub(row.at(v), log)), taken = share;
      if (other) {
        Value p = emitExp(e.b, e.loc, m.sub(teacher.at(v), other));
        taken = m.sub(m.mul(share, op.ce + op.kl), m.mul(p, op.kl));
      }
      Value one = m.real(other ? op.ce : 1, e.f32());
      Value own = m.select(e.equal(v, target), m.sub(taken, one), taken);
      Value dz = m.select(counts, m.mul(dy, own), m.real(0, e.f32()));
      e.store(dz, e.workspace, e.add(row.start, v));
    });
  });
}

void ClassifierWriter::writeWeightGrad() {
  TileSource z{[&](Value v, Value r) { return logitAt(r, v); }, false, words};
  TileSource x{
      [&](Value c, Value r) { return inputAt(op.input, r, c, op.channels); },
      false, channels};
  Value isFirst = e.equal(e.round, e.constant(0));
  product(z, x, rows, [&](Value sum, Value v, Value c) {
    Value at = e.add(e.mul(v, op.channels), c);
    Value before = e.choose(
        isFirst, e.f32(), [&] { return e.constant(0.0, e.f32()); },
        [&] { return loadFloat(e, op.dweight, at); });
    storeFloat(e, m.add(before, sum), op.dweight, at);
  });
}

void ClassifierWriter::writeInputGrad() {
  TileSource z{[&](Value r, Value v) { return logitAt(r, v); }, true, rows};
  TileSource w{[&](Value c, Value v) { return weightAt(op.weight, v, c); },
               HeadSource(op.weight).isTurned, channels};
  product(z, w, words, [&](Value sum, Value r, Value c) {
    Value at = e.add(e.mul(e.add(first, r), op.channels), c);
    storeFloat(e, sum, op.dinput, at);
  });
}

template <void (ClassifierWriter::*write)()>
static LogicalResult emit(Emitter &e) {
  (ClassifierWriter(e).*write)();
  return success();
}

static Phases phases(kernel::FuncOp kernel) {
  Classifier op(kernel);
  auto number = [&](int64_t value) {
    return getAffineConstantExpr(value, kernel.getContext());
  };
  int64_t side = op.tile().side, threads = op.tile().threads();
  auto tiles = [&](int64_t size) { return llvm::divideCeil(size, side); };
  int64_t down = tiles(op.rows()), across = tiles(op.words);
  int64_t deep = tiles(op.channels);
  Phases plan;
  plan.phases.push_back(
      {number(down * across), threads, emit<&ClassifierWriter::writeLogits>});
  if (op.teacherInput)
    plan.phases.push_back({number(down * across), threads,
                           emit<&ClassifierWriter::writeTeacherLogits>});
  plan.phases.push_back(
      {number(op.rows()), rowThreads, emit<&ClassifierWriter::writeRow>});
  if (op.dweight)
    plan.phases.push_back({number(across * deep), threads,
                           emit<&ClassifierWriter::writeWeightGrad>});
  if (op.dy)
    plan.phases.push_back({number(down * deep), threads,
                           emit<&ClassifierWriter::writeInputGrad>});
  plan.rounds = rowsOf(kernel, op.input).ceilDiv(op.rows());
  plan.workspace = number(op.logitsAt(op.heads()) * 4);
  return plan;
}

const KernelFamily classifierFamily = {"classifier", accepts, phases};

} // namespace qopt::cuda
