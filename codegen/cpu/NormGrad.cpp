// train.rms_norm_grad on the CPU.
//
//   task 0: for every row, in order:              reads dy and x, 8 C bytes
//     dgain[c] += dy[c] * x[c] * r
//   for every row, t = dy * gain:                 a task; reads 8 C, writes 4 C
//     r     = 1 / sqrt(sum(x^2) / C + eps)
//     dx[c] = r * (t[c] - x[c] * r^2 * sum(t x) / C)
//
// Bound by memory; a row stays in the first cache between its readings. dgain
// is one sum over the rows in their order.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/cpu/Families.h"
#include "qopt/codegen/cpu/Span.h"
#include "qopt/codegen/cpu/Tasks.h"
#include "qopt/dialects/train/Train.h"

using namespace mlir;

namespace qopt::cpu {

static bool accepts(kernel::FuncOp kernel, const Target &) {
  return onlyOp<train::RmsNormGradOp>(kernel) != nullptr;
}

static AffineExpr tasks(kernel::FuncOp kernel, const Target &) {
  auto op = onlyOp<train::RmsNormGradOp>(kernel);
  return rowsOf(kernel, op.getInput()) + 1;
}

namespace {

class NormGradWriter {
public:
  explicit NormGradWriter(Emitter &e)
      : e(e), m{e.b, e.loc}, op(onlyOp<train::RmsNormGradOp>(e.kernel)),
        channels(op.getInput().getType().getShape().back()) {}

  void writeGain();
  void writeRow(Value row);

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
  /// 1 / root of the mean square, and sum(t x) with `both`.
  std::pair<Value, Value> measure(Value start, bool both);

  Emitter &e;
  Math m;
  train::RmsNormGradOp op;
  int64_t channels;
};

} // namespace

std::pair<Value, Value> NormGradWriter::measure(Value start, bool both) {
  auto sums = Span(e, e.constant(0), e.constant(channels))
                  .sums(e.f32(), both ? 2 : 1, [&](Value c, int64_t lanes) {
                    Value x = load(op.getInput(), e.add(start, c), lanes);
                    SmallVector<Value> terms{m.mul(x, x)};
                    if (both)
                      terms.push_back(m.mul(scaled(start, c, lanes), x));
                    return terms;
                  });
  Value mean = m.mul(sums[0], 1.0 / channels);
  Value r = m.div(m.real(1, e.f32()),
                  m.sqrt(m.add(mean, op.getEps().convertToDouble())));
  return {r, sums.back()};
}

void NormGradWriter::writeRow(Value row) {
  Value start = e.mul(row, channels);
  auto [r, dot] = measure(start, true);
  Value back = m.mul(m.mul(m.mul(r, r), dot), 1.0 / channels);
  Span(e, e.constant(0), e.constant(channels))
      .each([&](Value c, int64_t lanes) {
        Value x = load(op.getInput(), e.add(start, c), lanes);
        Value t = scaled(start, c, lanes);
        Value dx = m.mul(splat(e, r, lanes),
                         m.sub(t, m.mul(x, splat(e, back, lanes))));
        storeFloats(e, dx, op.getDinput(), e.add(start, c));
      });
}

/// In f32 in the scratch, then rounded.
void NormGradWriter::writeGain() {
  int64_t size = single() ? 1 : channels;
  Span all(e, e.constant(0), e.constant(size));
  all.each([&](Value c, int64_t lanes) {
    e.store(m.real(0, lanesOf(e.f32(), lanes)), e.scratch, c);
  });
  Value rows = e.size(rowsOf(e.kernel, op.getInput()));
  e.loop(e.constant(0), rows, 1, [&](Value row) {
    Value start = e.mul(row, channels), r = measure(start, false).first;
    auto term = [&](Value c, int64_t lanes) {
      Value x = load(op.getInput(), e.add(start, c), lanes);
      return m.mul(m.mul(load(op.getDy(), e.add(start, c), lanes), x),
                   splat(e, r, lanes));
    };
    Span channel(e, e.constant(0), e.constant(channels));
    auto add = [&](Value x, Value c) {
      e.store(m.add(e.load(x.getType(), e.scratch, c), x), e.scratch, c);
    };
    if (single())
      add(channel.sums(e.f32(), 1,
                       [&](Value c, int64_t lanes) {
                         return SmallVector<Value>{term(c, lanes)};
                       })[0],
          e.constant(0));
    else
      channel.each([&](Value c, int64_t lanes) { add(term(c, lanes), c); });
  });
  all.each([&](Value c, int64_t lanes) {
    Value sum = e.load(lanesOf(e.f32(), lanes), e.scratch, c);
    storeFloats(e, sum, op.getDgain(), c);
  });
}

static LogicalResult emit(Emitter &e) {
  NormGradWriter writer(e);
  e.loop(e.begin, e.end, 1, [&](Value task) {
    Value first = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq,
                                        task, e.constant(0));
    e.branch(
        first, [&] { writer.writeGain(); },
        [&] { writer.writeRow(minus(e, task, e.constant(1))); });
  });
  return success();
}

const KernelFamily normGradFamily = {"norm_grad", accepts, tasks, emit};

} // namespace qopt::cpu
