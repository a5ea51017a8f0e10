// lowbit.fake_quantize on the CPU: numbers rounded to what their codes mean, as
// far as a lambda says.
//
//   scales per token, channel or group:
//     for every row:                          a task
//       for every set of it that shares a scale:
//         largest |x|, or the range of x      reads 4 C bytes
//         y = x + lambda (value(code(x)) - x) reads, writes 4 C bytes
//   one scale for a tensor:
//     for every chunk: sum, largest and smallest of |x|, the range    a task
//     the grid, from those of the chunks in order                     one task
//     for every chunk: y                                              a task
//
// Bound by memory: a row stays in the first cache, a tensor is read twice.
// Codes are those of the interpreter for equal x; where lambda is 0 or 1, y is
// x, or what its code means, to the bit.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/cpu/Families.h"
#include "qopt/codegen/cpu/SharedGrid.h"
#include "qopt/codegen/cpu/Span.h"
#include "qopt/codegen/tile/Tasks.h"

using namespace mlir;
using qopt::lowbit::FakeQuantizeOp;
using qopt::lowbit::Granularity;
using qopt::lowbit::Method;

namespace qopt::cpu {

using Predicate = arith::CmpFPredicate;

static FakeQuantizeOp opOf(kernel::FuncOp kernel) {
  return onlyOpOfNumbers<FakeQuantizeOp>(kernel);
}

static bool isShared(FakeQuantizeOp op) {
  return op.getScheme().getPer() == Granularity::tensor;
}

static bool accepts(kernel::FuncOp kernel, const Target &) {
  FakeQuantizeOp op = opOf(kernel);
  if (!op || op.getScheme().getMse() || op.getType().getElementType().isF64())
    return false;
  return isShared(op) ? op.getType().hasStaticShape()
                      : op.getScheme().getMethod() != Method::ternary;
}

/// The lambda of the launch, from 0 to 1; null for none.
static Value lambdaOf(Emitter &e) {
  Value tensor = opOf(e.kernel).getLambda();
  if (!tensor)
    return {};
  Math m{e.b, e.loc};
  Value zero = e.constant(0, e.f32()), one = e.constant(1, e.f32());
  Value lambda = m.larger(loadNumber(e, tensor), zero);
  return m.smaller(lambda, one);
}

/// Rounds some elements.
static void roundElements(Emitter &e, const Grid &grid, Value lambda,
                          Value from, Value to) {
  FakeQuantizeOp op = opOf(e.kernel);
  Math m{e.b, e.loc};
  Value isNone, isAll;
  if (lambda) {
    isNone = m.compare(Predicate::OEQ, lambda, 0.0);
    isAll = m.compare(Predicate::OEQ, lambda, 1.0);
  }
  Span(e, from, to).each([&](Value i, int64_t lanes) {
    Value x = loadFloats(e, op.getInput(), i, lanes);
    Value y = valuesOf(e, grid, codesOf(e, op.getScheme(), grid, x));
    if (lambda) {
      Value some = m.add(x, m.mul(splat(e, lambda, lanes), m.sub(y, x)));
      y = m.select(isAll, y, m.select(isNone, x, some));
    }
    storeFloats(e, y, op.getResult(), i);
  });
}

static AffineExpr tasks(kernel::FuncOp kernel, const Target &) {
  return rowsOf(kernel, opOf(kernel).getInput());
}

static LogicalResult emit(Emitter &e) {
  FakeQuantizeOp op = opOf(e.kernel);
  int64_t channels = op.getType().getShape().back();
  int64_t size = op.getScheme().getGroupSize(channels);
  Value lambda = lambdaOf(e);
  e.loop(e.begin, e.end, 1, [&](Value row) {
    e.loop(e.constant(0), e.constant(channels / size), 1, [&](Value set) {
      Value from = e.add(e.mul(row, channels), e.mul(set, size));
      Value to = e.add(from, e.constant(size));
      Extrema range = extremaOf(e, op.getInput(), op.getScheme(), from, to);
      Grid grid = gridOf(e, op.getScheme(), range.most, range.least);
      roundElements(e, grid, lambda, from, to);
    });
  });
  return success();
}

//===----------------------------------------------------------------------===//
// One scale for a tensor
//===----------------------------------------------------------------------===//

static SharedGrid sharedGridOf(kernel::FuncOp kernel) {
  FakeQuantizeOp op = opOf(kernel);
  return {op.getInput(), op.getScheme()};
}

static LogicalResult emitPartials(Emitter &e) {
  sharedGridOf(e.kernel).writePartials(e);
  return success();
}

static LogicalResult emitGrid(Emitter &e) {
  sharedGridOf(e.kernel).writeGrid(e, [](const Grid &) {});
  return success();
}

static LogicalResult emitRounded(Emitter &e) {
  SharedGrid shared = sharedGridOf(e.kernel);
  Grid grid = shared.load(e);
  Value lambda = lambdaOf(e);
  shared.overChunks(e, [&](Value, Value from, Value to) {
    roundElements(e, grid, lambda, from, to);
  });
  return success();
}

static Phases phases(kernel::FuncOp kernel, const Target &target) {
  if (!isShared(opOf(kernel)))
    return {{{tasks(kernel, target), emit}}, {}, {}};
  auto number = [&](int64_t value) {
    return getAffineConstantExpr(value, kernel.getContext());
  };
  SharedGrid shared = sharedGridOf(kernel);
  return {{{number(shared.chunks()), emitPartials},
           {number(1), emitGrid},
           {number(shared.chunks()), emitRounded}},
          {},
          number(shared.workspaceBytes())};
}

const KernelFamily fakeQuantizeFamily = {"fake_quantize", accepts, nullptr,
                                         nullptr, phases};

} // namespace qopt::cpu
