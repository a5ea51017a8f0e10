// train.sgd and train.adamw on the CPU.
//
//   for every block of elements:                  a task
//     the numbers of the step, in f64
//     for every element:                          reads p, g, m, v; writes p,
//       new states, new p                         m, v: 28 bytes in f32
//
// Bound by memory. An element is written behind its reading and never read
// again, so results may lie where parameter and states do. Arithmetic is f32; a
// scale of NaN changes nothing.

#include "qopt/codegen/cpu/Families.h"
#include "qopt/codegen/cpu/Span.h"
#include "qopt/codegen/tile/Update.h"

using namespace mlir;

namespace qopt::cpu {

/// Elements of a task: far longer than the numbers of the step take.
static constexpr int64_t taskElements = 16 << 10;

static bool accepts(kernel::FuncOp kernel, const Target &) {
  return Update::find(kernel) != nullptr;
}

static int64_t sizeOf(Operation *op) {
  return cast<RankedTensorType>(op->getOperand(0).getType()).getNumElements();
}

static AffineExpr tasks(kernel::FuncOp kernel, const Target &) {
  return getAffineConstantExpr(
      llvm::divideCeil(sizeOf(Update::find(kernel)), taskElements),
      kernel.getContext());
}

static LogicalResult emit(Emitter &e) {
  Operation *op = Update::find(e.kernel);
  Value from = e.mul(e.begin, taskElements);
  Value to = least(e, e.mul(e.end, taskElements), e.constant(sizeOf(op)));
  Update update(e, op, [&](Value tensor) { return loadNumber(e, tensor); });
  Span(e, from, to).each([&](Value i, int64_t lanes) {
    update.write(
        {[&](Value tensor) { return loadFloats(e, tensor, i, lanes); },
         [&](Value value, Value tensor) { storeFloats(e, value, tensor, i); },
         [&](Value scalar) { return splat(e, scalar, lanes); }});
  });
  return success();
}

const KernelFamily optimizerFamily = {"optimizer", accepts, tasks, emit};

} // namespace qopt::cpu
