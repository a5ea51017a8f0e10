// lowbit.quantize of a weight on the GPU, into the fragments that a product
// reads: what is trained is multiplied as it is deployed.
//
//   one scale for a tensor: its grid                see TensorGrid.h
//   scales per channel or group:
//     for every row and set of columns:             a thread
//       the range of the set, its grid              to the workspace
//   for every word of a panel:                      a thread
//     the codes of 4 columns of a row for each bit field
//
// Bound by memory: reads 4 bytes a number twice and writes b / 8. Of a matrix
// that lies transposed, [C, N], threads of neighbouring rows read neighbours.
// Codes and scales are those of the interpreter for equal numbers; what lies
// behind the last row or column is 0.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/cuda/Families.h"
#include "qopt/codegen/cuda/TensorGrid.h"
#include "qopt/codegen/cuda/Turns.h"
#include "qopt/dialects/kernel/Packing.h"
#include "qopt/dialects/nn/Nn.h"

using namespace mlir;
using qopt::lowbit::QuantizeOp;

namespace qopt::cuda {

static constexpr int64_t packThreads = 128;

namespace {

/// A kernel of the family, as numbers.
struct PackedWeight {
  explicit PackedWeight(kernel::FuncOp kernel);

  QuantizeOp op; ///< null: not one of ours
  Value source;  ///< the argument: [N, C], or [C, N] if it is turned
  bool isTurned = false;
  kernel::LayoutAttr layout;
  int64_t rows = 0, columns = 0; ///< N, C

  lowbit::SchemeAttr scheme() const { return QuantizeOp(op).getScheme(); }
  bool isShared() const {
    return scheme().getPer() == lowbit::Granularity::tensor;
  }
  kernel::Packing packing() const { return {layout, columns}; }
  int64_t allRows() const { return packing().panels(rows) * layout.getPanel(); }
  /// Columns of a row that share a scale, and how many such sets it has.
  int64_t setColumns() const { return scheme().getGroupSize(columns); }
  int64_t sets() const { return columns / setColumns(); }
  TensorGrid grid() const { return {source, scheme()}; }

  /// The number of a row and column, f32.
  Value at(Emitter &e, Value row, Value column) const;
};

} // namespace

PackedWeight::PackedWeight(kernel::FuncOp kernel) {
  auto ops = llvm::to_vector(
      llvm::make_pointer_range(kernel.getBlock().without_terminator()));
  auto quantize = ops.empty() ? nullptr : dyn_cast<QuantizeOp>(ops.back());
  if (!quantize || ops.size() > 2 ||
      kernel.getResultValues() != quantize->getResults() ||
      !kernel.getResultLayout(0).getFragments())
    return;
  source = quantize.getInput();
  if (ops.size() == 2) {
    auto turn = dyn_cast<nn::TransposeOp>(ops.front());
    if (!turn || turn.getPermutation() != ArrayRef<int64_t>{1, 0} ||
        source != turn.getResult())
      return;
    source = turn.getInput();
    isTurned = true;
  }
  auto argument = dyn_cast<BlockArgument>(source);
  if (!argument || kernel.getLayout(argument).getPanel() != 0)
    return;
  layout = kernel.getResultLayout(0);
  rows = quantize.getInput().getType().getDimSize(0);
  columns = quantize.getInput().getType().getDimSize(1);
  op = quantize;
}

Value PackedWeight::at(Emitter &e, Value row, Value column) const {
  Value index = isTurned ? e.add(e.mul(column, rows), row)
                         : e.add(e.mul(row, columns), column);
  return loadFloat(e, source, index);
}

static bool accepts(kernel::FuncOp kernel) {
  PackedWeight weight(kernel);
  if (!weight.op || weight.scheme().getMse() ||
      getElementTypeOrSelf(weight.source).isF64() || weight.rows == 0 ||
      weight.columns == 0)
    return false;
  if (weight.isShared())
    return true;
  for (unsigned i = 1; i < kernel.getResultValues().size(); ++i)
    if (kernel.getResultLayout(i).getPanel() != weight.layout.getPanel())
      return false;
  return weight.scheme().getMethod() != lowbit::Method::ternary;
}

static void storeZero(Emitter &e, QuantizeOp op, Value zero, Value index) {
  if (!op.getZeros())
    return;
  Value code = arith::FPToSIOp::create(e.b, e.loc, e.b.getI32Type(), zero);
  code = arith::TruncIOp::create(e.b, e.loc, e.b.getI8Type(), code);
  e.store(code, e.pointer(op.getZeros()), index);
}

/// Where inv and zero of a set of a row lie in the workspace, f32.
static Value placeOf(Emitter &e, const PackedWeight &weight, int64_t which,
                     Value set, Value row) {
  int64_t all = weight.sets() * weight.allRows();
  return e.add(e.add(e.mul(set, weight.allRows()), row),
               e.constant(which * all));
}

/// The grid of a set of a row.
static LogicalResult emitGrids(Emitter &e) {
  PackedWeight weight(e.kernel);
  QuantizeOp op = weight.op;
  Math m{e.b, e.loc};
  Value number = e.add(e.mul(e.block, packThreads), e.thread);
  Value row = e.rem(number, weight.allRows());
  Value set = e.div(number, weight.allRows());
  e.branch(e.less(set, e.constant(weight.sets())), [&] {
    bool zeros = weight.scheme().hasZeros();
    Value none = m.real(0, e.f32());
    // Rows that are not there are the last, and their scale is 0.
    Value own = e.smaller(row, e.constant(weight.rows - 1));
    Value first = e.mul(set, weight.setColumns());
    SmallVector<Value> range = e.loop(
        e.constant(0), e.constant(weight.setColumns()), 1,
        SmallVector<Value>{none, none}, [&](Value c, ValueRange range) {
          Value x = weight.at(e, own, e.add(first, c));
          return SmallVector<Value>{m.larger(range[0], zeros ? x : m.abs(x)),
                                    m.smaller(range[1], zeros ? x : none)};
        });
    Grid grid = gridOf(e, weight.scheme(), range[0], range[1]);
    int64_t panel = weight.layout.getPanel();
    Value index = e.add(e.mul(e.div(row, panel), weight.sets()), set);
    index = e.add(e.mul(index, panel), e.rem(row, panel));
    Value isThere = e.less(row, e.constant(weight.rows));
    auto ifThere = [&](Value x) {
      return m.select(isThere, x, m.real(0, x.getType()));
    };
    e.store(ifThere(grid.scale), e.pointer(op.getScales()), index);
    e.store(grid.inv, e.workspace, placeOf(e, weight, 0, set, row));
    if (grid.zero) {
      storeZero(e, op, ifThere(grid.zero), index);
      e.store(grid.zero, e.workspace, placeOf(e, weight, 1, set, row));
    }
  });
  return success();
}

static Grid gridAt(Emitter &e, const PackedWeight &weight, Value row,
                   Value column) {
  Value set = e.div(column, weight.setColumns());
  Grid grid;
  grid.inv = e.load(e.f32(), e.workspace, placeOf(e, weight, 0, set, row));
  if (weight.scheme().hasZeros())
    grid.zero = e.load(e.f32(), e.workspace, placeOf(e, weight, 1, set, row));
  return grid;
}

/// A word of the fragments, see #kernel.layout.
static LogicalResult emitWords(Emitter &e) {
  PackedWeight weight(e.kernel);
  QuantizeOp op = weight.op;
  kernel::Packing packing = weight.packing();
  Type i32 = e.b.getI32Type();
  int64_t panelWords = packing.panelBytes() / 4, blockWords = 4 * warpSize;
  Value number = e.add(e.mul(e.block, packThreads), e.thread);
  int64_t all = packing.panels(weight.rows) * panelWords;
  e.branch(e.less(number, e.constant(all)), [&] {
    Grid shared;
    if (weight.isShared())
      shared = weight.grid().load(e);
    Value panel = e.div(number, panelWords),
          inPanel = e.rem(number, panelWords);
    Value inBlock = e.rem(inPanel, blockWords);
    Value thread = e.div(inBlock, 4), which = e.rem(inBlock, 4);
    Value first = e.add(e.div(thread, 4), e.mul(e.rem(which, 2), 8));
    Value column =
        e.add(e.mul(e.div(inPanel, blockWords), kernel::fragmentColumns),
              e.add(e.mul(e.rem(thread, 4), 4), e.mul(e.div(which, 2), 16)));
    Value word = e.i32(0);
    for (int64_t f = 0; f < packing.fields; ++f)
      for (int64_t i = 0; i < 4; ++i) {
        Value row = e.add(e.mul(panel, packing.panelRows()),
                          e.add(first, e.constant(f * packing.lanes)));
        Value c = e.add(column, e.constant(i));
        Value isThere = arith::AndIOp::create(
            e.b, e.loc, e.less(row, e.constant(weight.rows)),
            e.less(c, e.constant(weight.columns)));
        Value code = e.choose(
            isThere, i32,
            [&]() -> Value {
              Grid grid =
                  weight.isShared() ? shared : gridAt(e, weight, row, c);
              Value k = codesOf(e, weight.scheme(), grid, weight.at(e, row, c));
              k = arith::FPToSIOp::create(e.b, e.loc, i32, k);
              return arith::AddIOp::create(e.b, e.loc, k,
                                           e.i32(packing.offset));
            },
            [&] { return e.i32(0); });
        int64_t shift = 8 * i + f * packing.bits;
        if (shift)
          code = arith::ShLIOp::create(e.b, e.loc, code, e.i32(shift));
        word = arith::OrIOp::create(e.b, e.loc, word, code);
      }
    e.store(word, e.pointer(op.getCodes()), number);
  });
  return success();
}

static Phases phases(kernel::FuncOp kernel) {
  PackedWeight weight(kernel);
  auto blocks = [&](int64_t threads) {
    return getAffineConstantExpr(llvm::divideCeil(threads, packThreads),
                                 kernel.getContext());
  };
  auto number = [&](int64_t value) {
    return getAffineConstantExpr(value, kernel.getContext());
  };
  Phases plan;
  if (weight.isShared()) {
    QuantizeOp op = weight.op;
    plan.phases = weight.grid().phases([op](Emitter &e, const Grid &grid) {
      QuantizeOp own = op;
      e.store(grid.scale, e.pointer(own.getScales()), e.constant(0));
      if (grid.zero)
        storeZero(e, own, grid.zero, e.constant(0));
    });
    plan.workspace = number(weight.grid().workspaceBytes());
  } else {
    int64_t sets = weight.sets() * weight.allRows();
    plan.phases.push_back({blocks(sets), packThreads, emitGrids});
    plan.workspace = number(sets * 8);
  }
  int64_t words = weight.packing().bytes(weight.rows) / 4;
  plan.phases.push_back({blocks(words), packThreads, emitWords});
  return plan;
}

const KernelFamily packFamily = {"pack", accepts, phases};

} // namespace qopt::cuda
