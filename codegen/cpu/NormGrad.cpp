// train.rms_norm_grad on the CPU.
//
//   for every row, t = dy * gain:                 a task; reads 8 C, writes 4 C
//     r     = 1 / sqrt(sum(x^2) / C + eps)        kept in the workspace
//     dx[c] = r * (t[c] - x[c] * r^2 * sum(t x) / C)
//   then, for every block of channels:            a task; reads 8 C
//     for every row, in order:
//       dgain[c] += dy[c] * x[c] * r
//
// Bound by memory; a row stays in the first cache between its readings, and
// the sums of a block in registers. With a single gain a row's sum over
// channels is kept beside r, and one task sums those.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/cpu/Families.h"
#include "qopt/codegen/cpu/Span.h"
#include "qopt/codegen/tile/Tasks.h"
#include "qopt/dialects/train/Train.h"

using namespace mlir;

namespace qopt::cpu {

static bool accepts(kernel::FuncOp kernel, const Target &) {
  return onlyOp<train::RmsNormGradOp>(kernel) != nullptr;
}

/// Vectors of a block of channels.
static constexpr int64_t blockVectors = 4;

namespace {

class NormGradWriter {
public:
  explicit NormGradWriter(Emitter &e)
      : e(e), m{e.b, e.loc}, op(onlyOp<train::RmsNormGradOp>(e.kernel)),
        channels(op.getInput().getType().getShape().back()) {}

  void writeRow(Value row);
  void writeBlock(Value block);
  /// Channels of a block.
  int64_t width() const { return e.lanes() * blockVectors; }

private:
  Value load(Value tensor, Value index, int64_t lanes) {
    return loadFloats(e, tensor, index, lanes);
  }
  bool single() { return op.getGain().getType().getNumElements() == 1; }
  /// dy * gain.
  Value scaled(Value start, Value c, int64_t lanes) {
    Value gain = single()
                     ? splat(e, load(op.getGain(), e.constant(0), 1), lanes)
                     : load(op.getGain(), c, lanes);
    return m.mul(load(op.getDy(), e.add(start, c), lanes), gain);
  }
  /// What a row adds to dgain.
  Value term(Value row, Value r, Value c, int64_t lanes) {
    Value at = e.add(e.mul(row, channels), c);
    Value product =
        m.mul(load(op.getDy(), at, lanes), load(op.getInput(), at, lanes));
    return m.mul(product, splat(e, r, lanes));
  }
  /// The sum over all rows of what `of` gives, in order.
  Value sumRows(Type type, function_ref<Value(Value row)> of);
  void writeSums(Value from, Value to);

  Emitter &e;
  Math m;
  train::RmsNormGradOp op;
  int64_t channels;
};

} // namespace

void NormGradWriter::writeRow(Value row) {
  Value start = e.mul(row, channels);
  Span all(e, e.constant(0), e.constant(channels));
  auto sums = all.sums(e.f32(), 2, [&](Value c, int64_t lanes) {
    Value x = load(op.getInput(), e.add(start, c), lanes);
    return SmallVector<Value>{m.mul(x, x), m.mul(scaled(start, c, lanes), x)};
  });
  Value mean = m.mul(sums[0], 1.0 / channels);
  Value r = m.div(m.real(1, e.f32()),
                  m.sqrt(m.add(mean, op.getEps().convertToDouble())));
  Value back = m.mul(m.mul(m.mul(r, r), sums[1]), 1.0 / channels);
  all.each([&](Value c, int64_t lanes) {
    Value x = load(op.getInput(), e.add(start, c), lanes);
    Value t = m.sub(scaled(start, c, lanes), m.mul(x, splat(e, back, lanes)));
    storeFloats(e, m.mul(splat(e, r, lanes), t), op.getDinput(),
                e.add(start, c));
  });
  if (single())
    r = all.sums(e.f32(), 1, [&](Value c, int64_t lanes) {
      return SmallVector<Value>{term(row, r, c, lanes)};
    })[0];
  e.store(r, e.workspace(), row);
}

Value NormGradWriter::sumRows(Type type, function_ref<Value(Value)> of) {
  Value rows = e.size(rowsOf(e.kernel, op.getInput()));
  return e.loop(e.constant(0), rows, 1, m.real(0, type),
                [&](Value row, ValueRange sum) {
                  return SmallVector<Value>{m.add(sum[0], of(row))};
                })[0];
}

/// A few channels, vector by vector.
void NormGradWriter::writeSums(Value from, Value to) {
  Span(e, from, to).each([&](Value c, int64_t lanes) {
    Value sum = sumRows(lanesOf(e.f32(), lanes), [&](Value row) {
      Value r = e.load(e.f32(), e.workspace(), row);
      return term(row, r, c, lanes);
    });
    storeFloats(e, sum, op.getDgain(), c);
  });
}

void NormGradWriter::writeBlock(Value block) {
  if (single()) {
    Value sum = sumRows(e.f32(), [&](Value row) {
      return e.load(e.f32(), e.workspace(), row);
    });
    return storeFloats(e, sum, op.getDgain(), e.constant(0));
  }
  Value from = e.mul(block, width());
  Value to = least(e, e.add(from, e.constant(width())), e.constant(channels));
  Value whole = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq,
                                      minus(e, to, from), e.constant(width()));
  auto together = [&] {
    int64_t lanes = e.lanes();
    SmallVector<Value> zeros(blockVectors, m.real(0, e.vector(lanes)));
    Value rows = e.size(rowsOf(e.kernel, op.getInput()));
    auto sums = e.loop(e.constant(0), rows, 1, zeros,
                       [&](Value row, ValueRange carried) {
                         Value r = e.load(e.f32(), e.workspace(), row);
                         SmallVector<Value> next(carried);
                         for (auto [i, sum] : llvm::enumerate(next)) {
                           Value c = e.add(from, e.constant(i * lanes));
                           sum = m.add(sum, term(row, r, c, lanes));
                         }
                         return next;
                       });
    for (auto [i, sum] : llvm::enumerate(sums))
      storeFloats(e, sum, op.getDgain(), e.add(from, e.constant(i * lanes)));
  };
  e.branch(whole, together, [&] { writeSums(from, to); });
}

static LogicalResult emitRows(Emitter &e) {
  NormGradWriter writer(e);
  e.loop(e.begin, e.end, 1, [&](Value row) { writer.writeRow(row); });
  return success();
}

static LogicalResult emitGain(Emitter &e) {
  NormGradWriter writer(e);
  e.loop(e.begin, e.end, 1, [&](Value block) { writer.writeBlock(block); });
  return success();
}

static Phases phases(kernel::FuncOp kernel, const Target &target) {
  auto op = onlyOp<train::RmsNormGradOp>(kernel);
  AffineExpr rows = rowsOf(kernel, op.getInput());
  int64_t gains = op.getGain().getType().getNumElements();
  int64_t blocks =
      llvm::divideCeil(gains, target.vectorBytes / 4 * blockVectors);
  AffineExpr tasks = getAffineConstantExpr(blocks, kernel.getContext());
  return {{{rows, emitRows}, {tasks, emitGain}}, {}, rows * 4};
}

const KernelFamily normGradFamily = {"norm_grad", accepts, nullptr, nullptr,
                                     phases};

} // namespace qopt::cpu
