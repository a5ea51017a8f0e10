// lowbit.fake_quantize on the GPU: numbers rounded to what their codes mean, as
// far as a lambda says.
//
//   scales per token, channel or group:
//     for every row:                          a block; reads and writes 4 C
//     bytes
//       the grids of its sets                 see RowGrid.h
//       y = x + lambda (value(code(x)) - x)
//   one scale for a tensor:
//     its grid                                see TensorGrid.h
//     for every element: y                    a thread
//
// Bound by memory: a row stays in registers, a tensor is read twice. Codes are
// those of the interpreter for equal x; where lambda is 0 or 1, y is x, or what
// its code means, to the bit.

#include "qopt/codegen/cuda/Families.h"
#include "qopt/codegen/cuda/RowGrid.h"
#include "qopt/codegen/cuda/TensorGrid.h"
#include "qopt/codegen/cuda/Turns.h"
#include "qopt/codegen/tile/Tasks.h"

using namespace mlir;
using qopt::lowbit::FakeQuantizeOp;

namespace qopt::cuda {

static constexpr int64_t roundThreads = 256;

static FakeQuantizeOp find(kernel::FuncOp kernel) {
  return onlyOpOfNumbers<FakeQuantizeOp>(kernel);
}

static bool isShared(FakeQuantizeOp op) {
  return op.getScheme().getPer() == lowbit::Granularity::tensor;
}

/// Pieces end where groups do.
static RowShape shapeOf(FakeQuantizeOp op) {
  int64_t channels = op.getType().getShape().back();
  return RowShape(channels, op.getScheme().getGroupSize(channels));
}

static bool accepts(kernel::FuncOp kernel) {
  FakeQuantizeOp op = find(kernel);
  if (!op || op.getScheme().getMse() || op.getType().getElementType().isF64() ||
      op.getType().getRank() == 0)
    return false;
  if (isShared(op))
    return op.getType().hasStaticShape();
  RowShape shape = shapeOf(op);
  return shape.fits() && hasRowGrids(op.getScheme(), shape);
}

/// The lambda of the launch, from 0 to 1; null for none.
static Value lambdaOf(Emitter &e) {
  Value tensor = find(e.kernel).getLambda();
  if (!tensor)
    return {};
  Math m{e.b, e.loc};
  Value lambda;
  if (auto constant = tensor.getDefiningOp<arith::ConstantOp>()) {
    auto value = cast<DenseElementsAttr>(constant.getValue());
    lambda = m.real(value.getSplatValue<APFloat>().convertToDouble(), e.f32());
  } else {
    lambda = loadFloat(e, tensor, e.constant(0));
  }
  return m.smaller(m.larger(lambda, m.real(0, e.f32())), m.real(1, e.f32()));
}

/// Rounds x, a scalar or a piece of a row; `all` gives it the shape of a
/// scalar.
static Value rounded(Emitter &e, const Grid &grid, Value lambda, Value x,
                     function_ref<Value(Value)> all) {
  Math m{e.b, e.loc};
  lowbit::SchemeAttr scheme = find(e.kernel).getScheme();
  Value y = valuesOf(e, grid, codesOf(e, scheme, grid, x));
  if (!lambda)
    return y;
  using Predicate = arith::CmpFPredicate;
  Value some = m.add(x, m.mul(all(lambda), m.sub(y, x)));
  Value isNone = m.compare(Predicate::OEQ, lambda, 0.0);
  Value isAll = m.compare(Predicate::OEQ, lambda, 1.0);
  return m.select(isAll, y, m.select(isNone, x, some));
}

static void writeRow(Emitter &e, RowShape shape) {
  FakeQuantizeOp op = find(e.kernel);
  RowWriter row(e, shape);
  Value start = e.mul(e.block, shape.channels), lambda = lambdaOf(e);
  RowWriter::Pieces x = row.load(op.getInput(), start);
  SmallVector<Grid> grids = rowGrids(row, x, op.getScheme());
  for (auto [piece, grid] : llvm::zip(x, grids))
    piece = rounded(e, grid, lambda, piece,
                    [&](Value scalar) { return row.all(scalar); });
  row.store(x, op.getResult(), start);
}

static LogicalResult emitElements(Emitter &e) {
  FakeQuantizeOp op = find(e.kernel);
  TensorGrid shared{op.getInput(), op.getScheme()};
  Value i = e.add(e.mul(e.block, roundThreads), e.thread);
  e.branch(e.less(i, e.constant(shared.elements())), [&] {
    Value y =
        rounded(e, shared.load(e), lambdaOf(e), loadFloat(e, op.getInput(), i),
                [](Value scalar) { return scalar; });
    storeFloat(e, y, op.getResult(), i);
  });
  return success();
}

static Phases phases(kernel::FuncOp kernel) {
  FakeQuantizeOp op = find(kernel);
  auto number = [&](int64_t value) {
    return getAffineConstantExpr(value, kernel.getContext());
  };
  if (isShared(op)) {
    TensorGrid shared{op.getInput(), op.getScheme()};
    Phases plan{shared.phases(), {}, number(shared.workspaceBytes())};
    plan.phases.push_back(
        {number(llvm::divideCeil(shared.elements(), roundThreads)),
         roundThreads, emitElements});
    return plan;
  }
  RowShape shape = shapeOf(op);
  return {{{rowsOf(kernel, op.getInput()), shape.threads,
            [shape](Emitter &e) {
              writeRow(e, shape);
              return success();
            }}},
          {},
          {}};
}

const KernelFamily fakeQuantizeFamily = {"fake_quantize", accepts, phases};

} // namespace qopt::cuda
