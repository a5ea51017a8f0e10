// train.clip_norm on the CPU.
//
//   for every chunk of every gradient:            a task
//     partial = sum(g^2)                          reads 4 bytes, in f64
//   norm  = sqrt(sum of partials, in order)       one task
//   scale = what the norm says
//
// Bound by memory. Where a chunk begins is known here, so that the order of
// the sums is that of the chunks, whoever runs them.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/cpu/Families.h"
#include "qopt/codegen/cpu/Span.h"
#include "qopt/codegen/tile/Tasks.h"
#include "qopt/dialects/train/Train.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace qopt::cpu {

static bool accepts(kernel::FuncOp kernel, const Target &) {
  return onlyOp<train::ClipNormOp>(kernel) != nullptr;
}

/// Elements of a chunk: 256 KB, far longer than claiming it.
static constexpr int64_t chunkElements = 64 << 10;

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

namespace {

/// Where a chunk lies.
struct Chunk {
  Value base, from, to;
};

} // namespace

/// The chunk of a task whose gradients have this element type; an empty one if
/// they have not.
static Chunk chunkOf(Emitter &e, train::ClipNormOp op, Type element,
                     Value task) {
  Value zero = e.constant(0);
  Chunk chunk{e.scratch, zero, zero};
  int64_t first = 0;
  for (Value gradient : op.getGradients()) {
    int64_t count = chunksOf(gradient);
    if (getElementTypeOrSelf(gradient) == element && count > 0) {
      Value number = minus(e, task, e.constant(first));
      Value own = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::ult,
                                        number, e.constant(count));
      Value from = e.mul(number, chunkElements);
      Value to = least(e, e.add(from, e.constant(chunkElements)),
                       e.constant(sizeOf(gradient)));
      auto choose = [&](Value x, Value y) -> Value {
        return arith::SelectOp::create(e.b, e.loc, own, x, y);
      };
      chunk = {choose(e.pointer(gradient), chunk.base),
               choose(from, chunk.from), choose(to, chunk.to)};
    }
    first += count;
  }
  return chunk;
}

static Value squares(Emitter &e, Chunk chunk, Type element) {
  Math m{e.b, e.loc};
  Type f64 = e.b.getF64Type();
  return Span(e, chunk.from, chunk.to)
      .sums(f64, 1, [&](Value i, int64_t lanes) {
        Value g = e.load(lanesOf(element, lanes), chunk.base, i);
        if (!element.isF64())
          g = arith::ExtFOp::create(e.b, e.loc, lanesOf(f64, lanes), g);
        return SmallVector<Value>{m.mul(g, g)};
      })[0];
}

static LogicalResult emitPartials(Emitter &e) {
  auto op = onlyOp<train::ClipNormOp>(e.kernel);
  Math m{e.b, e.loc};
  llvm::SetVector<Type> elements;
  for (Value gradient : op.getGradients())
    elements.insert(getElementTypeOrSelf(gradient));
  e.loop(e.begin, e.end, 1, [&](Value task) {
    Value sum = m.real(0, e.b.getF64Type());
    for (Type element : elements)
      sum = m.add(sum, squares(e, chunkOf(e, op, element, task), element));
    e.store(sum, e.workspace(), task);
  });
  return success();
}

static LogicalResult emitNorm(Emitter &e) {
  auto op = onlyOp<train::ClipNormOp>(e.kernel);
  Math m{e.b, e.loc};
  Type f64 = e.b.getF64Type();
  e.loop(e.begin, e.end, 1, [&](Value) {
    Value zero = e.constant(0);
    Value sum = e.loop(zero, e.constant(chunksOf(op)), 1, m.real(0, f64),
                       [&](Value i, ValueRange sum) {
                         Value partial = e.load(f64, e.workspace(), i);
                         return SmallVector<Value>{m.add(sum[0], partial)};
                       })[0];
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

static Phases phases(kernel::FuncOp kernel, const Target &) {
  auto number = [&](int64_t value) {
    return getAffineConstantExpr(value, kernel.getContext());
  };
  int64_t chunks = chunksOf(onlyOp<train::ClipNormOp>(kernel));
  return {{{number(chunks), emitPartials}, {number(1), emitNorm}},
          {},
          number(chunks * 8)};
}

const KernelFamily clipNormFamily = {"clip_norm", accepts, nullptr, nullptr,
                                     phases};

} // namespace qopt::cpu
