// lowbit.linear by packed codes, with its epilogue, on the CPU.
//
//   few rows (M <= 3): bound by reading W once
//     for every few panels:                          tasks of 32 KB of W or
//     more
//       the tile of all rows                         see LowbitTile.cpp
//       y = epilogue(tile * scale of the row + bias)
//
//   many rows: bound by the multiply units
//     for every few panels:                          a task
//       for every block of rows:                     sums of x, once
//         for every tile of the panels, every R rows: the tile
//           y = epilogue(tile * scale of the row + bias)
//
//   many rows of codes without VNNI                  see LowbitBlock.cpp
//     the same by weights that are unpacked once for the block of rows
//
// Reads b / 8 bytes a weight, and 4 (f16: 2) for each scale, once; one dot
// product of 4 L bytes for 4 L / F lanes. With vpdpbusd and 2 bits a line of 64
// bytes costs 1 load, 3 shifts, 4 masks, 4 products and a broadcast: 3 cycles
// of four vector units, where memory takes 6.

#include "qopt/codegen/cpu/LowbitLinear.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/cpu/Epilogue.h"
#include "qopt/codegen/cpu/Families.h"
#include "qopt/codegen/cpu/LowbitBlock.h"
#include "qopt/passes/kernel/Layouts.h"

using namespace mlir;

namespace qopt::cpu {

/// Rows that are few.
static constexpr int64_t fewRows = 3;
/// Bytes of W of a task for few rows, at least and at most: what is fetched
/// ahead at its end is the next task's, and its own beginning was not.
static constexpr int64_t leastTask = 32 << 10, mostTask = 128 << 10;
/// Tasks of a launch for few rows, if each has enough to do.
static constexpr int64_t fewTasks = 8;
/// Weights of a program, in bytes, that a cache may keep from one token to the
/// next. Lines of more are fetched past the caches: each one that these let in
/// drives out another, which has to be written to the next cache first.
static constexpr int64_t keptWeights = 64 << 20;
/// Rows whose sums are computed at once, at most.
static constexpr int64_t mostRows = 128;
/// Tasks of a launch for many rows, if there is work for them.
static constexpr int64_t manyTasks = 32;

namespace {

/// Of a tile for many rows: what fits the registers.
struct LowbitTileSize {
  int64_t vectors; ///< of outputs
  int64_t rows;
};

/// One way of running the family; codes with groups have tiles of their own.
struct LowbitVariant {
  llvm::StringLiteral name;
  FeatureSet needs;
  int64_t lanes;
  LowbitTileSize numbers, codes, groups;
  int64_t ahead; ///< bytes that W is fetched before it is read
};

} // namespace

// Two virtual cores of a Zen 5, busy with other work, best of 60 short rounds,
// see qopt-kernel-bench; 5632 x 2048, one thread. One row, % of the read
// bandwidth with W fetched 8 KB ahead: vpdpbusd 93 (ternary), 92 (4 bits), 94
// (8); AVX2 85, 99 and 70, and without 69, 79 and 67. Several panels at a time
// are several streams, and slower. 128 rows, % of vpdpbusd's rate by tiles of
// 4 x 4, 5, 6 and 7: 90, 90, 90 and 77 (ternary). By groups of 32 (4 bits) the
// results do not fit beside the sums of 4 x 6, which gets 65; 2 x 5, 6, 7: 77,
// 78, 75; 4 x 3: 74; 1 x 8: 68. Floor of these 89: cvtdq2ps runs beside 8
// products, vfmadd does not. For 16 rows fetching ahead gives 15 to 20 % more.
// avx512 and avxvnni are guesses, plain is for tests.
// clang-format off
static constexpr LowbitVariant variants[] = {
    // name         needs                lanes numbers codes   groups  ahead
    {"avx512vnni",  feature::avx512Vnni, 16,   {4, 6}, {4, 6}, {2, 6}, 8192},
    {"avx512",      feature::avx512,     16,   {4, 3}, {4, 6}, {4, 6}, 8192},
    {"avxvnni",     feature::avxVnni,    8,    {2, 4}, {2, 4}, {2, 3}, 8192},
    {"avx2",        feature::avx2,       8,    {4, 2}, {2, 6}, {2, 6}, 8192},
    {"plain",       feature::none,       4,    {2, 2}, {2, 2}, {2, 2}, 0},
};
// clang-format on

static const LowbitVariant &choose(const Target &target) {
  return *llvm::find_if(variants, [&](const LowbitVariant &variant) {
    return target.has(variant.needs);
  });
}

static lowbit::LinearOp find(kernel::FuncOp kernel) {
  auto found = kernel.getBlock().getOps<lowbit::LinearOp>();
  return llvm::hasSingleElement(found) ? *found.begin() : nullptr;
}

/// Whether scales or zeros lie where the tiles look for them.
static bool liesInPanels(kernel::FuncOp kernel, Value tensor, int64_t panel,
                         bool perTensor) {
  if (!tensor)
    return true;
  auto argument = dyn_cast<BlockArgument>(tensor);
  return argument &&
         (perTensor || kernel.getLayout(argument).getPanel() == panel);
}

static LowbitTileSize tileOf(const LowbitShape &shape,
                             const LowbitVariant &variant) {
  return !shape.codes       ? variant.numbers
         : shape.groups > 1 ? variant.groups
                            : variant.codes;
}

/// Whether the scratch has room.
static bool fits(const LowbitShape &shape, const Target &target) {
  LowbitTileSize tile = tileOf(shape, choose(target));
  return !shape.blocked ||
         LowbitBlocks(shape, target, tile.vectors, tile.rows).fits();
}

static bool accepts(kernel::FuncOp kernel, const Target &target) {
  lowbit::LinearOp op = find(kernel);
  if (!op || kernel.getResultValues().size() != 1)
    return false;
  for (Operation &other : kernel.getBlock().without_terminator())
    if (&other != op && !isEpilogueOp(&other, kernel))
      return false;
  auto weight = dyn_cast<BlockArgument>(op.getWeight());
  if (!weight || kernel.getLayout(weight).getBits() == 0 ||
      !isa<BlockArgument>(op.getInput()) ||
      getElementTypeOrSelf(op.getInput().getType()).isF64())
    return false;
  if (op.getInputScales() && !isa<BlockArgument>(op.getInputScales()))
    return false;
  LowbitShape shape(kernel, op, target, choose(target).lanes);
  int64_t panel = shape.packing.panelRows();
  return liesInPanels(kernel, op.getWeightScales(), panel, shape.perTensor) &&
         liesInPanels(kernel, op.getZeros(), panel, shape.perTensor) &&
         (shape.groups == 1 ||
          shape.channels / shape.groups % shape.packing.stepColumns() == 0) &&
         fits(shape, target);
}

namespace {

/// How the work of one kernel is divided.
struct Division {
  Division(const LowbitShape &shape, const LowbitVariant &variant) {
    int64_t bytes = std::max<int64_t>(1, shape.packing.panelBytes());
    int64_t task =
        std::clamp(shape.panels * bytes / fewTasks, leastTask, mostTask);
    fewTask = std::max<int64_t>(1, task / bytes);
    int64_t vectors = tileOf(shape, variant).vectors;
    many = std::max<int64_t>(1, vectors / shape.parts());
    splits = std::max<int64_t>(1, shape.parts() / vectors);
    manyTask = many * std::max<int64_t>(
                          1, llvm::divideCeil(shape.panels, many) / manyTasks);
  }
  int64_t fewTask; ///< panels of a task for few rows
  int64_t many;    ///< panels of a tile for many rows
  int64_t splits;  ///< tiles of a panel, where it has more vectors
  int64_t manyTask;
};

/// Writes one kernel.
class LinearWriter {
public:
  LinearWriter(Emitter &e)
      : e(e), m{e.b, e.loc}, variant(choose(e.target)), op(find(e.kernel)),
        shape(e.kernel, op, e.target, variant.lanes),
        tileSize(tileOf(shape, variant)), division(shape, variant),
        rows(e.size(rowsOf(op, e.dims))),
        epilogue(e, op, op.getBias(), shape.outputs, shape.lanes) {}

  void write();

  /// All rows of x, in the kernel's symbols.
  static AffineExpr rowsOf(lowbit::LinearOp op, const nn::Dims &dims) {
    AffineExpr rows = getAffineConstantExpr(1, op.getContext());
    for (AffineExpr size : dims.of(op.getInput()).drop_back())
      rows = rows * size;
    return rows;
  }

private:
  void writeFew(int64_t count);
  void writeManyCodes();
  void writeManyTiles();
  Value sumOfRow(Value index, Value row, Value column);
  void sumRows(Value row, Value count);
  /// A tile, from the sums to the results.
  void tile(Value row, int64_t count, Value panel, int64_t panels,
            int64_t firstPart, int64_t parts, Value rowSums, bool once);
  /// sumOf(index, row, column): the sum of vector `index` of the scratch.
  void finish(Value row, Value count, Value panel, int64_t firstPart,
              int64_t parts,
              llvm::function_ref<Value(Value, Value, Value)> sumOf);
  Value scratchFloats(Value index) {
    return e.load(e.vector(shape.lanes), e.scratch, e.mul(index, shape.lanes));
  }
  Value smaller(Value x, Value y) {
    return arith::MinSIOp::create(e.b, e.loc, x, y);
  }
  Value sub(Value x, Value y) {
    return e.b.createOrFold<arith::SubIOp>(e.loc, x, y);
  }
  Value compare(arith::CmpIPredicate predicate, Value x, Value y) {
    return arith::CmpIOp::create(e.b, e.loc, predicate, x, y);
  }

  Emitter &e;
  Math m;
  const LowbitVariant &variant;
  lowbit::LinearOp op;
  LowbitShape shape;
  LowbitTileSize tileSize;
  Division division;
  Value rows;
  Epilogue epilogue;
};

} // namespace

static AffineExpr tasks(kernel::FuncOp kernel, const Target &target) {
  lowbit::LinearOp op = find(kernel);
  LowbitShape shape(kernel, op, target, choose(target).lanes);
  Division division(shape, choose(target));
  auto maps =
      llvm::to_vector(kernel.getDims().getAsValueRange<AffineMapAttr>());
  nn::Dims dims(kernel.getBlock(), maps);
  int64_t few = llvm::divideCeil(shape.panels, division.fewTask);
  int64_t many = llvm::divideCeil(shape.panels, division.manyTask);
  // 1 for few rows, 0 for many: 2 F / (rows + F) is 2 for none, 1 for up to F.
  AffineExpr ratio = getAffineConstantExpr(2 * fewRows, kernel.getContext())
                         .floorDiv(LinearWriter::rowsOf(op, dims) + fewRows);
  return many + (ratio + 1).floorDiv(2) * (few - many);
}

void LinearWriter::tile(Value row, int64_t count, Value panel, int64_t panels,
                        int64_t firstPart, int64_t parts, Value rowSums,
                        bool once) {
  LowbitTile tile{row,     count,         {},  firstPart, parts,
                  rowSums, variant.ahead, once};
  // What lies behind the last panel is the last panel, and not stored.
  for (int64_t p = 0; p < panels; ++p)
    tile.panels.push_back(p == 0 ? panel
                                 : smaller(e.add(panel, e.constant(p)),
                                           e.constant(shape.panels - 1)));
  writeLowbitTile(e, shape, tile, e.scratch);
}

/// From the scratch to the result.
void LinearWriter::finish(Value row, Value count, Value panel,
                          int64_t firstPart, int64_t parts,
                          function_ref<Value(Value, Value, Value)> sumOf) {
  Value first = e.mul(panel, shape.packing.panelRows());
  e.loop(e.constant(0), count, 1, [&](Value r) {
    Value at = e.add(row, r);
    Value scale;
    if (shape.codes)
      scale = vector::BroadcastOp::create(
          e.b, e.loc, e.vector(shape.lanes),
          e.load(e.f32(), e.pointer(op.getInputScales()), at));
    e.loop(e.constant(0), e.constant(parts), 1, [&](Value v) {
      Value column =
          e.add(first, e.mul(e.add(v, e.constant(firstPart)), shape.lanes));
      Value sum = sumOf(e.add(e.mul(r, parts), v), r, column);
      if (scale)
        sum = m.mul(sum, scale);
      epilogue.finish(sum, at, column);
    });
  });
}

/// Panel by panel: one stream through memory.
void LinearWriter::writeFew(int64_t count) {
  Value from = e.mul(e.begin, division.fewTask);
  Value to = smaller(e.mul(e.end, division.fewTask), e.constant(shape.panels));
  Value row = e.constant(0), sums;
  if (shape.sumsFirst) {
    sumRows(row, e.constant(count));
    sums = e.offset(e.scratch, e.constant(rowSumsAt), e.b.getI8Type());
  }
  bool once = weightBytes(e.kernel->getParentOfType<ModuleOp>()) > keptWeights;
  e.loop(from, to, 1, [&](Value panel) {
    tile(row, count, panel, 1, 0, shape.parts(), sums, once);
    finish(row, e.constant(count), panel, 0, shape.parts(),
           [&](Value index, Value, Value) { return scratchFloats(index); });
  });
}

/// The sums of the groups of rows [row, row + count), to the scratch.
void LinearWriter::sumRows(Value row, Value count) {
  writeInputSums(e, shape, row, count,
                 e.offset(e.scratch, e.constant(rowSumsAt), e.b.getI8Type()));
}

/// A sum of codes with all channels of a row, which has neither seen the scale
/// nor the zero.
Value LinearWriter::sumOfRow(Value index, Value row, Value column) {
  auto integers = e.vector(shape.lanes, e.b.getI32Type());
  Value sum = e.load(integers, e.scratch, e.mul(index, shape.lanes));
  // What is behind the last panel is not stored.
  int64_t behind = shape.panels * shape.packing.panelRows();
  column = smaller(column, e.constant(behind - shape.lanes));
  auto perOutput = [&](Value tensor) -> Value {
    Type element = cast<RankedTensorType>(tensor.getType()).getElementType();
    Value base = e.pointer(tensor);
    if (!shape.perTensor)
      return loadVector(e, shape.lanes, base, column, element, shape.lanes);
    Value x = e.load(element, base, e.constant(0));
    if (element.isF16())
      x = arith::ExtFOp::create(e.b, e.loc, e.f32(), x);
    return vector::BroadcastOp::create(e.b, e.loc,
                                       e.vector(shape.lanes, x.getType()), x);
  };
  if (op.getZeros()) {
    Value zero =
        arith::ExtSIOp::create(e.b, e.loc, integers, perOutput(op.getZeros()));
    Value rowSum = e.load(
        e.b.getI32Type(),
        e.offset(e.scratch, e.constant(rowSumsAt), e.b.getI8Type()), row);
    rowSum = vector::BroadcastOp::create(e.b, e.loc, integers, rowSum);
    Value extra = arith::MulIOp::create(e.b, e.loc, rowSum, zero);
    sum = arith::SubIOp::create(e.b, e.loc, sum, extra);
  }
  sum = arith::SIToFPOp::create(e.b, e.loc, e.vector(shape.lanes), sum);
  return m.mul(sum, perOutput(op.getWeightScales()));
}

void LinearWriter::writeManyCodes() {
  LowbitBlockWriter writer(e, shape, tileSize.vectors, tileSize.rows,
                           variant.ahead);
  const LowbitBlocks &blocks = writer.blocks;
  auto quotient = [&](Value x, Value y) -> Value {
    return arith::CeilDivUIOp::create(e.b, e.loc, x, y);
  };
  // Blocks of rows as equal as tiles allow.
  Value sets = quotient(rows, e.constant(blocks.rowsOnce));
  Value tiles = quotient(quotient(rows, sets), e.constant(tileSize.rows));
  Value block = e.mul(tiles, tileSize.rows);
  Value from = e.mul(e.begin, division.manyTask);
  Value to = smaller(e.mul(e.end, division.manyTask), e.constant(shape.panels));
  Value sums = e.offset(e.scratch, e.constant(rowSumsAt), e.b.getI8Type());
  e.loop(e.constant(0), sets, 1, [&](Value set) {
    Value start = e.mul(set, block);
    Value count = smaller(sub(rows, start), block);
    writer.prepare(start, count);
    if (op.getZeros())
      sumRows(start, count);
    e.loop(from, to, blocks.panels, [&](Value panel) {
      writer.sum(panel, count, sums);
      finish(start, count, panel, 0, blocks.vectors,
             [&](Value index, Value row, Value column) {
               return shape.groups == 1 ? sumOfRow(index, row, column)
                                        : scratchFloats(index);
             });
    });
  });
}

void LinearWriter::writeManyTiles() {
  int64_t R = tileSize.rows;
  int64_t block = std::max<int64_t>(1, rowSumBytes / 4 / shape.groups / R) * R;
  block = std::min<int64_t>(block, llvm::alignTo(mostRows, R));
  int64_t parts = std::min(tileSize.vectors, division.many * shape.parts());
  Value from = e.mul(e.begin, division.manyTask);
  Value to = smaller(e.mul(e.end, division.manyTask), e.constant(shape.panels));
  e.loop(e.constant(0), rows, block, [&](Value start) {
    Value end = smaller(e.add(start, e.constant(block)), rows);
    if (shape.codes)
      sumRows(start, sub(end, start));
    e.loop(from, to, division.many, [&](Value panel) {
      e.loop(start, end, R, [&](Value row) {
        Value left = sub(end, row), sums;
        if (shape.codes)
          sums = e.offset(e.scratch,
                          e.add(e.constant(rowSumsAt),
                                e.mul(sub(row, start), 4 * shape.groups)),
                          e.b.getI8Type());
        for (int64_t split = 0; split < division.splits; ++split) {
          int64_t first = split * parts;
          std::function<void(int64_t)> choose = [&](int64_t count) {
            auto own = [&] {
              tile(row, count, panel, division.many, first, parts, sums,
                   /*once=*/false);
            };
            if (count == 1)
              return own();
            Value fits =
                compare(arith::CmpIPredicate::sge, left, e.constant(count));
            e.branch(fits, own, [&] { choose(count - 1); });
          };
          choose(R);
          finish(
              row, smaller(left, e.constant(R)), panel, first, parts,
              [&](Value index, Value, Value) { return scratchFloats(index); });
        }
      });
    });
  });
}

void LinearWriter::write() {
  for (int64_t count = 1; count <= fewRows; ++count)
    e.branch(compare(arith::CmpIPredicate::eq, rows, e.constant(count)),
             [&] { writeFew(count); });
  e.branch(compare(arith::CmpIPredicate::sgt, rows, e.constant(fewRows)),
           [&] { shape.blocked ? writeManyCodes() : writeManyTiles(); });
}

static LogicalResult emit(Emitter &e) {
  LinearWriter(e).write();
  return success();
}

const KernelFamily lowbitLinearFamily = {"lowbit_linear", accepts, tasks, emit};

} // namespace qopt::cpu
