// train.swiglu_grad on the CPU.
//
//   for every row of dy, gate g and up u:         a task; reads 12 C bytes,
//     s     = 1 / (1 + e^-g)                      writes 8 C
//     dgate = dy * u * s * (1 + g * (1 - s))
//     dup   = dy * g * s
//
// Bound by memory.

#include "qopt/codegen/cpu/Families.h"
#include "qopt/codegen/cpu/Span.h"
#include "qopt/codegen/tile/Elementwise.h"
#include "qopt/codegen/tile/Tasks.h"
#include "qopt/dialects/train/Train.h"

using namespace mlir;

namespace qopt::cpu {

static bool accepts(kernel::FuncOp kernel, const Target &) {
  auto op = onlyOp<train::SwigluGradOp>(kernel);
  return op && op.getGate().getType().getRank() > 0;
}

static AffineExpr tasks(kernel::FuncOp kernel, const Target &) {
  return rowsOf(kernel, onlyOp<train::SwigluGradOp>(kernel).getGate());
}

static LogicalResult emit(Emitter &e) {
  auto op = onlyOp<train::SwigluGradOp>(e.kernel);
  Math m{e.b, e.loc};
  Value size = e.size(op.getGate(), op.getGate().getType().getRank() - 1);
  Span(e, e.mul(e.begin, size), e.mul(e.end, size))
      .each([&](Value i, int64_t lanes) {
        Value dy = loadFloats(e, op.getDy(), i, lanes);
        Value g = loadFloats(e, op.getGate(), i, lanes);
        Value u = loadFloats(e, op.getUp(), i, lanes);
        Value one = m.real(1, g.getType());
        Value s = m.div(one, m.add(one, emitExp(e.b, e.loc, m.neg(g))));
        Value slope = m.fma(g, m.sub(one, s), one);
        storeFloats(e, m.mul(m.mul(m.mul(dy, u), s), slope), op.getDgate(), i);
        storeFloats(e, m.mul(m.mul(dy, g), s), op.getDup(), i);
      });
  return success();
}

const KernelFamily swigluGradFamily = {"swiglu_grad", accepts, tasks, emit};

} // namespace qopt::cpu
