// train.cross_entropy_grad and nn.kl_divergence on the GPU.
//
//   for every row x[0..V):                        a block
//     log = ln(sum(e^(x - max(x)))) + max(x)      reads 4 V bytes, twice
//     cross_entropy_grad:
//       y[v] = dy * (e^(x[v] - log) - (v = t ? 1 : 0))
//     kl_divergence, of a teacher z too:
//       y = sum(p * ((z - log of z) - (x - log))), p = e^(z - log of z)
//
// Bound by memory; rows stay in a cache between their readings.

#include "qopt/codegen/cuda/Families.h"
#include "qopt/codegen/cuda/LogitRow.h"
#include "qopt/codegen/tile/Elementwise.h"
#include "qopt/codegen/tile/Tasks.h"
#include "qopt/dialects/train/Train.h"

using namespace mlir;

namespace qopt::cuda {

static constexpr int64_t lossThreads = 256;

/// The logits of either op; null if the kernel is none.
static Value logitsOf(kernel::FuncOp kernel) {
  if (auto op = onlyOp<train::CrossEntropyGradOp>(kernel))
    return op.getLogits();
  if (auto op = onlyOp<nn::KlDivergenceOp>(kernel))
    return op.getStudent();
  return {};
}

static bool accepts(kernel::FuncOp kernel) {
  Value logits = logitsOf(kernel);
  return logits && !getElementTypeOrSelf(logits).isF64();
}

static void writeGrad(Emitter &e, train::CrossEntropyGradOp op) {
  Math m{e.b, e.loc};
  LogitRow row = LogitRow::of(e, op.getLogits(), e.block);
  Value log = row.logSum(), dy = loadFloat(e, op.getDy(), e.block);
  Value counts = m.compare(arith::CmpFPredicate::UNE, dy, 0.0);
  Value target = loadIndex(e, op.getTargets(), e.block);
  e.loop(e.thread, row.size, e.threads, [&](Value v) {
    Value share = emitExp(e.b, e.loc, m.sub(row.at(v), log));
    Value own =
        m.select(e.equal(v, target), m.sub(share, m.real(1, e.f32())), share);
    Value y = m.select(counts, m.mul(dy, own), m.real(0, e.f32()));
    storeFloat(e, y, op.getResult(), e.add(row.start, v));
  });
}

static void writeDivergence(Emitter &e, nn::KlDivergenceOp op) {
  LogitRow student = LogitRow::of(e, op.getStudent(), e.block);
  LogitRow teacher = LogitRow::of(e, op.getTeacher(), e.block);
  Value own = student.logSum(), other = teacher.logSum();
  Value sum = divergence(student, own, teacher, other);
  e.branch(e.equal(e.thread, e.constant(0)),
           [&] { storeFloat(e, sum, op.getResult(), e.block); });
}

static LogicalResult emit(Emitter &e) {
  if (auto op = onlyOp<train::CrossEntropyGradOp>(e.kernel))
    writeGrad(e, op);
  else
    writeDivergence(e, onlyOp<nn::KlDivergenceOp>(e.kernel));
  return success();
}

static Phases phases(kernel::FuncOp kernel) {
  return {{{rowsOf(kernel, logitsOf(kernel)), lossThreads, emit}}, {}, {}};
}

const KernelFamily lossGradFamily = {"loss_grad", accepts, phases};

} // namespace qopt::cuda
