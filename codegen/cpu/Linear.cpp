// nn.linear by a packed weight, with an elementwise epilogue, on the CPU.
//
//   few rows (M <= 3): bound by reading W once
//     for every few panels of 16 outputs:            tasks of 32 KB of W or
//     more
//       for c in [0, C) by U:
//         sum[U][M][P] += x[m, c + u] * w[p][c + u]
//       y[m, p] = epilogue(sum + bias)
//
//   many rows: bound by the multiply units
//     for every group of P panels:                   a task
//       for every block of R rows:
//         for c in [0, C):
//           sum[R][P] += x[r, c] * w[p][c]           P loads, R broadcasts
//         y[r, p] = epilogue(sum + bias)
//
// The panels of a tile are streams through memory, and several of them keep
// more lines on their way than one. A group of panels stays in the second
// cache while all rows pass over it, and x is read where it lies: R is at most
// 6, so that rows whose distance is a multiple of 4096 bytes still fit the
// eight ways of a set of the first cache, and nothing has to be copied. What is
// left of the rows has tiles of its own, 1..R-1 rows. The last group is moved
// back to where P panels are left; what it has in common with the one before it
// is summed twice, and stored once.
//
// The sums go through the scratch memory, so that one loop holds the epilogue,
// whatever the tile.
//
// The two products of training are the same tiles on other operands: dX = dY W
// runs over panels of the transposed weight, packed once a step, and dW = dY^T
// X sums over rows, with both operands read in pieces packed into the scratch
// and sums that start from what the gradient holds. A variant needs nothing new
// for either; the loops around the tile do.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "qopt/codegen/cpu/Epilogue.h"
#include "qopt/codegen/cpu/Families.h"
#include "qopt/codegen/tile/Elementwise.h"
#include "qopt/codegen/tile/Math.h"
#include "qopt/dialects/nn/Nn.h"

using namespace mlir;

namespace qopt::cpu {

/// Outputs of a panel.
static constexpr int64_t panel = 16;

/// Rows that are few.
static constexpr int64_t fewRows = 3;
/// Bytes of W of a task for few rows: many tasks a thread, and each far longer
/// than claiming it.
static constexpr int64_t taskBytes = 32 << 10;

namespace {

/// One way of running the family.
struct LinearVariant {
  llvm::StringLiteral name;
  FeatureSet needs;
  int64_t panels; ///< of a tile for many rows
  int64_t rows;   ///< of a tile for many rows, what fits the registers
  int64_t few;    ///< panels of a tile for few rows: streams through memory
  int64_t sums;   ///< of such a tile, what hides the latency
};

} // namespace

// Two virtual cores of a Zen 4 (1 MB second cache), busy with other work, see
// qopt-kernel-bench: 4 streams read M = 1 faster than 1 or 2 (22 GB/s against
// 17 to 21), prefetching them in software gained nothing. 6 x 64 does 90 to 95
// % of the multiply-adds for M = 128 and any C; 12 x 32 as much for C = 576,
// but 86 % for C = 2048, whose rows share the sets of the first cache.
// clang-format off
static constexpr LinearVariant variants[] = {
    // name          needs            panels rows few sums
    {"avx512_6x64",  feature::avx512, 4,     6,   4,  8},
    {"avx2_6x16",    feature::avx2,   1,     6,   2,  4},
    {"plain_2x16",   feature::none,   1,     2,   1,  1},
};
// clang-format on

static const LinearVariant &choose(const Target &target) {
  return *llvm::find_if(variants, [&](const LinearVariant &variant) {
    return target.has(variant.needs);
  });
}

static bool accepts(kernel::FuncOp kernel, const Target &) {
  nn::LinearOp linear;
  for (Operation &op : kernel.getBlock().without_terminator()) {
    if (auto found = dyn_cast<nn::LinearOp>(op)) {
      if (linear)
        return false;
      linear = found;
    } else if (!isElementwise(&op) && !isa<arith::ConstantOp>(op)) {
      return false;
    }
  }
  auto weight = linear ? dyn_cast<BlockArgument>(linear.getWeight()) : nullptr;
  return weight && isa<BlockArgument>(linear.getInput()) &&
         kernel.getLayout(weight).getPanel() == panel &&
         !linear.getInput().getType().getElementType().isF64() &&
         kernel.getResultValues().size() == 1;
}

static nn::LinearOp find(kernel::FuncOp kernel) {
  return *kernel.getBlock().getOps<nn::LinearOp>().begin();
}

namespace {

/// How the work of one kernel is divided.
struct Division {
  Division(nn::LinearOp linear, const LinearVariant &variant) {
    auto type = linear.getWeight().getType();
    int64_t panelBytes = panel * type.getDimSize(1) *
                         type.getElementType().getIntOrFloatBitWidth() / 8;
    panels = llvm::divideCeil(type.getDimSize(0), panel);
    few = std::min(variant.few, panels);
    groups = std::max<int64_t>(1, taskBytes / (few * panelBytes));
    many = std::min(variant.panels, panels);
  }
  int64_t panels; ///< of the weight
  int64_t few;    ///< of a tile for few rows
  int64_t groups; ///< tiles of a task for few rows
  int64_t many;   ///< of a task, and of a tile, for many rows
};

} // namespace

/// All rows of x, in the kernel's symbols.
static AffineExpr rowsOf(nn::LinearOp linear, const nn::Dims &dims) {
  AffineExpr rows = getAffineConstantExpr(1, linear.getContext());
  for (AffineExpr size : dims.of(linear.getInput()).drop_back())
    rows = rows * size;
  return rows;
}

static AffineExpr tasks(kernel::FuncOp kernel, const Target &target) {
  nn::LinearOp linear = find(kernel);
  Division division(linear, choose(target));
  auto maps =
      llvm::to_vector(kernel.getDims().getAsValueRange<AffineMapAttr>());
  nn::Dims dims(kernel.getBlock(), maps);
  int64_t few =
      llvm::divideCeil(division.panels, division.few * division.groups);
  int64_t many = llvm::divideCeil(division.panels, division.many);
  // 1 for few rows, 0 for many: 2 F / (rows + F) is 2 for none, 1 for up to F.
  AffineExpr ratio = getAffineConstantExpr(2 * fewRows, kernel.getContext())
                         .floorDiv(rowsOf(linear, dims) + fewRows);
  return many + (ratio + 1).floorDiv(2) * (few - many);
}

namespace {

/// Where a tile lies.
struct Tile {
  Value row, first;     ///< its first row and panel
  int64_t rows, panels; ///< its size
};

/// Writes the tiles of one kernel.
class TileWriter {
public:
  TileWriter(Emitter &e)
      : e(e), m{e.b, e.loc}, variant(choose(e.target)), linear(find(e.kernel)),
        division(linear, variant),
        outputs(linear.getWeight().getType().getDimSize(0)),
        channels(linear.getWeight().getType().getDimSize(1)),
        vector(e.vector(panel)), rows(e.size(rowsOf(linear, e.dims))),
        epilogue(e, linear, linear.getBias(), outputs, panel) {}

  void write();

private:
  void writeFew(int64_t count);
  void writeMany();
  /// The sums of a tile, to the scratch.
  void sum(Tile tile, int64_t unroll);
  /// The sums of rows [row, row + count) of panels [first, first + panels),
  /// from the scratch, to the result, without the first `skip` panels.
  void finish(Value row, Value count, Value first, int64_t panels, Value skip);
  void step(MutableArrayRef<Value> sums, const Tile &tile, Value c);
  Value compare(arith::CmpIPredicate predicate, Value x, Value y) {
    return arith::CmpIOp::create(e.b, e.loc, predicate, x, y);
  }
  Value smaller(Value x, Value y) {
    return arith::MinSIOp::create(e.b, e.loc, x, y);
  }
  Value sub(Value x, Value y) {
    return e.b.createOrFold<arith::SubIOp>(e.loc, x, y);
  }

  Emitter &e;
  Math m;
  const LinearVariant &variant;
  nn::LinearOp linear;
  Division division;
  int64_t outputs, channels;
  VectorType vector;
  Value rows;
  Epilogue epilogue;
};

} // namespace

/// One more channel.
void TileWriter::step(MutableArrayRef<Value> sums, const Tile &tile, Value c) {
  Type wide = linear.getWeight().getType().getElementType();
  Type narrow = linear.getInput().getType().getElementType();
  Value base = e.pointer(linear.getWeight());
  SmallVector<Value> weights;
  for (int64_t p = 0; p < tile.panels; ++p) {
    Value column = e.add(e.mul(e.add(tile.first, e.constant(p)), channels), c);
    Value index = e.mul(column, panel);
    weights.push_back(loadVector(e, panel, base, index, wide, panel));
  }
  for (int64_t r = 0; r < tile.rows; ++r) {
    Value at = e.add(e.mul(e.add(tile.row, e.constant(r)), channels), c);
    Value x = e.load(narrow, e.pointer(linear.getInput()), at);
    if (narrow != e.f32())
      x = arith::ExtFOp::create(e.b, e.loc, e.f32(), x);
    Value all = vector::BroadcastOp::create(e.b, e.loc, vector, x);
    for (int64_t p = 0; p < tile.panels; ++p) {
      Value &sum = sums[r * tile.panels + p];
      sum = m.fma(all, weights[p], sum);
    }
  }
}

void TileWriter::sum(Tile tile, int64_t unroll) {
  int64_t count = tile.rows * tile.panels;
  SmallVector<Value> zeros(count * unroll, e.constant(0.0, vector));
  int64_t whole = channels / unroll * unroll;
  SmallVector<Value> sums =
      e.loop(e.constant(0), e.constant(whole), unroll, zeros,
             [&](Value c, ValueRange carried) {
               SmallVector<Value> next(carried);
               for (int64_t u = 0; u < unroll; ++u)
                 step(MutableArrayRef<Value>(next).slice(u * count, count),
                      tile, e.add(c, e.constant(u)));
               return next;
             });
  for (int64_t c = whole; c < channels; ++c)
    step(MutableArrayRef<Value>(sums).slice((c - whole) * count, count), tile,
         e.constant(c));
  // In halves: the order is the same for any number of rows.
  for (int64_t half = unroll / 2; half >= 1; half /= 2)
    for (int64_t i = 0; i < half * count; ++i)
      sums[i] = m.add(sums[i], sums[half * count + i]);
  for (int64_t i = 0; i < count; ++i)
    e.store(sums[i], e.scratch, e.constant(i * panel));
}

void TileWriter::finish(Value row, Value count, Value first, int64_t panels,
                        Value skip) {
  e.loop(e.constant(0), count, 1, [&](Value r) {
    e.loop(skip, e.constant(panels), 1, [&](Value p) {
      Value index = e.mul(e.add(e.mul(r, panels), p), panel);
      Value sum = e.load(vector, e.scratch, index);
      Value column = e.mul(e.add(first, p), panel), at = e.add(row, r);
      epilogue.finish(sum, at, column);
    });
  });
}

/// The tasks [begin, end) as one range of tiles.
void TileWriter::writeFew(int64_t count) {
  int64_t panels = division.few;
  Value from = e.mul(e.begin, division.groups);
  Value to = smaller(e.mul(e.end, division.groups),
                     e.constant(llvm::divideCeil(division.panels, panels)));
  int64_t unroll =
      std::max<int64_t>(1, variant.sums / (panels * llvm::PowerOf2Ceil(count)));
  e.loop(from, to, 1, [&](Value tile) {
    Value own = e.mul(tile, panels);
    Value first = smaller(own, e.constant(division.panels - panels));
    sum({e.constant(0), first, count, panels}, unroll);
    finish(e.constant(0), e.constant(count), first, panels, sub(own, first));
  });
}

void TileWriter::writeMany() {
  e.loop(e.begin, e.end, 1, [&](Value task) {
    Value own = e.mul(task, division.many);
    Value first = smaller(own, e.constant(division.panels - division.many));
    e.loop(e.constant(0), rows, variant.rows, [&](Value row) {
      Value left = sub(rows, row);
      std::function<void(int64_t)> choose = [&](int64_t count) {
        auto tile = [&] { sum({row, first, count, division.many}, 1); };
        if (count == 1)
          return tile();
        Value fits =
            compare(arith::CmpIPredicate::sge, left, e.constant(count));
        e.branch(fits, tile, [&] { choose(count - 1); });
      };
      choose(variant.rows);
      finish(row, smaller(left, e.constant(variant.rows)), first, division.many,
             sub(own, first));
    });
  });
}

void TileWriter::write() {
  for (int64_t count = 1; count <= fewRows; ++count)
    e.branch(compare(arith::CmpIPredicate::eq, rows, e.constant(count)),
             [&] { writeFew(count); });
  e.branch(compare(arith::CmpIPredicate::sgt, rows, e.constant(fewRows)),
           [&] { writeMany(); });
}

static LogicalResult emit(Emitter &e) {
  TileWriter(e).write();
  return success();
}

const KernelFamily linearFamily = {"linear", accepts, tasks, emit};

} // namespace qopt::cpu
