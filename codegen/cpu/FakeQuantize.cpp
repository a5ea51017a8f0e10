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
#include "qopt/codegen/tile/Grid.h"
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

namespace {

/// What a grid follows from.
struct Extrema {
  Value most, least; ///< of |x|, or of x if the scheme has zeros
};

} // namespace

static Extrema extremaOf(Emitter &e, Value from, Value to) {
  FakeQuantizeOp op = opOf(e.kernel);
  Math m{e.b, e.loc};
  bool zeros = op.getScheme().hasZeros();
  Span span(e, from, to);
  auto load = [&](Value i, int64_t lanes) {
    return loadFloats(e, op.getInput(), i, lanes);
  };
  Value zero = e.constant(0, e.f32());
  Value most = span.largest([&](Value i, int64_t lanes) {
    Value x = load(i, lanes);
    return zeros ? x : m.abs(x);
  });
  if (!zeros)
    return {most, {}};
  Value least = m.neg(span.largest(
      [&](Value i, int64_t lanes) { return m.neg(load(i, lanes)); }));
  return {m.larger(zero, most), m.smaller(zero, least)}; // ranges include 0
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
      Extrema range = extremaOf(e, from, to);
      Grid grid = gridOf(e, op.getScheme(), range.most, range.least);
      roundElements(e, grid, lambda, from, to);
    });
  });
  return success();
}

//===----------------------------------------------------------------------===//
// One scale for a tensor
//===----------------------------------------------------------------------===//

/// Elements of a chunk: 256 KB.
static constexpr int64_t chunkElements = 64 << 10;
/// Numbers that a chunk leaves in the workspace, and the grid behind them all:
/// f64.
static constexpr int64_t partialNumbers = 3;

static int64_t elementsOf(kernel::FuncOp kernel) {
  return opOf(kernel).getType().getNumElements();
}

static int64_t chunksOf(kernel::FuncOp kernel) {
  return llvm::divideCeil(elementsOf(kernel), chunkElements);
}

static void overChunks(Emitter &e,
                       function_ref<void(Value, Value, Value)> body) {
  e.loop(e.begin, e.end, 1, [&](Value chunk) {
    Value from = e.mul(chunk, chunkElements);
    body(chunk, from,
         least(e, e.add(from, e.constant(chunkElements)),
               e.constant(elementsOf(e.kernel))));
  });
}

static LogicalResult emitPartials(Emitter &e) {
  FakeQuantizeOp op = opOf(e.kernel);
  Math m{e.b, e.loc};
  bool isTernary = op.getScheme().getMethod() == Method::ternary;
  overChunks(e, [&](Value chunk, Value from, Value to) {
    auto put = [&](int64_t i, Value number) {
      if (number.getType() == e.f32())
        number = m.widen(number);
      e.store(number, e.workspace(),
              e.add(e.mul(chunk, partialNumbers), e.constant(i)));
    };
    if (!isTernary) {
      Extrema range = extremaOf(e, from, to);
      put(0, range.most);
      if (range.least)
        put(1, range.least);
      return;
    }
    Span span(e, from, to);
    auto size = [&](Value i, int64_t lanes) {
      return m.abs(loadFloats(e, op.getInput(), i, lanes));
    };
    put(0, span.sums(e.b.getF64Type(), 1, [&](Value i, int64_t lanes) {
      return SmallVector<Value>{m.widen(size(i, lanes))};
    })[0]);
    put(1, span.largest(size));
    put(2, m.neg(span.largest([&](Value i, int64_t lanes) {
      Value x = size(i, lanes); // of those that are not 0
      Value none = m.real(-HUGE_VAL, x.getType());
      return m.select(m.compare(Predicate::OEQ, x, 0.0), none, m.neg(x));
    })));
  });
  return success();
}

/// Where the grid lies in the workspace.
static Value gridAt(Emitter &e, int64_t i) {
  return e.constant(chunksOf(e.kernel) * partialNumbers + i);
}

static LogicalResult emitGrid(Emitter &e) {
  FakeQuantizeOp op = opOf(e.kernel);
  Math m{e.b, e.loc};
  Type f64 = e.b.getF64Type();
  lowbit::SchemeAttr scheme = op.getScheme();
  bool isTernary = scheme.getMethod() == Method::ternary;
  e.loop(e.begin, e.end, 1, [&](Value) {
    Value zero = m.real(0, f64);
    SmallVector<Value> start{zero, zero, m.real(HUGE_VAL, f64)};
    SmallVector<Value> all = e.loop(
        e.constant(0), e.constant(chunksOf(e.kernel)), 1, start,
        [&](Value chunk, ValueRange found) {
          auto get = [&](int64_t i) {
            return e.load(f64, e.workspace(),
                          e.add(e.mul(chunk, partialNumbers), e.constant(i)));
          };
          if (isTernary)
            return SmallVector<Value>{m.add(found[0], get(0)),
                                      m.larger(found[1], get(1)),
                                      m.smaller(found[2], get(2))};
          Value low = scheme.hasZeros() ? get(1) : zero;
          return SmallVector<Value>{m.larger(found[0], get(0)),
                                    m.smaller(found[1], low), found[2]};
        });
    Grid grid;
    if (isTernary) {
      Value mean = m.div(all[0], m.real(elementsOf(e.kernel), f64));
      grid = ternaryGrid(e, scheme, m.narrow(mean), m.narrow(all[1]),
                         m.narrow(all[2]));
    } else {
      grid = gridOf(e, scheme, m.narrow(all[0]), m.narrow(all[1]));
    }
    e.store(m.widen(grid.inv), e.workspace(), gridAt(e, 0));
    e.store(m.widen(grid.wideScale(e)), e.workspace(), gridAt(e, 1));
    if (grid.zero)
      e.store(m.widen(grid.zero), e.workspace(), gridAt(e, 2));
  });
  return success();
}

static LogicalResult emitRounded(Emitter &e) {
  Math m{e.b, e.loc};
  auto get = [&](int64_t i) {
    return m.narrow(e.load(e.b.getF64Type(), e.workspace(), gridAt(e, i)));
  };
  Grid grid{get(0), get(1), {}};
  if (opOf(e.kernel).getScheme().hasZeros())
    grid.zero = get(2);
  Value lambda = lambdaOf(e);
  overChunks(e, [&](Value, Value from, Value to) {
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
  int64_t chunks = chunksOf(kernel);
  return {{{number(chunks), emitPartials},
           {number(1), emitGrid},
           {number(chunks), emitRounded}},
          {},
          number((chunks + 1) * partialNumbers * 8)};
}

const KernelFamily fakeQuantizeFamily = {"fake_quantize", accepts, nullptr,
                                         nullptr, phases};

} // namespace qopt::cpu
