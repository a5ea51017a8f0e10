// lowbit.linear of codes by several rows, on the GPU, by matrix instructions.
//
//   for every some panels of W and 8 T rows of x:    a block
//     for every 32 columns:                          a warp
//       W: 16 bytes a thread, F fragments of 16 rows x 32 columns
//       x: T fragments of 32 columns x 8 rows, 8 bytes a thread
//       sum[16 F][8 T] += W x                        F T mma.m16n8k32
//       ones[8 T]      += 1 x                        T more, for the offset
//     y = epilogue((sum - (offset + zero) ones) * scales + bias)
//
// Few rows (up to 8) are bound by reading W: T is 1, and the warps of a block
// share the columns of one panel, as in LowbitGemv.cpp. For many each warp has
// a panel, and its T tiles of rows come from a cache for all warps: what is
// unpacked once, 2 operations for 4 codes, serves T products.
//
// Codes of 2 and 4 bits are positive bytes with their offset; those of 8 are
// turned into signed ones. Sums of codes are exact, those of groups are added
// in f32.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qopt/codegen/cuda/Epilogue.h"
#include "qopt/codegen/cuda/LowbitLinear.h"
#include "qopt/codegen/tile/Math.h"

using namespace mlir;

namespace qopt::cuda {

/// Rows of a fragment of x.
static constexpr int64_t fragmentRows = 8;
/// Warps of a block for many rows, and for few at most.
static constexpr int64_t manyWarps = 4, fewWarps = 8;

namespace {

class GemmWriter {
public:
  GemmWriter(Emitter &e, const LowbitShape &shape, int64_t tiles, bool splits)
      : e(e), m{e.b, e.loc}, shape(shape), op(shape.op), place(e), tiles(tiles),
        splits(splits), fields(shape.packing.fields),
        offset(shape.packing.bits == 8 ? 0 : shape.packing.offset) {}

  void write();

private:
  using Values = SmallVector<Value>;
  /// [field][tile][4], then [tile][4] of ones.
  size_t sumCount() const { return 4 * fields * tiles; }
  size_t at(int64_t field, int64_t tile, int64_t i) const {
    return 4 * (field * tiles + tile) + i;
  }
  Values zeros(Type type, size_t count) {
    return Values(count,
                  arith::ConstantOp::create(e.b, e.loc, e.b.getZeroAttr(type)));
  }
  bool hasOnes() { return offset != 0 || op.getZeros(); }
  void multiply(ArrayRef<Value> a, ArrayRef<Value> b,
                MutableArrayRef<Value> sums);
  Values addBlock(Value block, ValueRange sums);
  /// Row of the panel of sum i of a field.
  Value rowOf(int64_t field, int64_t i) {
    return e.add(place.row, e.constant(16 * field + 8 * (i / 2)));
  }
  /// Sums without offset and zero, as i32; as f32 times the scales of a group.
  Values finished(ValueRange sums, Value group);
  Values allBlocks();
  void store(Value sum, Value row, Value inPanel);
  void joinWarps(ArrayRef<Value> sums);

  Emitter &e;
  Math m;
  const LowbitShape &shape;
  lowbit::LinearOp op;
  FragmentPlace place;
  int64_t tiles; ///< of 8 rows
  bool splits;   ///< warps share a panel
  int64_t fields, offset;
  Value rows, firstRow, panel;
};

} // namespace

void GemmWriter::multiply(ArrayRef<Value> a, ArrayRef<Value> b,
                          MutableArrayRef<Value> sums) {
  Type i32 = e.b.getI32Type();
  auto type =
      LLVM::LLVMStructType::getLiteral(e.b.getContext(), {i32, i32, i32, i32});
  Value product = NVVM::MmaOp::create(
      e.b, e.loc, type, a, b, ValueRange(sums), {16, 8, 32}, std::nullopt,
      NVVM::MMAIntOverflow::wrapped,
      std::array{NVVM::MMATypes::s8, NVVM::MMATypes::s8},
      std::array{NVVM::MMALayout::row, NVVM::MMALayout::col});
  for (int64_t i = 0; i < 4; ++i)
    sums[i] = LLVM::ExtractValueOp::create(e.b, e.loc, product, i);
}

GemmWriter::Values GemmWriter::addBlock(Value block, ValueRange before) {
  Values sums(before);
  Value words = loadFragment(e, shape, panel, block);
  Value column = e.add(e.mul(block, kernel::fragmentColumns), place.column);
  SmallVector<Values> x;
  for (int64_t t = 0; t < tiles; ++t) {
    // Rows behind the last are the last, and not stored.
    Value row = e.add(firstRow, e.add(e.constant(t * fragmentRows), place.row));
    row = e.smaller(row, e.sub(rows, e.constant(1)));
    x.push_back({loadCodes(e, shape, row, column),
                 loadCodes(e, shape, row, e.add(column, e.constant(16)))});
  }
  for (int64_t f = 0; f < fields; ++f) {
    Values a;
    for (int64_t j = 0; j < 4; ++j) {
      Value codes = fieldOf(e, shape, e.element(words, j), f);
      if (shape.packing.bits == 8)
        codes = arith::XOrIOp::create(e.b, e.loc, codes,
                                      e.i32(int32_t(0x80808080)));
      a.push_back(codes);
    }
    for (int64_t t = 0; t < tiles; ++t)
      multiply(a, x[t], MutableArrayRef<Value>(sums).slice(at(f, t, 0), 4));
  }
  if (hasOnes())
    for (int64_t t = 0; t < tiles; ++t)
      multiply(Values(4, e.i32(0x01010101)), x[t],
               MutableArrayRef<Value>(sums).slice(sumCount() + 4 * t, 4));
  return sums;
}

GemmWriter::Values GemmWriter::finished(ValueRange sums, Value group) {
  Values result;
  for (int64_t f = 0; f < fields; ++f)
    for (int64_t t = 0; t < tiles; ++t)
      for (int64_t i = 0; i < 4; ++i) {
        Value sum = sums[at(f, t, i)];
        Value lift = e.i32(offset);
        if (op.getZeros())
          lift = arith::AddIOp::create(
              e.b, e.loc, lift,
              loadScale(e, shape, op.getZeros(), panel, rowOf(f, i), group));
        if (hasOnes()) {
          lift = arith::MulIOp::create(e.b, e.loc, lift,
                                       sums[sumCount() + 4 * t + i % 2]);
          sum = arith::SubIOp::create(e.b, e.loc, sum, lift);
        }
        if (shape.groups > 1) {
          sum = arith::SIToFPOp::create(e.b, e.loc, e.f32(), sum);
          sum = m.mul(sum, loadScale(e, shape, op.getWeightScales(), panel,
                                     rowOf(f, i), group));
        }
        result.push_back(sum);
      }
  return result;
}

GemmWriter::Values GemmWriter::allBlocks() {
  size_t all = sumCount() + (hasOnes() ? 4 * tiles : 0);
  Type i32 = e.b.getI32Type();
  Value first = splits ? e.warp : e.constant(0);
  int64_t step = splits ? e.warps() : 1;
  if (shape.groups == 1) {
    Values sums = e.loop(
        first, e.constant(shape.blocks), step, zeros(i32, all),
        [&](Value block, ValueRange sums) { return addBlock(block, sums); });
    return finished(sums, e.constant(0));
  }
  return e.loop(first, e.constant(shape.groups), step,
                zeros(e.f32(), sumCount()), [&](Value group, ValueRange total) {
                  Values sums = zeros(i32, all);
                  Value start = e.mul(group, shape.unit);
                  for (int64_t i = 0; i < shape.unit; ++i)
                    sums = addBlock(e.add(start, e.constant(i)), sums);
                  Values next = finished(sums, group);
                  for (auto [own, before] : llvm::zip(next, total))
                    own = m.add(before, own);
                  return next;
                });
}

/// The result of a row of x and a row of the panel.
void GemmWriter::store(Value sum, Value row, Value inPanel) {
  Value output = e.add(e.mul(panel, shape.rows()), inPanel);
  Value inside = arith::AndIOp::create(
      e.b, e.loc, e.less(row, rows), e.less(output, e.constant(shape.outputs)));
  e.branch(inside, [&] {
    Value y = sum;
    if (shape.groups == 1) {
      y = arith::SIToFPOp::create(e.b, e.loc, e.f32(), y);
      y = m.mul(y, loadScale(e, shape, op.getWeightScales(), panel, inPanel,
                             e.constant(0)));
    }
    y = m.mul(y, e.load(e.f32(), e.pointer(op.getInputScales()), row));
    finishElement(e, op, op.getBias(), y, row, output);
  });
}

/// Through shared memory, [warp][row of x][row of the panel], in order.
void GemmWriter::joinWarps(ArrayRef<Value> sums) {
  int64_t size = fragmentRows * shape.rows();
  Value parts = e.shared(4 * e.warps() * size);
  Value column = e.mul(e.rem(e.lane, 4), 2);
  for (int64_t f = 0; f < fields; ++f)
    for (int64_t i = 0; i < 4; ++i) {
      Value row = e.add(column, e.constant(i % 2));
      Value index = e.add(e.mul(row, shape.rows()), rowOf(f, i));
      e.store(sums[at(f, 0, i)], parts, e.add(e.mul(e.warp, size), index));
    }
  e.barrier();
  e.loop(e.thread, e.constant(size), e.threads, [&](Value index) {
    Type type = sums[0].getType();
    Value sum = e.load(type, parts, index);
    for (int64_t w = 1; w < e.warps(); ++w) {
      Value own = e.load(type, parts, e.add(index, e.constant(w * size)));
      sum = type == e.f32()
                ? m.add(sum, own)
                : Value(arith::AddIOp::create(e.b, e.loc, sum, own));
    }
    store(sum, e.add(firstRow, e.div(index, shape.rows())),
          e.rem(index, shape.rows()));
  });
}

void GemmWriter::write() {
  rows = e.size(rowsOfInput(e, op));
  int64_t across =
      splits ? shape.panels : llvm::divideCeil(shape.panels, manyWarps);
  firstRow = e.mul(e.div(e.block, across), tiles * fragmentRows);
  panel = e.rem(e.block, across);
  if (splits) {
    joinWarps(allBlocks());
    return;
  }
  // Warps behind the last panel have nothing to do, and meet no barrier.
  panel = e.add(e.mul(panel, manyWarps), e.warp);
  e.branch(e.less(panel, e.constant(shape.panels)), [&] {
    Values sums = allBlocks();
    Value column = e.mul(e.rem(e.lane, 4), 2);
    for (int64_t f = 0; f < fields; ++f)
      for (int64_t t = 0; t < tiles; ++t)
        for (int64_t i = 0; i < 4; ++i) {
          Value row = e.add(e.add(firstRow, column),
                            e.constant(t * fragmentRows + i % 2));
          store(sums[at(f, t, i)], row, rowOf(f, i));
        }
  });
}

Phase lowbitFewRows(const LowbitShape &shape, AffineExpr blocks) {
  int64_t units = shape.groups > 1 ? shape.groups : shape.blocks;
  int64_t warps = std::clamp<int64_t>(
      llvm::bit_floor(uint64_t(llvm::divideCeil(units, 2))), 1, fewWarps);
  return {blocks * shape.panels, warps * warpSize, [shape](Emitter &e) {
            GemmWriter(e, shape, 1, true).write();
            return success();
          }};
}

/// Tiles of 8 rows: sums of groups have numbers beside them.
static int64_t tilesOf(const LowbitShape &shape) {
  return shape.groups > 1 ? 2 : 4;
}

int64_t lowbitTileRows(const LowbitShape &shape) {
  return tilesOf(shape) * fragmentRows;
}

Phase lowbitManyRows(const LowbitShape &shape, AffineExpr blocks) {
  int64_t tiles = tilesOf(shape);
  return {blocks * llvm::divideCeil(shape.panels, manyWarps),
          manyWarps * warpSize, [shape, tiles](Emitter &e) {
            GemmWriter(e, shape, tiles, false).write();
            return success();
          }};
}

} // namespace qopt::cuda
