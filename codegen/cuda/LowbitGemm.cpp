// lowbit.linear by several rows, on the GPU, by matrix instructions.
//
//   for every some panels of W and 8 T rows of x:    a block
//     for every 32 columns:                          a warp
//       W: 16 bytes a thread, F fragments of 16 rows x 32 columns
//       x: T fragments of 32 columns x 8 rows
//       sum[16 F][8 T] += W x                        see LowbitFragments.h
//     y = epilogue(sum * scales + bias)
//
// Few rows (up to 8) are bound by reading W: T is 1, and the warps of a block
// share the columns of one panel, as in LowbitGemv.cpp. So they do, with more
// tiles, for some rows (up to 64): a panel a warp would leave most of a chip
// without work. For many each warp has a panel, and its T tiles of rows come
// from a cache for all warps: what is unpacked once serves T products.
//
// Sums of codes are exact, less (offset + zero) times the sum of the input;
// those of groups are added in f32.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/cuda/Epilogue.h"
#include "qopt/codegen/cuda/LowbitFragments.h"
#include "qopt/codegen/tile/Math.h"

using namespace mlir;

namespace qopt::cuda {

/// Rows of a fragment of x.
static constexpr int64_t fragmentRows = 8;
/// Warps of a block for many rows, and for few at most.
static constexpr int64_t manyWarps = 4, fewWarps = 8;
/// Static shared memory of a block.
static constexpr int64_t mostShared = 48 << 10;

namespace {

class GemmWriter {
public:
  GemmWriter(Emitter &e, const LowbitShape &shape, int64_t tiles, bool splits)
      : e(e), m{e.b, e.loc}, shape(shape), op(shape.op), place(e),
        fragments(e, shape), tiles(tiles), splits(splits),
        fields(shape.packing.fields) {}

  void write();

private:
  using Values = SmallVector<Value>;
  /// [field][tile][4], then the sums of the input, [tile].
  size_t sumCount() const { return 4 * fields * tiles; }
  size_t allCount() {
    return sumCount() + (fragments.lift || op.getZeros() ? sumsOfInput() : 0);
  }
  size_t sumsOfInput() const { return shape.codes ? tiles : 0; }
  size_t at(int64_t field, int64_t tile, int64_t i) const {
    return 4 * (field * tiles + tile) + i;
  }
  Values zeros(Type type, size_t count) {
    return Values(count,
                  arith::ConstantOp::create(e.b, e.loc, e.b.getZeroAttr(type)));
  }
  Values addBlock(Value block, ValueRange sums);
  /// Those of a group, or of all columns.
  Values addGroup(Value group);
  /// Row of the panel of sum i of a field.
  Value rowOf(int64_t field, int64_t i) {
    return e.add(place.row, e.constant(16 * field + 8 * (i / 2)));
  }
  /// Without offset and zero of the codes.
  Values lowered(ValueRange sums, Value group);
  Values allBlocks();
  void store(Value sum, Value row, Value inPanel);
  void share(ArrayRef<Value> sums, Value memory);
  void storeShared(Value memory, Type type, int64_t count, Value first,
                   int64_t threads);
  /// Of a warp's sums in shared memory: 4 banks from row to row and one.
  int64_t stride() const { return shape.rows() + 4; }
  int64_t size() const { return tiles * fragmentRows * stride(); }

  Emitter &e;
  Math m;
  const LowbitShape &shape;
  lowbit::LinearOp op;
  FragmentPlace place;
  Fragments fragments;
  int64_t tiles; ///< of 8 rows
  bool splits;   ///< warps share a panel
  int64_t fields;
  Value rows, firstRow, panel;
};

} // namespace

GemmWriter::Values GemmWriter::addBlock(Value block, ValueRange before) {
  Values sums(before);
  Value words = loadFragment(e, shape, panel, block);
  Value column = e.add(e.mul(block, kernel::fragmentColumns), place.column);
  Values rowOfTile;
  for (int64_t t = 0; t < tiles; ++t) {
    // Rows behind the last are the last, and not stored.
    Value row = e.add(firstRow, e.add(e.constant(t * fragmentRows), place.row));
    rowOfTile.push_back(e.smaller(row, e.sub(rows, e.constant(1))));
  }
  for (int64_t step = 0; step < fragments.steps(); ++step) {
    SmallVector<Fragments::Terms> x;
    for (Value row : rowOfTile)
      x.push_back(fragments.input(row, column, step));
    for (int64_t f = 0; f < fields; ++f) {
      Values w = fragments.weight(words, f, step);
      for (int64_t t = 0; t < tiles; ++t)
        fragments.multiply(w, x[t],
                           MutableArrayRef<Value>(sums).slice(at(f, t, 0), 4));
    }
    for (size_t t = sumCount(); t < sums.size(); ++t)
      sums[t] = fragments.addInput(x[t - sumCount()], sums[t]);
  }
  return sums;
}

GemmWriter::Values GemmWriter::lowered(ValueRange sums, Value group) {
  Values result(sums.take_front(sumCount()));
  if (allCount() == sumCount())
    return result;
  for (int64_t t = 0; t < tiles; ++t) {
    // Lanes 4 r to 4 r + 3 have the input of row r; sum i is of row
    // 2 (lane % 4) + i % 2.
    Value own = e.joinLanes(
        sums[sumCount() + t],
        [&](Value a, Value b) -> Value {
          return arith::AddIOp::create(e.b, e.loc, a, b);
        },
        1, 4);
    Value from = e.mul(e.rem(e.lane, 4), 8);
    Value ofRow[] = {e.shuffleFrom(own, from),
                     e.shuffleFrom(own, e.add(from, e.constant(4)))};
    for (int64_t f = 0; f < fields; ++f)
      for (int64_t i = 0; i < 4; ++i) {
        Value lift = e.i32(fragments.lift);
        if (op.getZeros())
          lift = arith::AddIOp::create(
              e.b, e.loc, lift,
              loadScale(e, shape, op.getZeros(), panel, rowOf(f, i), group));
        lift = arith::MulIOp::create(e.b, e.loc, lift, ofRow[i % 2]);
        Value &sum = result[at(f, t, i)];
        sum = arith::SubIOp::create(e.b, e.loc, sum, lift);
      }
  }
  return result;
}

GemmWriter::Values GemmWriter::addGroup(Value group) {
  fragments.findZeros(panel, group);
  Type type = shape.codes ? Type(e.b.getI32Type()) : e.f32();
  Values sums = zeros(type, allCount());
  if (shape.groups > 1) {
    Value start = e.mul(group, shape.unit);
    for (int64_t i = 0; i < shape.unit; ++i)
      sums = addBlock(e.add(start, e.constant(i)), sums);
  } else {
    sums =
        e.loop(splits ? e.warp : e.constant(0), e.constant(shape.blocks),
               splits ? e.warps() : 1, sums, [&](Value block, ValueRange sums) {
                 return addBlock(block, sums);
               });
  }
  return lowered(sums, group);
}

GemmWriter::Values GemmWriter::allBlocks() {
  if (shape.groups == 1)
    return addGroup(e.constant(0));
  return e.loop(splits ? e.warp : e.constant(0), e.constant(shape.groups),
                splits ? e.warps() : 1, zeros(e.f32(), sumCount()),
                [&](Value group, ValueRange total) {
                  Values next = addGroup(group);
                  for (int64_t f = 0; f < fields; ++f)
                    for (int64_t t = 0; t < tiles; ++t)
                      for (int64_t i = 0; i < 4; ++i) {
                        Value &sum = next[at(f, t, i)];
                        if (shape.codes)
                          sum =
                              arith::SIToFPOp::create(e.b, e.loc, e.f32(), sum);
                        sum =
                            m.mul(sum, loadScale(e, shape, op.getWeightScales(),
                                                 panel, rowOf(f, i), group));
                        sum = m.add(total[at(f, t, i)], sum);
                      }
                  return next;
                });
}

/// The result of a row of x and a row of the panel.
void GemmWriter::store(Value sum, Value row, Value inPanel) {
  Value output = e.add(e.mul(panel, shape.rows()), inPanel);
  Value inside = arith::AndIOp::create(
      e.b, e.loc, e.less(row, rows), e.less(output, e.constant(shape.outputs)));
  e.branch(inside, [&] {
    finishSum(e, shape, op, {panel, inPanel, row, output}, sum);
  });
}

/// Sums of a warp to shared memory, [row of x][row of the panel]. A thread's
/// are all over the tile; neighbours of a row are stored by neighbours.
void GemmWriter::share(ArrayRef<Value> sums, Value memory) {
  Value column = e.mul(e.rem(e.lane, 4), 2);
  for (int64_t f = 0; f < fields; ++f)
    for (int64_t t = 0; t < tiles; ++t)
      for (int64_t i = 0; i < 4; ++i) {
        Value row = e.add(column, e.constant(t * fragmentRows + i % 2));
        e.store(sums[at(f, t, i)], memory,
                e.add(e.mul(row, stride()), rowOf(f, i)));
      }
}

/// The sums of `count` warps from `memory` on, in order, by threads from
/// `first` on.
void GemmWriter::storeShared(Value memory, Type type, int64_t count,
                             Value first, int64_t threads) {
  Value all = e.constant(tiles * fragmentRows * shape.rows());
  e.loop(first, all, threads, [&](Value index) {
    Value row = e.div(index, shape.rows()),
          inPanel = e.rem(index, shape.rows());
    Value place = e.add(e.mul(row, stride()), inPanel);
    Value sum = e.load(type, memory, place);
    for (int64_t w = 1; w < count; ++w) {
      Value own = e.load(type, memory, e.add(place, e.constant(w * size())));
      sum = type == e.f32()
                ? m.add(sum, own)
                : Value(arith::AddIOp::create(e.b, e.loc, sum, own));
    }
    store(sum, e.add(firstRow, row), inPanel);
  });
}

void GemmWriter::write() {
  rows = e.size(rowsOfInput(e, op));
  int64_t across =
      splits ? shape.panels : llvm::divideCeil(shape.panels, manyWarps);
  firstRow = e.mul(e.div(e.block, across), tiles * fragmentRows);
  panel = e.rem(e.block, across);
  Value memory = e.shared(4 * e.warps() * size());
  Value own = e.offset(memory, e.mul(e.warp, 4 * size()), e.b.getI8Type());
  if (splits) {
    Values sums = allBlocks();
    share(sums, own);
    e.barrier();
    storeShared(memory, sums[0].getType(), e.warps(), e.thread, e.threads);
    return;
  }
  // Warps behind the last panel have nothing to do, and meet no barrier.
  panel = e.add(e.mul(panel, manyWarps), e.warp);
  e.branch(e.less(panel, e.constant(shape.panels)), [&] {
    Values sums = allBlocks();
    share(sums, own);
    e.warpBarrier();
    storeShared(own, sums[0].getType(), 1, e.lane, warpSize);
  });
}

/// Tiles of 8 rows: sums of groups have numbers beside them.
static int64_t tilesOf(const LowbitShape &shape) {
  return shape.groups > 1 ? 2 : 4;
}

int64_t lowbitTileRows(const LowbitShape &shape) {
  return tilesOf(shape) * fragmentRows;
}

/// Registers of a thread: sums of 4 fields and tiles are 64, numbers of a
/// weight and of as many tiles 40 and more; of one tile a quarter.
static int64_t registersOf(const LowbitShape &shape, int64_t tiles) {
  if (tiles == 1)
    return 96;
  return shape.packing.fields == 4 && !shape.codes ? 255 : 160;
}

/// Warps share the columns of a panel; `tiles` of rows.
static Phase sharedPanels(const LowbitShape &shape, AffineExpr blocks,
                          int64_t tiles) {
  int64_t units = shape.groups > 1 ? shape.groups : shape.blocks;
  int64_t warps = std::clamp<int64_t>(
      llvm::bit_floor(uint64_t(llvm::divideCeil(units, 2))), 1, fewWarps);
  // Their sums lie beside each other.
  while (4 * warps * tiles * fragmentRows * (shape.rows() + 4) > mostShared)
    warps /= 2;
  return {blocks * shape.panels, warps * warpSize, [shape, tiles](Emitter &e) {
            e.allowRegisters(registersOf(shape, tiles));
            GemmWriter(e, shape, tiles, true).write();
            return success();
          }};
}

Phase lowbitFewRows(const LowbitShape &shape, AffineExpr blocks) {
  return sharedPanels(shape, blocks, 1);
}

Phase lowbitSomeRows(const LowbitShape &shape, AffineExpr blocks) {
  return sharedPanels(shape, blocks, tilesOf(shape));
}

Phase lowbitManyRows(const LowbitShape &shape, AffineExpr blocks) {
  int64_t tiles = tilesOf(shape);
  return {blocks * llvm::divideCeil(shape.panels, manyWarps),
          manyWarps * warpSize, [shape, tiles](Emitter &e) {
            e.allowRegisters(registersOf(shape, tiles));
            GemmWriter(e, shape, tiles, false).write();
            return success();
          }};
}

} // namespace qopt::cuda
