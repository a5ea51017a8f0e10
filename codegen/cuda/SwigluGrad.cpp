// train.swiglu_grad on the GPU.
//
//   for every element:                       a thread; reads 12 bytes, writes 8
//     s     = 1 / (1 + e^-g)
//     dgate = dy * u * s * (1 + g * (1 - s))
//     dup   = dy * g * s
//
// Bound by memory.

#include "qopt/codegen/cuda/Families.h"
#include "qopt/codegen/cuda/Turns.h"
#include "qopt/codegen/tile/Elementwise.h"
#include "qopt/codegen/tile/MapElement.h"
#include "qopt/codegen/tile/Tasks.h"
#include "qopt/dialects/train/Train.h"

using namespace mlir;

namespace qopt::cuda {

static constexpr int64_t swigluThreads = 256;

static bool accepts(kernel::FuncOp kernel) {
  auto op = onlyOp<train::SwigluGradOp>(kernel);
  return op && !op.getGate().getType().getElementType().isF64();
}

static LogicalResult emit(Emitter &e) {
  auto op = onlyOp<train::SwigluGradOp>(e.kernel);
  Math m{e.b, e.loc};
  Value i = e.add(e.mul(e.block, swigluThreads), e.thread);
  e.branch(e.less(i, e.size(elementsOf(e.kernel, op.getGate()))), [&] {
    Value dy = loadFloat(e, op.getDy(), i), g = loadFloat(e, op.getGate(), i);
    Value u = loadFloat(e, op.getUp(), i), one = m.real(1, e.f32());
    Value s = m.div(one, m.add(one, emitExp(e.b, e.loc, m.neg(g))));
    Value slope = m.fma(g, m.sub(one, s), one);
    storeFloat(e, m.mul(m.mul(m.mul(dy, u), s), slope), op.getDgate(), i);
    storeFloat(e, m.mul(m.mul(dy, g), s), op.getDup(), i);
  });
  return success();
}

static Phases phases(kernel::FuncOp kernel) {
  auto op = onlyOp<train::SwigluGradOp>(kernel);
  AffineExpr count = elementsOf(kernel, op.getGate());
  return {{{count.ceilDiv(swigluThreads), swigluThreads, emit}}, {}, {}};
}

const KernelFamily swigluGradFamily = {"swiglu_grad", accepts, phases};

} // namespace qopt::cuda
