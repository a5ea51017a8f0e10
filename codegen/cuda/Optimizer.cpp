// train.sgd and train.adamw on the GPU.
//
//   for every 4 elements:                  a thread; reads p, g, m, v; writes
//   p,
//     new states, new p                    m, v: 28 bytes an element in f32
//
// Bound by memory: 16 bytes a load. An element is written behind its reading
// and never read again, so results may lie where parameter and states do. Every
// thread makes the numbers of the step, for 16 elements.

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/cuda/Families.h"
#include "qopt/codegen/cuda/Turns.h"
#include "qopt/codegen/tile/Update.h"

using namespace mlir;

namespace qopt::cuda {

static constexpr int64_t updateThreads = 256;
/// Vectors of a thread: what pays for the numbers of the step.
static constexpr int64_t turns = 4;

static bool accepts(kernel::FuncOp kernel) {
  return Update::find(kernel) != nullptr;
}

static int64_t sizeOf(Operation *op) {
  return cast<RankedTensorType>(op->getOperand(0).getType()).getNumElements();
}

static int64_t widthOf(Operation *op) { return sizeOf(op) % 4 == 0 ? 4 : 1; }

/// A number of rank 0 that a run chooses, or that is a constant.
static Value number(Emitter &e, Value tensor) {
  if (auto constant = tensor.getDefiningOp<arith::ConstantOp>()) {
    auto value = cast<DenseElementsAttr>(constant.getValue());
    return arith::ConstantOp::create(
        e.b, e.loc, cast<TypedAttr>(value.getSplatValue<Attribute>()));
  }
  return e.load(getElementTypeOrSelf(tensor), e.pointer(tensor), e.constant(0));
}

static LogicalResult emit(Emitter &e) {
  Operation *op = Update::find(e.kernel);
  int64_t size = sizeOf(op), width = widthOf(op);
  Update update(e, op, [&](Value tensor) { return number(e, tensor); });
  auto wide = [&](Value tensor, Value i) -> Value {
    Type element = getElementTypeOrSelf(tensor);
    Value x = e.loadWide(e.vector(width, element), e.pointer(tensor), i);
    return element == e.f32()
               ? x
               : Value(arith::ExtFOp::create(e.b, e.loc, e.vector(width), x));
  };
  auto put = [&](Value value, Value tensor, Value i) {
    Type element = getElementTypeOrSelf(tensor);
    if (element != e.f32())
      value =
          arith::TruncFOp::create(e.b, e.loc, e.vector(width, element), value);
    e.storeWide(value, e.pointer(tensor), i);
  };
  Value first = e.mul(e.block, updateThreads * turns);
  for (int64_t turn = 0; turn < turns; ++turn) {
    Value vector =
        e.add(first, e.add(e.thread, e.constant(turn * updateThreads)));
    Value i = e.mul(vector, width);
    e.branch(e.less(i, e.constant(size)), [&] {
      update.write({[&](Value tensor) { return wide(tensor, i); },
                    [&](Value value, Value tensor) { put(value, tensor, i); },
                    [&](Value scalar) -> Value {
                      return vector::BroadcastOp::create(
                          e.b, e.loc, e.vector(width, scalar.getType()),
                          scalar);
                    }});
    });
  }
  return success();
}

static Phases phases(kernel::FuncOp kernel) {
  Operation *op = Update::find(kernel);
  int64_t blocks =
      llvm::divideCeil(sizeOf(op), updateThreads * turns * widthOf(op));
  AffineExpr count = getAffineConstantExpr(blocks, kernel.getContext());
  return {{{count, updateThreads, emit}}, {}, {}};
}

const KernelFamily optimizerFamily = {"optimizer", accepts, phases};

} // namespace qopt::cuda
