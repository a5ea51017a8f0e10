// train.clip_norm on the CPU.
//
//   for every gradient, in order:                 one task
//     sum += g^2                                  reads all gradients, in f64
//   norm = sqrt(sum), scale of it
//
// Bound by the bandwidth of one core.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/cpu/Families.h"
#include "qopt/codegen/cpu/Span.h"
#include "qopt/codegen/cpu/Tasks.h"
#include "qopt/dialects/train/Train.h"

using namespace mlir;

namespace qopt::cpu {

static bool accepts(kernel::FuncOp kernel, const Target &) {
  return onlyOp<train::ClipNormOp>(kernel) != nullptr;
}

static AffineExpr tasks(kernel::FuncOp kernel, const Target &) {
  return getAffineConstantExpr(1, kernel.getContext());
}

/// Sum of squares of elements [0, count), in f64.
static Value squares(Emitter &e, Value gradient, int64_t count) {
  Math m{e.b, e.loc};
  return Span(e, e.constant(0), e.constant(count))
      .sums(e.b.getF64Type(), 1, [&](Value i, int64_t lanes) {
        Value g = m.widen(loadFloats(e, gradient, i, lanes));
        return SmallVector<Value>{m.mul(g, g)};
      })[0];
}

static LogicalResult emit(Emitter &e) {
  auto op = onlyOp<train::ClipNormOp>(e.kernel);
  Math m{e.b, e.loc};
  e.loop(e.begin, e.end, 1, [&](Value) {
    Value sum = m.real(0, e.b.getF64Type());
    for (Value gradient : op.getGradients())
      sum = m.add(
          sum,
          squares(e, gradient,
                  cast<RankedTensorType>(gradient.getType()).getNumElements()));
    Value zero = e.constant(0);
    Value most = m.widen(e.load(e.f32(), e.pointer(op.getMost()), zero));
    Value norm = m.sqrt(sum), one = m.real(1, norm.getType());
    using P = arith::CmpFPredicate;
    Value whole = arith::OrIOp::create(e.b, e.loc, m.compare(P::OEQ, most, 0.0),
                                       m.compare(P::OLE, norm, most));
    Value scale = m.select(whole, one, m.div(most, norm));
    Value finite = m.compare(P::OLT, sum, HUGE_VAL); // not of NaN
    scale = m.select(finite, scale, m.real(NAN, norm.getType()));
    e.store(m.narrow(norm), e.pointer(op.getNorm()), zero);
    e.store(m.narrow(scale), e.pointer(op.getScale()), zero);
  });
  return success();
}

const KernelFamily clipNormFamily = {"clip_norm", accepts, tasks, emit};

} // namespace qopt::cpu
