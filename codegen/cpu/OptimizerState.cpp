// train.encode_state and train.decode_state on the CPU.
//
//   for every block of 256 elements:              a task has 64
//     scale = max|x|                              reads 4 bytes an element
//     code  = that of the value nearest to x / scale, by halves
//   and back:
//     y = map[code] * scale                       reads 1, writes 4
//
// Encoding is bound by the eight gathers of a search, the way back by memory.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/cpu/Families.h"
#include "qopt/codegen/cpu/Span.h"
#include "qopt/codegen/cpu/StateCodes.h"
#include "qopt/codegen/tile/Tasks.h"
#include "qopt/dialects/train/Train.h"

using namespace mlir;

namespace qopt::cpu {

/// Blocks of a task.
static constexpr int64_t taskBlocks = 64;

/// The numbers of either op; null if the kernel is none.
static Value numbersOf(kernel::FuncOp kernel) {
  if (auto op = onlyOp<train::EncodeStateOp>(kernel))
    return op.getInput();
  if (auto op = onlyOp<train::DecodeStateOp>(kernel))
    return op.getResult();
  return {};
}

static int64_t elementsOf(kernel::FuncOp kernel) {
  return cast<RankedTensorType>(numbersOf(kernel).getType()).getNumElements();
}

static bool accepts(kernel::FuncOp kernel, const Target &) {
  Value numbers = numbersOf(kernel);
  return numbers && !getElementTypeOrSelf(numbers).isF64();
}

static AffineExpr tasks(kernel::FuncOp kernel, const Target &) {
  return getAffineConstantExpr(
      llvm::divideCeil(elementsOf(kernel), stateBlock * taskBlocks),
      kernel.getContext());
}

static void encode(Emitter &e, train::EncodeStateOp op, StateCodes &states,
                   Value block, Span span) {
  Math m{e.b, e.loc};
  auto number = [&](Value i, int64_t lanes) {
    return loadFloats(e, op.getInput(), i, lanes);
  };
  Value scale = span.largest(
      [&](Value i, int64_t lanes) { return m.abs(number(i, lanes)); });
  e.store(scale, e.pointer(op.getScales()), block);
  Value none = m.compare(arith::CmpFPredicate::OEQ, scale, 0.0);
  span.each([&](Value i, int64_t lanes) {
    Value share = m.div(number(i, lanes), splat(e, scale, lanes));
    Value zero = m.real(0, share.getType());
    share = m.select(splat(e, none, lanes), zero, share);
    e.store(states.codes(share), e.pointer(op.getCodes()), i);
  });
}

static void decode(Emitter &e, train::DecodeStateOp op, StateCodes &states,
                   Value block, Span span) {
  Math m{e.b, e.loc};
  Value scale = e.load(e.f32(), e.pointer(op.getScales()), block);
  span.each([&](Value i, int64_t lanes) {
    Value codes =
        e.load(lanesOf(e.b.getI8Type(), lanes), e.pointer(op.getCodes()), i);
    storeFloats(e, m.mul(states.values(codes), splat(e, scale, lanes)),
                op.getResult(), i);
  });
}

static LogicalResult emit(Emitter &e) {
  int64_t elements = elementsOf(e.kernel);
  auto encodes = onlyOp<train::EncodeStateOp>(e.kernel);
  auto decodes = onlyOp<train::DecodeStateOp>(e.kernel);
  StateCodes states(e, encodes ? encodes.getIsUnsigned()
                               : decodes.getIsUnsigned());
  Value last = least(e, e.mul(e.end, taskBlocks),
                     e.constant(llvm::divideCeil(elements, stateBlock)));
  e.loop(e.mul(e.begin, taskBlocks), last, 1, [&](Value block) {
    Value from = e.mul(block, stateBlock);
    Value to =
        least(e, e.add(from, e.constant(stateBlock)), e.constant(elements));
    if (encodes)
      encode(e, encodes, states, block, Span(e, from, to));
    else
      decode(e, decodes, states, block, Span(e, from, to));
  });
  return success();
}

const KernelFamily optimizerStateFamily = {"optimizer_state", accepts, tasks,
                                           emit};

} // namespace qopt::cpu
