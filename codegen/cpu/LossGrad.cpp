// train.cross_entropy_grad and nn.kl_divergence on the CPU.
//
//   for every row x[0..V):                        a task
//     log = ln(sum(e^(x - max(x)))) + max(x)      reads 4 V bytes, twice
//     cross_entropy_grad:
//       y[v] = dy * (e^(x[v] - log) - (v = t ? 1 : 0))
//     kl_divergence, of a teacher z too:
//       y = sum(p * ((z - log of z) - (x - log))), p = e^(z - log of z)
//
// Bound by e^x: about 20 operations an element, in vectors. Rows stay in a
// cache between their readings.

#include "qopt/codegen/cpu/Families.h"
#include "qopt/codegen/cpu/Span.h"
#include "qopt/codegen/tile/Elementwise.h"
#include "qopt/codegen/tile/Tasks.h"
#include "qopt/codegen/tile/Transcendental.h"
#include "qopt/dialects/train/Train.h"

using namespace mlir;

namespace qopt::cpu {

/// The logits of either op; null if the kernel is none.
static Value logitsOf(kernel::FuncOp kernel) {
  if (auto op = onlyOp<train::CrossEntropyGradOp>(kernel))
    return op.getLogits();
  if (auto op = onlyOp<nn::KlDivergenceOp>(kernel))
    return op.getStudent();
  return {};
}

static bool accepts(kernel::FuncOp kernel, const Target &) {
  Value logits = logitsOf(kernel);
  return logits && !getElementTypeOrSelf(logits).isF64();
}

static AffineExpr tasks(kernel::FuncOp kernel, const Target &) {
  return rowsOf(kernel, logitsOf(kernel));
}

namespace {

/// One row of logits, as f32.
struct LogitRow {
  Emitter &e;
  Value tensor, start, size;

  Value at(Value v, int64_t lanes) {
    return loadFloats(e, tensor, e.add(start, v), lanes);
  }
  Span all() { return Span(e, e.constant(0), size); }
  /// ln(sum(e^x)).
  Value logSum() {
    Math m{e.b, e.loc};
    Value most =
        all().largest([&](Value v, int64_t lanes) { return at(v, lanes); });
    Value sum = all().sums(e.f32(), 1, [&](Value v, int64_t lanes) {
      Value x = m.sub(at(v, lanes), splat(e, most, lanes));
      return SmallVector<Value>{emitExp(e.b, e.loc, x)};
    })[0];
    return m.add(most,
                 emitTranscendental(e.b, e.loc, Transcendental::Log, sum));
  }
};

} // namespace

static void writeGrad(Emitter &e, train::CrossEntropyGradOp op, LogitRow row,
                      Value number) {
  Math m{e.b, e.loc};
  Value log = row.logSum(), dy = loadFloats(e, op.getDy(), number, 1);
  Value counts = m.compare(arith::CmpFPredicate::UNE, dy, 0.0);
  auto share = [&](Value v, int64_t lanes) {
    Value x = m.sub(row.at(v, lanes), splat(e, log, lanes));
    return emitExp(e.b, e.loc, x);
  };
  row.all().each([&](Value v, int64_t lanes) {
    Value y = m.mul(splat(e, dy, lanes), share(v, lanes));
    y = m.select(splat(e, counts, lanes), y, m.real(0, y.getType()));
    storeFloats(e, y, op.getResult(), e.add(row.start, v));
  });
  Type type = getElementTypeOrSelf(op.getTargets());
  Value target = e.load(type, e.pointer(op.getTargets()), number);
  if (!type.isInteger(64))
    target = arith::ExtSIOp::create(e.b, e.loc, e.b.getI64Type(), target);
  e.branch(counts, [&] {
    Value own = m.mul(dy, m.sub(share(target, 1), m.real(1, e.f32())));
    storeFloats(e, own, op.getResult(), e.add(row.start, target));
  });
}

static void writeDivergence(Emitter &e, nn::KlDivergenceOp op, LogitRow student,
                            Value number) {
  Math m{e.b, e.loc};
  LogitRow teacher{e, op.getTeacher(), student.start, student.size};
  Value own = student.logSum(), other = teacher.logSum();
  Value sum = student.all().sums(e.f32(), 1, [&](Value v, int64_t lanes) {
    Value x = m.sub(student.at(v, lanes), splat(e, own, lanes));
    Value z = m.sub(teacher.at(v, lanes), splat(e, other, lanes));
    Value p = emitExp(e.b, e.loc, z);
    Value none = m.compare(arith::CmpFPredicate::OEQ, p, 0.0);
    Value term = m.mul(p, m.sub(z, x));
    return SmallVector<Value>{m.select(none, p, term)};
  })[0];
  storeFloats(e, sum, op.getResult(), number);
}

static LogicalResult emit(Emitter &e) {
  Value logits = logitsOf(e.kernel);
  int64_t rank = cast<RankedTensorType>(logits.getType()).getRank();
  Value size = e.size(logits, rank - 1);
  e.loop(e.begin, e.end, 1, [&](Value number) {
    LogitRow row{e, logits, e.mul(number, size), size};
    if (auto op = onlyOp<train::CrossEntropyGradOp>(e.kernel))
      writeGrad(e, op, row, number);
    else
      writeDivergence(e, onlyOp<nn::KlDivergenceOp>(e.kernel), row, number);
  });
  return success();
}

const KernelFamily lossGradFamily = {"loss_grad", accepts, tasks, emit};

} // namespace qopt::cpu
