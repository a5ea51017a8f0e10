// train.clip_norm on the GPU.
//
//   for every chunk of every gradient:            a block
//     partial = sum(g^2)                          reads 4 bytes, in f64
//   norm  = sqrt(sum of partials, in order)       one block
//   scale = what the norm says
//
// Bound by memory. Where a chunk begins is known here, so that the order of
// the sums is that of the chunks.

#include "qopt/codegen/cuda/BlockTensor.h"
#include "qopt/codegen/cuda/Families.h"
#include "qopt/codegen/cuda/Turns.h"
#include "qopt/codegen/tile/Tasks.h"
#include "qopt/dialects/train/Train.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace qopt::cuda {

/// Elements of a chunk: 64 of each thread.
static constexpr int64_t chunkElements = 16 << 10;
static constexpr int64_t clipThreads = 256;

static bool accepts(kernel::FuncOp kernel) {
  return onlyOp<train::ClipNormOp>(kernel) != nullptr;
}

static int64_t sizeOf(Value gradient) {
  return cast<RankedTensorType>(gradient.getType()).getNumElements();
}

static int64_t chunksOf(Value gradient) {
  return llvm::divideCeil(sizeOf(gradient), chunkElements);
}

static int64_t chunksOf(train::ClipNormOp op) {
  int64_t chunks = 0;
  for (Value gradient : op.getGradients())
    chunks += chunksOf(gradient);
  return chunks;
}

/// The sum of the chunk of this block.
static LogicalResult emitPartials(Emitter &e) {
  auto op = onlyOp<train::ClipNormOp>(e.kernel);
  Math m{e.b, e.loc};
  Type f64 = e.b.getF64Type(), i64 = e.b.getI64Type();
  SmallVector<int64_t> firsts;
  llvm::SetVector<Type> elements;
  int64_t chunks = 0;
  for (Value gradient : op.getGradients()) {
    firsts.push_back(chunks);
    chunks += chunksOf(gradient);
    elements.insert(getElementTypeOrSelf(gradient));
  }
  auto numberOf = [&](Type element) -> int64_t {
    return llvm::find(elements, element) - elements.begin();
  };
  SmallVector<Value> found = valuesOfBlock(
      e, firsts, {LLVM::LLVMPointerType::get(e.b.getContext()), i64, i64, i64},
      [&](unsigned number) -> SmallVector<Value> {
        Value gradient = op.getGradients()[number];
        return {e.pointer(gradient), e.constant(firsts[number]),
                e.constant(sizeOf(gradient)),
                e.constant(numberOf(getElementTypeOrSelf(gradient)))};
      });
  Value from = e.mul(e.sub(e.block, found[1]), chunkElements);
  Value size = e.smaller(e.constant(chunkElements), e.sub(found[2], from));
  for (Type element : elements) {
    auto write = [&] {
      Value sum = joinTurns(
          e, size, m.real(0, f64),
          [&](Value a, Value b) { return m.add(a, b); },
          [&](Value i) {
            Value g = e.load(element, found[0], e.add(from, i));
            if (!element.isF64())
              g = arith::ExtFOp::create(e.b, e.loc, f64, g);
            return m.mul(g, g);
          });
      e.branch(e.equal(e.thread, e.constant(0)),
               [&] { e.store(sum, e.workspace, e.block); });
    };
    if (elements.size() == 1)
      write();
    else // all threads of a block go the same way
      e.branch(e.equal(found[3], e.constant(numberOf(element))), write);
  }
  return success();
}

static LogicalResult emitNorm(Emitter &e) {
  auto op = onlyOp<train::ClipNormOp>(e.kernel);
  Math m{e.b, e.loc};
  Type f64 = e.b.getF64Type();
  Value sum = joinTurns(
      e, e.constant(chunksOf(op)), m.real(0, f64),
      [&](Value a, Value b) { return m.add(a, b); },
      [&](Value i) { return e.load(f64, e.workspace, i); });
  e.branch(e.equal(e.thread, e.constant(0)), [&] {
    Value zero = e.constant(0);
    Value most = m.widen(e.load(e.f32(), e.pointer(op.getMost()), zero));
    Value norm = m.sqrt(sum), one = m.real(1, f64);
    using P = arith::CmpFPredicate;
    Value whole = arith::OrIOp::create(e.b, e.loc, m.compare(P::OEQ, most, 0.0),
                                       m.compare(P::OLE, norm, most));
    Value scale = m.select(whole, one, m.div(most, norm));
    Value finite = m.compare(P::OLT, sum, HUGE_VAL); // not of NaN
    scale = m.select(finite, scale, m.real(NAN, f64));
    e.store(m.narrow(norm), e.pointer(op.getNorm()), zero);
    e.store(m.narrow(scale), e.pointer(op.getScale()), zero);
  });
  return success();
}

static Phases phases(kernel::FuncOp kernel) {
  auto number = [&](int64_t value) {
    return getAffineConstantExpr(value, kernel.getContext());
  };
  int64_t chunks = chunksOf(onlyOp<train::ClipNormOp>(kernel));
  return {{{number(chunks), clipThreads, emitPartials},
           {number(1), clipThreads, emitNorm}},
          {},
          number(chunks * 8)};
}

const KernelFamily clipNormFamily = {"clip_norm", accepts, phases};

} // namespace qopt::cuda
