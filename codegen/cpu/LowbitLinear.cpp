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
// Reads b / 8 bytes a weight, and 4 (f16: 2) for each scale, once; one dot
// product of 4 L bytes for 4 L / F lanes. With vpdpbusd and 2 bits a line of 64
// bytes costs 1 load, 3 shifts, 4 masks, 4 products and a broadcast: 3 cycles
// of four vector units, where memory takes 6.

#include "qopt/codegen/cpu/LowbitLinear.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/cpu/Dot.h"
#include "qopt/codegen/cpu/Epilogue.h"
#include "qopt/codegen/cpu/Families.h"

using namespace mlir;

namespace qopt::cpu {

/// Rows that are few.
static constexpr int64_t fewRows = 3;
/// Bytes of W of a task for few rows, at least and at most: what is fetched
/// ahead at its end is the next task's, and its own beginning was not.
static constexpr int64_t leastTask = 32 << 10, mostTask = 128 << 10;
/// Tasks of a launch for few rows, if each has enough to do.
static constexpr int64_t fewTasks = 8;
/// Bytes of the scratch that sums of rows may take, and where they begin.
static constexpr int64_t rowSumBytes = 1 << 20, rowSumsAt = 64 << 10;
/// Tasks of a launch for many rows, if there is work for them.
static constexpr int64_t manyTasks = 32;

namespace {

/// One way of running the family.
struct LowbitVariant {
  llvm::StringLiteral name;
  FeatureSet needs;
  int64_t lanes;
  int64_t many;  ///< vectors of outputs of a tile for many rows
  int64_t rows;  ///< of such a tile, what fits the registers
  int64_t ahead; ///< bytes that W is fetched before it is read, for few rows
};

} // namespace

// Two virtual cores of a Zen 5, busy with other work, best of 60 short rounds,
// see qopt-kernel-bench; 5632 x 2048, one thread. One row, % of the read
// bandwidth with W fetched 8 KB ahead: vpdpbusd 93 (ternary), 92 (4 bits), 94
// (8); AVX2 85, 99 and 70, and without 69, 79 and 67. Several panels at a time
// are several streams, and slower. 128 rows, % of vpdpbusd's rate by tiles of
// 4, 5, 6 and 7 rows: 90, 90, 90 and 77 (ternary), 40, 67, 66 and 31 (4 bits,
// group 32); AVX2, of vpmaddubsw's: 46 for 2 x 6, 50 for 4 x 2.
// clang-format off
static constexpr LowbitVariant variants[] = {
    // name         needs                lanes many rows ahead
    {"avx512vnni",  feature::avx512Vnni, 16,   4,   6,   8192},
    {"avx512",      feature::avx512,     16,   4,   3,   8192}, // a guess
    {"avxvnni",     feature::avxVnni,    8,    2,   4,   8192}, // a guess
    {"avx2",        feature::avx2,       8,    4,   2,   8192},
    {"plain",       feature::none,       4,    2,   2,   0},    // for tests
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
          shape.channels / shape.groups % shape.packing.stepColumns() == 0);
}

namespace {

/// How the work of one kernel is divided.
struct Division {
  Division(const LowbitShape &shape, const LowbitVariant &variant) {
    int64_t bytes = std::max<int64_t>(1, shape.packing.panelBytes());
    int64_t task =
        std::clamp(shape.panels * bytes / fewTasks, leastTask, mostTask);
    fewTask = std::max<int64_t>(1, task / bytes);
    many = std::max<int64_t>(1, variant.many / shape.parts());
    splits = std::max<int64_t>(1, shape.parts() / variant.many);
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
        shape(e.kernel, op, e.target, variant.lanes), division(shape, variant),
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
  void writeMany();
  void sumRows(Value row, Value count);
  Value sumOf(Value start);
  /// A tile, from the sums to the results.
  void tile(Value row, int64_t count, Value panel, int64_t panels,
            int64_t firstPart, int64_t parts, Value rowSums, bool few);
  void finish(Value row, Value count, Value panel, int64_t firstPart,
              int64_t parts);
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
                        bool few) {
  LowbitTile tile{
      row, count, {}, firstPart, parts, rowSums, few ? variant.ahead : 0};
  // What lies behind the last panel is the last panel, and not stored.
  for (int64_t p = 0; p < panels; ++p)
    tile.panels.push_back(p == 0 ? panel
                                 : smaller(e.add(panel, e.constant(p)),
                                           e.constant(shape.panels - 1)));
  writeLowbitTile(e, shape, tile, e.scratch);
}

/// From the scratch to the result.
void LinearWriter::finish(Value row, Value count, Value panel,
                          int64_t firstPart, int64_t parts) {
  Value first = e.mul(panel, shape.packing.panelRows());
  e.loop(e.constant(0), count, 1, [&](Value r) {
    Value at = e.add(row, r);
    Value scale;
    if (shape.codes)
      scale = vector::BroadcastOp::create(
          e.b, e.loc, e.vector(shape.lanes),
          e.load(e.f32(), e.pointer(op.getInputScales()), at));
    e.loop(e.constant(0), e.constant(parts), 1, [&](Value v) {
      Value index = e.mul(e.add(e.mul(r, parts), v), shape.lanes);
      Value sum = e.load(e.vector(shape.lanes), e.scratch, index);
      if (scale)
        sum = m.mul(sum, scale);
      Value column =
          e.add(first, e.mul(e.add(v, e.constant(firstPart)), shape.lanes));
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
  e.loop(from, to, 1, [&](Value panel) {
    tile(row, count, panel, 1, 0, shape.parts(), sums, /*few=*/true);
    finish(row, e.constant(count), panel, 0, shape.parts());
  });
}

/// The sum of the codes of a group that begin at `start`.
Value LinearWriter::sumOf(Value start) {
  Type i32 = e.b.getI32Type(), i8 = e.b.getI8Type();
  int64_t size = shape.channels / shape.groups, lanes = shape.lanes;
  while (lanes > 1 && shape.groups > 1 && size % (4 * lanes) != 0)
    lanes /= 2;
  VectorType type = e.vector(lanes, i32);
  Value base = e.pointer(op.getInput()), ones = m.integer(0x01010101, type);
  int64_t whole = size / (4 * lanes) * 4 * lanes;
  Value sums = e.loop(e.constant(0), e.constant(whole), 4 * lanes,
                      m.integer(0, type), [&](Value c, ValueRange sum) {
                        Value address = e.offset(base, e.add(start, c), i8);
                        Value x =
                            LLVM::LoadOp::create(e.b, e.loc, type, address, 1);
                        return SmallVector<Value>{dot4(e, sum[0], ones, x)};
                      })[0];
  Value sum =
      vector::ReductionOp::create(e.b, e.loc, vector::CombiningKind::ADD, sums);
  return e.loop(e.constant(whole), e.constant(size), 1, sum,
                [&](Value c, ValueRange sum) {
                  Value x = e.load(i8, base, e.add(start, c));
                  x = arith::ExtSIOp::create(e.b, e.loc, i32, x);
                  return SmallVector<Value>{
                      arith::AddIOp::create(e.b, e.loc, sum[0], x)};
                })[0];
}

/// The sums of the groups of rows [row, row + count), to the scratch.
void LinearWriter::sumRows(Value row, Value count) {
  Value to = e.offset(e.scratch, e.constant(rowSumsAt), e.b.getI8Type());
  int64_t size = shape.channels / shape.groups;
  e.loop(e.constant(0), e.mul(count, shape.groups), 1, [&](Value set) {
    Value start = e.add(e.mul(row, shape.channels), e.mul(set, size));
    e.store(sumOf(start), to, set);
  });
}

void LinearWriter::writeMany() {
  int64_t R = variant.rows;
  int64_t block = std::max<int64_t>(1, rowSumBytes / 4 / shape.groups / R) * R;
  block = std::min<int64_t>(block, 64 / R * R * 2);
  int64_t parts = std::min(variant.many, division.many * shape.parts());
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
                   /*few=*/false);
            };
            if (count == 1)
              return own();
            Value fits =
                compare(arith::CmpIPredicate::sge, left, e.constant(count));
            e.branch(fits, own, [&] { choose(count - 1); });
          };
          choose(R);
          finish(row, smaller(left, e.constant(R)), panel, first, parts);
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
           [&] { writeMany(); });
}

static LogicalResult emit(Emitter &e) {
  LinearWriter(e).write();
  return success();
}

const KernelFamily lowbitLinearFamily = {"lowbit_linear", accepts, tasks, emit};

} // namespace qopt::cpu
