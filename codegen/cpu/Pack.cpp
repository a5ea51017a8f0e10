// lowbit.quantize of a weight on the CPU, into the lines that a product reads:
// what is trained is multiplied as it is deployed.
//
//   one scale for a tensor: its grid                see SharedGrid.h
//   for every panel of rows:                        a task
//     scales per channel or group: the grids of its rows, to the scratch
//     for every step of columns:
//       line = codes of the panel's rows in the bit fields of its bytes
//
// Bound by memory: reads 4 bytes a number, twice where one scale is shared, and
// writes b / 8. Lanes of a line are rows. Of a matrix that lies transposed,
// [C, N], a vector holds neighbouring rows of one column, and a line is shifts
// and ors of such; of one that lies row by row a vector holds neighbouring
// columns of one row, whose bytes are words of that row's lane in several
// lines. Codes and scales are those of the interpreter for equal numbers.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/cpu/Epilogue.h"
#include "qopt/codegen/cpu/Families.h"
#include "qopt/codegen/cpu/SharedGrid.h"
#include "qopt/codegen/cpu/Span.h"
#include "qopt/dialects/kernel/Packing.h"
#include "qopt/dialects/nn/Nn.h"
#include "qopt/runtime/abi.h"

using namespace mlir;
using qopt::lowbit::Granularity;
using qopt::lowbit::Method;
using qopt::lowbit::QuantizeOp;

namespace qopt::cpu {

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
  bool isShared() const { return scheme().getPer() == Granularity::tensor; }
  kernel::Packing packing() const { return {layout, columns}; }
  /// Columns of a row that share a scale, and how many such sets it has.
  int64_t setColumns() const { return scheme().getGroupSize(columns); }
  int64_t sets() const { return isShared() ? 1 : columns / setColumns(); }
  SharedGrid grid() const { return {source, scheme()}; }
};

} // namespace

PackedWeight::PackedWeight(kernel::FuncOp kernel) {
  auto ops = llvm::to_vector(
      llvm::make_pointer_range(kernel.getBlock().without_terminator()));
  auto quantize = ops.empty() ? nullptr : dyn_cast<QuantizeOp>(ops.back());
  if (!quantize || ops.size() > 2 ||
      kernel.getResultValues() != quantize->getResults() ||
      kernel.getResultLayout(0).getBits() == 0)
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

/// Bytes of the grids of a panel: for each set and row inv and zero, f32.
static int64_t gridBytes(const PackedWeight &weight) {
  return weight.isShared()
             ? 0
             : 2 * weight.sets() * weight.packing().panelRows() * 4;
}

static bool accepts(kernel::FuncOp kernel, const Target &) {
  PackedWeight weight(kernel);
  if (!weight.op || weight.scheme().getMse() ||
      getElementTypeOrSelf(weight.source).isF64() ||
      weight.layout.getFragments() || weight.rows == 0 || weight.columns == 0)
    return false;
  if (weight.isShared())
    return true;
  int64_t panel = weight.packing().panelRows();
  for (unsigned i = 1; i < kernel.getResultValues().size(); ++i)
    if (kernel.getResultLayout(i).getPanel() != panel)
      return false;
  return weight.scheme().getMethod() != Method::ternary &&
         (weight.sets() == 1 ||
          weight.setColumns() % weight.packing().stepColumns() == 0) &&
         gridBytes(weight) <= QOPT_SCRATCH_BYTES;
}

namespace {

/// Writes the panels of a task.
class PanelWriter {
public:
  explicit PanelWriter(Emitter &e)
      : e(e), m{e.b, e.loc}, weight(e.kernel), packing(weight.packing()),
        lanes(std::min<int64_t>(e.lanes(), packing.lanes)),
        panelRows(packing.panelRows()) {
    if (weight.isShared())
      shared = weight.grid().load(e);
  }

  /// From now on panels have rows that are not there.
  void setLast() { isWhole = false; }
  void write(Value panel);

private:
  using Words = SmallVector<Value>; ///< of the lines of a step, or bytes

  // The grids of the panel's rows.
  void fitRows();
  void fitTurned();
  void keepGrid(Extrema range, Value set, Value row);
  Value gridIndex(int64_t which, Value set, Value row) {
    Value index = e.add(e.mul(set, panelRows), row);
    return e.add(index, e.constant(which * weight.sets() * panelRows));
  }
  Grid gridAt(Value set, Value row, int64_t width);

  // Their codes.
  void packTurned(Value set, Value step, int64_t count);
  void packRows(Value set, Value column, int64_t count);
  Value fieldsOf(const Grid &grid, Value x);
  void add(Value &word, Value bits, int64_t shift);
  Value bitsOf(Value code, int64_t from, int64_t count);
  void storeWord(Value word, Value line, Value lane);

  /// `width` numbers from `index` on as f32, zeros where the mask says so.
  Value load(Value index, int64_t width, Value mask) {
    return loadVector(e, width, e.pointer(weight.source), index,
                      getElementTypeOrSelf(weight.source), mask);
  }
  /// The rows [first, first + lanes) of the panel that are there; null: all.
  Value maskOfRows(int64_t first);
  Value rowOf(Value row) { return e.add(e.mul(panel, panelRows), row); }
  Value isThere(Value row) {
    return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::slt,
                                 rowOf(row), e.constant(weight.rows));
  }
  Emitter &e;
  Math m;
  PackedWeight weight;
  kernel::Packing packing;
  int64_t lanes;     ///< of a vector of rows
  int64_t panelRows; ///< P
  Grid shared;
  Value panel;
  bool isWhole = true; ///< all rows of the panel are there
};

} // namespace

Value PanelWriter::maskOfRows(int64_t first) {
  if (isWhole)
    return {};
  return maskOf(e, lanes,
                minus(e, e.constant(weight.rows), rowOf(e.constant(first))));
}

/// Writes scale and zero of a set of a row, and remembers its grid.
void PanelWriter::keepGrid(Extrema range, Value set, Value row) {
  Value index = e.mul(e.mul(panel, weight.sets()), panelRows);
  index = e.add(index, e.add(e.mul(set, panelRows), row));
  QuantizeOp op = weight.op;
  auto keep = [&](Value inv, Value scale, Value zero) {
    e.store(inv, e.scratch, gridIndex(0, set, row));
    e.store(scale, e.pointer(op.getScales()), index);
    if (!op.getZeros())
      return;
    e.store(zero, e.scratch, gridIndex(1, set, row));
    Value code = arith::FPToSIOp::create(e.b, e.loc, e.b.getI32Type(), zero);
    code = arith::TruncIOp::create(e.b, e.loc, e.b.getI8Type(), code);
    e.store(code, e.pointer(op.getZeros()), index);
  };
  auto fit = [&] {
    Grid grid = gridOf(e, weight.scheme(), range.most, range.least);
    keep(grid.inv, grid.scale, grid.zero);
  };
  if (isWhole)
    return fit();
  Value none = e.constant(0, e.f32());
  Type type = getElementTypeOrSelf(op.getScales());
  e.branch(isThere(row), fit, [&] { keep(none, m.real(0, type), none); });
}

void PanelWriter::fitRows() {
  e.loop(e.constant(0), e.constant(panelRows), 1, [&](Value row) {
    // A row that is not there is the last one, and not kept.
    Value own = least(e, rowOf(row), e.constant(weight.rows - 1));
    e.loop(e.constant(0), e.constant(weight.sets()), 1, [&](Value set) {
      Value from =
          e.add(e.mul(own, weight.columns), e.mul(set, weight.setColumns()));
      Value to = e.add(from, e.constant(weight.setColumns()));
      keepGrid(extremaOf(e, weight.source, weight.scheme(), from, to), set,
               row);
    });
  });
}

/// Rows side by side: their extrema column by column, as vectors.
void PanelWriter::fitTurned() {
  bool zeros = weight.scheme().hasZeros();
  Value nothing = e.constant(0.0, e.vector(lanes));
  e.loop(e.constant(0), e.constant(weight.sets()), 1, [&](Value set) {
    Value from = e.mul(set, weight.setColumns());
    Value to = e.add(from, e.constant(weight.setColumns()));
    for (int64_t first = 0; first < panelRows; first += lanes) {
      Value mask = maskOfRows(first);
      auto found = e.loop(
          from, to, 1, SmallVector<Value>{nothing, nothing},
          [&](Value column, ValueRange range) {
            Value index =
                e.add(e.mul(column, weight.rows), rowOf(e.constant(first)));
            Value x = load(index, lanes, mask);
            if (!zeros)
              return SmallVector<Value>{m.larger(range[0], m.abs(x)), range[1]};
            return SmallVector<Value>{m.larger(range[0], x),
                                      m.smaller(range[1], x)};
          });
      for (int64_t lane = 0; lane < lanes; ++lane) {
        auto at = [&](Value vector) -> Value {
          return vector::ExtractOp::create(e.b, e.loc, vector, lane);
        };
        keepGrid({at(found[0]), zeros ? at(found[1]) : Value()}, set,
                 e.constant(first + lane));
      }
    }
  });
}

/// Of `width` rows from `row` on; scalars for one.
Grid PanelWriter::gridAt(Value set, Value row, int64_t width) {
  if (weight.isShared())
    return shared;
  Type type = lanesOf(e.f32(), width);
  Grid grid{e.load(type, e.scratch, gridIndex(0, set, row)), {}, {}};
  if (weight.scheme().hasZeros())
    grid.zero = e.load(type, e.scratch, gridIndex(1, set, row));
  return grid;
}

/// Codes plus the offset of the layout, as i32.
Value PanelWriter::fieldsOf(const Grid &grid, Value x) {
  Value codes = codesOf(e, weight.scheme(), grid, x);
  codes = arith::FPToSIOp::create(
      e.b, e.loc, Math::with(x.getType(), e.b.getI32Type()), codes);
  return arith::AddIOp::create(e.b, e.loc, codes,
                               m.integer(packing.offset, codes.getType()));
}

Value PanelWriter::bitsOf(Value code, int64_t from, int64_t count) {
  if (packing.bits != 3)
    return code;
  if (from)
    code = arith::ShRUIOp::create(e.b, e.loc, code,
                                  m.integer(from, code.getType()));
  return arith::AndIOp::create(e.b, e.loc, code,
                               m.integer((1 << count) - 1, code.getType()));
}

void PanelWriter::add(Value &word, Value bits, int64_t shift) {
  if (shift)
    bits = arith::ShLIOp::create(e.b, e.loc, bits,
                                 m.integer(shift, bits.getType()));
  word = word ? Value(arith::OrIOp::create(e.b, e.loc, word, bits)) : bits;
}

void PanelWriter::storeWord(Value word, Value line, Value lane) {
  Value at = e.add(e.mul(line, packing.lanes), lane);
  at = e.add(at, e.mul(panel, packing.panelBytes() / 4));
  e.store(word, e.pointer(weight.op.getCodes()), at);
}

/// `count` columns of a step, of all rows of the panel.
void PanelWriter::packTurned(Value set, Value step, int64_t count) {
  Value column = e.mul(step, packing.stepColumns());
  for (int64_t piece = 0; piece < packing.lanes; piece += lanes) {
    Words lines(packing.stepLines());
    for (int64_t field = 0; field < packing.fields; ++field) {
      int64_t first = field * packing.lanes + piece;
      Value mask = maskOfRows(first);
      Grid grid = gridAt(set, e.constant(first), lanes);
      for (int64_t i = 0; i < count; ++i) {
        Value index = e.mul(e.add(column, e.constant(i)), weight.rows);
        index = e.add(index, rowOf(e.constant(first)));
        Value code = fieldsOf(grid, load(index, lanes, mask));
        if (mask)
          code = m.select(mask, code, m.integer(0, code.getType()));
        int64_t byte = 8 * (i % 4);
        add(lines[i / 4], bitsOf(code, 0, packing.plane),
            byte + packing.plane * field);
        if (packing.bits == 3)
          add(lines[2], bitsOf(code, 2, 1), byte + i / 4 * 4 + field);
      }
    }
    for (auto [number, word] : llvm::enumerate(lines)) {
      Value line =
          e.add(e.mul(step, packing.stepLines()), e.constant(int64_t(number)));
      if (!word)
        word = m.integer(0, e.vector(lanes, e.b.getI32Type()));
      storeWord(word, line, e.constant(piece));
    }
  }
}

/// `count` columns from `column` on, of the panel's rows one by one.
void PanelWriter::packRows(Value set, Value column, int64_t count) {
  int64_t width = std::max<int64_t>(e.lanes(), packing.stepColumns());
  SmallVector<bool> there(width);
  std::fill_n(there.begin(), count, true);
  auto integers = e.vector(width, e.b.getI32Type());
  Value columns = arith::ConstantOp::create(
      e.b, e.loc,
      DenseElementsAttr::get(e.vector(width, e.b.getI1Type()),
                             ArrayRef<bool>(there)));
  e.loop(e.constant(0), e.constant(packing.lanes), 1, [&](Value lane) {
    Value low, high; // bytes: columns of the lane's rows
    for (int64_t field = 0; field < packing.fields; ++field) {
      Value row = e.add(lane, e.constant(field * packing.lanes));
      Value own = least(e, rowOf(row), e.constant(weight.rows - 1));
      Value x = load(e.add(e.mul(own, weight.columns), column), width,
                     count < width ? columns : Value());
      Value code = fieldsOf(gridAt(set, row, 1), x);
      Value none = m.integer(0, integers);
      if (count < width)
        code = m.select(columns, code, none);
      if (!isWhole)
        code = m.select(isThere(row), code, none);
      add(low, bitsOf(code, 0, packing.plane), packing.plane * field);
      if (packing.bits == 3)
        add(high, bitsOf(code, 2, 1), field);
    }
    auto words = [&](Value bytes) -> Value {
      bytes = arith::TruncIOp::create(e.b, e.loc,
                                      e.vector(width, e.b.getI8Type()), bytes);
      return vector::BitCastOp::create(
          e.b, e.loc, e.vector(width / 4, e.b.getI32Type()), bytes);
    };
    auto word = [&](Value all, int64_t i) -> Value {
      return vector::ExtractOp::create(e.b, e.loc, all, i);
    };
    Value step = arith::DivUIOp::create(e.b, e.loc, column,
                                        e.constant(packing.stepColumns()));
    Value line = e.mul(step, packing.stepLines());
    auto put = [&](Value bits, int64_t number) {
      storeWord(bits, e.add(line, e.constant(number)), lane);
    };
    Value lows = words(low), highs = high ? words(high) : Value();
    int64_t steps = llvm::divideCeil(count, packing.stepColumns());
    for (int64_t i = 0; i < steps; ++i) {
      if (packing.bits != 3) {
        put(word(lows, i), i);
        continue;
      }
      put(word(lows, 2 * i), 3 * i);
      put(word(lows, 2 * i + 1), 3 * i + 1);
      Value both = word(highs, 2 * i);
      add(both, word(highs, 2 * i + 1), 4);
      put(both, 3 * i + 2);
    }
  });
}

void PanelWriter::write(Value which) {
  panel = which;
  if (!weight.isShared())
    weight.isTurned ? fitTurned() : fitRows();
  int64_t step = packing.stepColumns();
  int64_t own = weight.isShared() ? weight.columns : weight.setColumns();
  int64_t width = weight.isTurned ? step : std::max<int64_t>(e.lanes(), step);
  int64_t whole = own / width * width;
  e.loop(e.constant(0), e.constant(weight.sets()), 1, [&](Value set) {
    Value from = e.mul(set, own), end = e.add(from, e.constant(whole));
    auto pack = [&](Value column, int64_t count) {
      if (!weight.isTurned)
        return packRows(set, column, count);
      packTurned(set,
                 arith::DivUIOp::create(e.b, e.loc, column, e.constant(step)),
                 count);
    };
    e.loop(from, end, width, [&](Value column) { pack(column, width); });
    if (whole < own)
      pack(end, own - whole);
  });
}

static LogicalResult emitPartials(Emitter &e) {
  PackedWeight(e.kernel).grid().writePartials(e);
  return success();
}

static LogicalResult emitGrid(Emitter &e) {
  PackedWeight weight(e.kernel);
  weight.grid().writeGrid(e, [&](const Grid &grid) {
    e.store(grid.scale, e.pointer(weight.op.getScales()), e.constant(0));
    if (!grid.zero)
      return;
    Value code =
        arith::FPToSIOp::create(e.b, e.loc, e.b.getI32Type(), grid.zero);
    code = arith::TruncIOp::create(e.b, e.loc, e.b.getI8Type(), code);
    e.store(code, e.pointer(weight.op.getZeros()), e.constant(0));
  });
  return success();
}

static LogicalResult emitPanels(Emitter &e) {
  PackedWeight weight(e.kernel);
  int64_t whole = weight.rows / weight.packing().panelRows();
  PanelWriter writer(e), last(e);
  last.setLast();
  Value end = least(e, e.end, e.constant(whole));
  e.loop(e.begin, end, 1, [&](Value panel) { writer.write(panel); });
  if (weight.rows % weight.packing().panelRows())
    e.branch(arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::sgt, e.end,
                                   e.constant(whole)),
             [&] { last.write(e.constant(whole)); });
  return success();
}

static Phases phases(kernel::FuncOp kernel, const Target &) {
  PackedWeight weight(kernel);
  auto number = [&](int64_t value) {
    return getAffineConstantExpr(value, kernel.getContext());
  };
  Phase panels{number(weight.packing().panels(weight.rows)), emitPanels};
  if (!weight.isShared())
    return {{panels}, {}, {}};
  SharedGrid grid = weight.grid();
  return {
      {{number(grid.chunks()), emitPartials}, {number(1), emitGrid}, panels},
      {},
      number(grid.workspaceBytes())};
}

const KernelFamily packFamily = {"pack", accepts, nullptr, nullptr, phases};

} // namespace qopt::cpu
