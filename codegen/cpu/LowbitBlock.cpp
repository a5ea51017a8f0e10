// Many rows of codes times a packed weight where there is no VNNI: unpacked
// once, multiplied often.
//
//   for every few rows of the input:                 once in a task
//     x' = x + 128, unsigned bytes                   or x as words
//   for every few panels:
//     for every block of columns:                    w' stays in the first
//     cache
//       w' = code - offset, signed bytes             or as words
//       start[v] = -128 * sum of w'
//       for every R rows, V vectors of outputs:      a tile
//         for every chunk:
//           sum[r][v] = start[v] + x'[r] * w'[v]     vpmaddubsw, vpaddw
//           sum[r][v] = pairs of sum[r][v]           vpmaddwd by ones
//         C[r][v] += sum[r][v]                       or, with groups,
//         C[r][v] += scale[v] * f32(sum[r][v])       C as f32
//
// 8 bits: words, products by vpmaddwd and sums of 32 bits; a byte of 8 bits
// times another is more than a word holds twice.
//
// One operand of vpmaddubsw is unsigned. It is the input, because what its 128
// adds is the same for all rows: the sums start below it. (If it were the code,
// the offset would add what differs from row to row and group to group.) On the
// way a sum of 16 bits may leave its range, because it does so modulo 2^16:
// only what a chunk gives must fit, 2 * 128 * |w'| for each of its words. So up
// to 64 words of ternary codes are summed, 15 of 4 bits. Pairs of products do
// not saturate, 2 * 255 * |w'| is less than 2^15.
//
// Floor: the rate of the multiply unit, 2 instructions a cycle. A tile of 2 x 6
// does 12 of them a word in 6 cycles, beside 8 loads and 12 sums. A chunk of c
// words needs c + 1, with groups c + 2 (vfmadd): 98 % of the rate of vpmaddubsw
// for ternary codes, 93 for 4 bits, 80 for groups of 32; 50 for 8 bits. Reached
// on a Zen 5 with 128 rows of 2048: 87, 80, 72 and 42; 16 rows: 78, 73, 68 and
// 33, where unpacking takes 6 instructions beside 32.

#include "qopt/codegen/cpu/LowbitBlock.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/cpu/Dot.h"
#include "qopt/codegen/cpu/LowbitTile.h"
#include "qopt/runtime/abi.h"

using namespace mlir;

namespace qopt::cpu {

/// Words of a block: of 64 outputs they are 16 KB.
static constexpr int64_t blockWords = 64;
/// Words that share scales, at most: what the scratch has room for.
static constexpr int64_t mostSegment = 512;
/// Rows that are prepared at once, at most.
static constexpr int64_t mostRows = 128;
/// Bytes of the scratch: sums, what is unpacked, and the input behind both.
static constexpr int64_t weightsAt = rowSumsAt + rowSumBytes;
static constexpr int64_t startsAt = weightsAt + (512 << 10);
static constexpr int64_t scalesAt = startsAt + (128 << 10);
static constexpr int64_t zerosAt = scalesAt + (64 << 10);
static constexpr int64_t inputAt = zerosAt + (64 << 10);

/// How many words of codes 16 bits hold the sums of.
static int64_t wordsIn16Bits(const LowbitShape &shape) {
  int64_t offset = shape.packing.offset;
  int64_t least = -offset, most = (1 << shape.packing.bits) - 1 - offset;
  lowbit::LinearOp op = shape.op;
  if (op.getScheme().getMethod() == lowbit::Method::ternary)
    most = 1;
  return 32767 / (2 * 128 * std::max(-least, most));
}

static int64_t largestDivisor(int64_t number, int64_t most) {
  most = std::min(number, most);
  while (number % most != 0)
    --most;
  return most;
}

/// What has no groups is divided freely, and may be longer than the row.
void LowbitBlocks::divideRow(const LowbitShape &shape, int64_t most) {
  int64_t unit = shape.packing.stepColumns() / 4;
  int64_t total = shape.packing.steps() * unit;
  chunks = split = 1;
  double least = HUGE_VAL;
  for (int64_t length = unit; length <= most; length += unit) {
    int64_t count = llvm::divideCeil(total, length);
    int64_t perBlock = std::max<int64_t>(1, blockWords / length);
    int64_t own = llvm::divideCeil(count, perBlock);
    perBlock = llvm::divideCeil(count, own);
    // Adding a chunk to C costs about as much as a word.
    double cost = double(own * perBlock) * (length + 1);
    if (cost > least)
      continue;
    least = cost;
    chunk = length;
    segments = perBlock;
    blocks = own;
  }
}

/// Groups are whole segments, or several.
void LowbitBlocks::divideGroups(const LowbitShape &shape, int64_t most) {
  int64_t unit = shape.packing.stepColumns() / 4;
  int64_t group = shape.channels / shape.groups / 4;
  int64_t segment = unit * largestDivisor(group / unit, mostSegment / unit);
  split = group / segment;
  chunk =
      unit * largestDivisor(segment / unit, std::max<int64_t>(1, most / unit));
  chunks = segment / chunk;
  segments = largestDivisor(shape.groups * split,
                            std::max<int64_t>(1, blockWords / segment));
  blocks = shape.groups * split / segments;
}

LowbitBlocks::LowbitBlocks(const LowbitShape &shape, const Target &target,
                           int64_t tileVectors, int64_t tileRows) {
  words = shape.packing.bits == 8 || !hasPairs(target, shape.lanes);
  int64_t most = words ? mostSegment : wordsIn16Bits(shape);
  if (shape.groups == 1)
    divideRow(shape, std::min(most, blockWords));
  else
    divideGroups(shape, most);
  panels = std::max<int64_t>(1, tileVectors / shape.parts());
  vectors = panels * shape.parts();
  // Half of the second cache.
  int64_t rows = std::clamp<int64_t>(target.l2Bytes / 2 / rowBytes(),
                                     4 * tileRows, mostRows);
  rowsOnce = llvm::alignTo(rows, tileRows);
  int64_t room = std::min((QOPT_SCRATCH_BYTES - inputAt) / rowBytes(),
                          rowSumBytes / 4 / shape.groups);
  rowsOnce = std::min(rowsOnce, room / tileRows * tileRows);
}

bool LowbitBlocks::fits() const { return rowsOnce > 0; }

LowbitBlockWriter::LowbitBlockWriter(Emitter &e, const LowbitShape &shape,
                                     int64_t tileVectors, int64_t tileRows,
                                     int64_t ahead)
    : blocks(shape, e.target, tileVectors, tileRows), e(e), m{e.b, e.loc},
      shape(shape), op(shape.op), tileVectors(tileVectors), tileRows(tileRows),
      ahead(ahead), integers(e.vector(shape.lanes, e.b.getI32Type())),
      floats(e.vector(shape.lanes)),
      partial(blocks.words ? integers
                           : e.vector(2 * shape.lanes, e.b.getI16Type())) {
  sums = e.scratch;
  weights = place(weightsAt);
  starts = place(startsAt);
  scales = place(scalesAt);
  zeros = place(zerosAt);
  input = place(inputAt);
}

//===-- The input ---------------------------------------------------------===//

void LowbitBlockWriter::prepare(Value row, Value count) {
  bool asWords = blocks.words;
  Type i8 = e.b.getI8Type(), i16 = e.b.getI16Type();
  int64_t lanes = e.target.vectorBytes / (asWords ? 2 : 1);
  int64_t whole = shape.channels / lanes * lanes;
  auto operand = [&](Value x) -> Value {
    if (asWords)
      return arith::ExtSIOp::create(e.b, e.loc, Math::with(x.getType(), i16),
                                    x);
    return arith::XOrIOp::create(e.b, e.loc, x, m.integer(-128, x.getType()));
  };
  Value zero = operand(m.integer(0, i8));
  Value from = e.pointer(op.getInput());
  e.loop(e.constant(0), count, 1, [&](Value r) {
    Value x = e.offset(from, e.mul(e.add(row, r), shape.channels), i8);
    Value to = e.offset(input, e.mul(r, blocks.rowBytes()), i8);
    e.loop(e.constant(0), e.constant(whole), lanes, [&](Value c) {
      e.store(operand(e.load(e.vector(lanes, i8), x, c)), to, c);
    });
    e.loop(e.constant(whole), e.constant(shape.channels), 1,
           [&](Value c) { e.store(operand(e.load(i8, x, c)), to, c); });
    e.loop(e.constant(shape.channels), e.constant(4 * blocks.length()), 1,
           [&](Value c) { e.store(zero, to, c); });
  });
}

//===-- The weight --------------------------------------------------------===//

LowbitTile LowbitBlockWriter::panelsAt(Value panel) {
  LowbitTile tile{Value(), 0, {}, 0, blocks.vectors, Value(), ahead};
  // What lies behind the last panel is the last panel, and not stored.
  for (int64_t p = 0; p < blocks.panels; ++p)
    tile.panels.push_back(arith::MinSIOp::create(
        e.b, e.loc, e.add(panel, e.constant(p)), e.constant(shape.panels - 1)));
  return tile;
}

/// Bytes or words of the codes of a word, their offset taken back.
SmallVector<Value> LowbitBlockWriter::operands(Value codes) {
  int64_t lanes = shape.lanes, offset = shape.packing.offset;
  auto bytes = e.vector(4 * lanes, e.b.getI8Type());
  codes = vector::BitCastOp::create(e.b, e.loc, bytes, codes);
  auto signedCodes = [&](Value x) -> Value {
    bool isByte = getElementTypeOrSelf(x.getType()).isInteger(8);
    Value by = m.integer(isByte ? int8_t(offset) : offset, x.getType());
    x = arith::SubIOp::create(e.b, e.loc, x, by);
    return vector::BitCastOp::create(e.b, e.loc, integers, x);
  };
  if (!blocks.words)
    return {signedCodes(codes)};
  SmallVector<Value> halves;
  for (int64_t half = 0; half < 2; ++half) {
    SmallVector<int64_t> places;
    for (int64_t lane = 0; lane < lanes; ++lane)
      places.append({4 * lane + 2 * half, 4 * lane + 2 * half + 1});
    Value some = vector::ShuffleOp::create(e.b, e.loc, codes, codes, places);
    some = arith::ExtUIOp::create(e.b, e.loc,
                                  e.vector(2 * lanes, e.b.getI16Type()), some);
    halves.push_back(signedCodes(some));
  }
  return halves;
}

Value LowbitBlockWriter::product(Value sum, Value x, Value w) {
  return blocks.words
             ? dot2(e, sum, x, w)
             : arith::AddIOp::create(e.b, e.loc, sum, pairProducts(e, x, w));
}

void LowbitBlockWriter::unpack(Value panel, Value block) {
  LowbitTile tile = panelsAt(panel);
  LowbitTileWriter packed(e, shape, tile);
  int64_t unit = shape.packing.stepColumns() / 4, steps = blocks.chunk / unit;
  bool starting = !blocks.words;
  Value all128 = m.integer(int32_t(0x80808080), integers);
  Value last = e.constant(shape.packing.steps() - 1);
  Value firstChunk = e.mul(block, blocks.blockChunks());
  e.loop(e.constant(0), e.constant(blocks.blockChunks()), 1, [&](Value chunk) {
    Value first = e.mul(e.add(firstChunk, chunk), steps);
    SmallVector<Value> none(starting ? blocks.vectors : 0,
                            m.integer(0, partial));
    SmallVector<Value> total = e.loop(
        e.constant(0), e.constant(steps), 1, none,
        [&](Value index, ValueRange carried) {
          SmallVector<Value> next(carried);
          Value step =
              arith::MinSIOp::create(e.b, e.loc, e.add(first, index), last);
          packed.beginStep();
          Value word = e.mul(e.add(e.mul(chunk, steps), index), unit);
          for (int64_t i = 0; i < unit; ++i)
            for (int64_t v = 0; v < blocks.vectors; ++v) {
              auto halves = operands(packed.field(v, step, i));
              for (auto [h, w] : llvm::enumerate(halves)) {
                int64_t behind =
                    (i * blocks.halves() + int64_t(h)) * blocks.vectors + v;
                Value at = e.add(e.mul(word, blocks.halves() * blocks.vectors),
                                 e.constant(behind));
                e.store(w, weights, e.mul(at, shape.lanes));
              }
              if (starting)
                next[v] = product(next[v], all128, halves[0]);
            }
          return next;
        });
    for (auto [v, sum] : llvm::enumerate(total)) {
      Value at = e.add(e.mul(chunk, blocks.vectors), e.constant(int64_t(v)));
      Value start =
          arith::SubIOp::create(e.b, e.loc, m.integer(0, partial), sum);
      e.store(start, starts, e.mul(at, partial.getNumElements()));
    }
  });
}

Value LowbitBlockWriter::groupOf(Value block, Value segment) {
  Value index = e.add(e.mul(block, blocks.segments), segment);
  return e.b.createOrFold<arith::DivUIOp>(e.loc, index,
                                          e.constant(blocks.split));
}

/// As f32 and i32, once for all rows.
void LowbitBlockWriter::storeScales(Value panel, Value block) {
  LowbitTile tile = panelsAt(panel);
  LowbitTileWriter packed(e, shape, tile);
  e.loop(e.constant(0), e.constant(blocks.segments), 1, [&](Value segment) {
    Value group = groupOf(block, segment);
    for (int64_t v = 0; v < blocks.vectors; ++v) {
      Value at = e.mul(e.add(e.mul(segment, blocks.vectors), e.constant(v)),
                       shape.lanes);
      e.store(packed.loadScale(v, group), scales, at);
      if (op.getZeros())
        e.store(packed.zeroCode(v, group), zeros, at);
    }
  });
}

//===-- A tile ------------------------------------------------------------===//

/// Sums of [count, tileVectors] vectors.
SmallVector<Value> LowbitBlockWriter::sumChunk(Value block, Value chunk,
                                               Value row, int64_t count,
                                               Value vector) {
  int64_t V = tileVectors, halves = blocks.halves();
  SmallVector<Value> first;
  for (int64_t v = 0; v < V; ++v) {
    Value at =
        e.add(e.add(e.mul(chunk, blocks.vectors), vector), e.constant(v));
    first.push_back(blocks.words ? m.integer(0, partial)
                                 : e.load(partial, starts,
                                          e.mul(at, partial.getNumElements())));
  }
  SmallVector<Value> sums;
  for (int64_t r = 0; r < count; ++r)
    sums.append(first);
  int64_t length = blocks.chunk * halves;
  Type i32 = e.b.getI32Type();
  Value x = e.offset(input, e.mul(row, blocks.rowBytes()), e.b.getI8Type());
  x = e.offset(x, e.mul(block, blocks.blockChunks() * length), i32);
  Value w0 = e.offset(weights, e.mul(vector, shape.lanes), i32);
  Value from = e.mul(chunk, length), to = e.add(from, e.constant(length));
  // One step at a time: of two, LLVM would add what they give before it adds
  // that to the sums, and run out of registers.
  sums = e.loop(from, to, 1, sums, [&](Value index, ValueRange carried) {
    SmallVector<Value> next(carried), w;
    for (int64_t v = 0; v < V; ++v)
      w.push_back(e.load(integers, w0,
                         e.add(e.mul(index, blocks.vectors * shape.lanes),
                               e.constant(v * shape.lanes))));
    for (int64_t r = 0; r < count; ++r) {
      Value at = e.add(index, e.constant(r * blocks.rowBytes() / 4));
      Value word =
          vector::BroadcastOp::create(e.b, e.loc, integers, e.load(i32, x, at));
      for (int64_t v = 0; v < V; ++v)
        next[r * V + v] = product(next[r * V + v], word, w[v]);
    }
    return next;
  });
  if (!blocks.words)
    for (Value &sum : sums)
      sum = sumPairs(e, sum);
  return sums;
}

/// Adds the sums of a segment to those of the rows.
void LowbitBlockWriter::fold(ValueRange some, Value block, Value segment,
                             Value row, int64_t count, Value vector,
                             Value inputSums) {
  int64_t V = tileVectors;
  bool grouped = shape.groups > 1, zeroed = grouped && op.getZeros();
  Value first = e.add(e.mul(row, blocks.vectors), vector);
  Value own = e.offset(sums, e.mul(first, shape.lanes), e.f32());
  SmallVector<Value> scale, zero;
  for (int64_t v = 0; grouped && v < V; ++v) {
    Value at =
        e.add(e.add(e.mul(segment, blocks.vectors), vector), e.constant(v));
    at = e.mul(at, shape.lanes);
    scale.push_back(e.load(floats, scales, at));
    if (zeroed)
      zero.push_back(e.load(integers, zeros, at));
  }
  for (int64_t r = 0; r < count; ++r) {
    Value rowSum;
    if (zeroed) {
      Value at = e.mul(e.add(row, e.constant(r)), shape.groups);
      at = e.add(at, groupOf(block, segment));
      rowSum = vector::BroadcastOp::create(
          e.b, e.loc, integers, e.load(e.b.getI32Type(), inputSums, at));
    }
    for (int64_t v = 0; v < V; ++v) {
      Value at = e.constant((r * blocks.vectors + v) * shape.lanes);
      Value sum = some[r * V + v];
      if (zeroed)
        sum = arith::SubIOp::create(
            e.b, e.loc, sum,
            arith::MulIOp::create(e.b, e.loc, rowSum, zero[v]));
      // Volatile: LLVM would carry them in registers, which there are none of.
      Value to = e.offset(own, at, e.f32());
      VectorType type = grouped ? floats : integers;
      Value before = LLVM::LoadOp::create(e.b, e.loc, type, to, 4,
                                          /*isVolatile=*/true);
      if (grouped)
        sum = m.fma(arith::SIToFPOp::create(e.b, e.loc, floats, sum), scale[v],
                    before);
      else
        sum = arith::AddIOp::create(e.b, e.loc, sum, before);
      LLVM::StoreOp::create(e.b, e.loc, sum, to, 4, /*isVolatile=*/true);
    }
  }
}

void LowbitBlockWriter::tile(Value block, Value row, int64_t count,
                             Value vector, Value inputSums) {
  e.loop(e.constant(0), e.constant(blocks.segments), 1, [&](Value segment) {
    Value chunk = e.mul(segment, blocks.chunks);
    SmallVector<Value> some(count * tileVectors, m.integer(0, integers));
    if (blocks.chunks == 1)
      some = sumChunk(block, chunk, row, count, vector);
    else
      some = e.loop(chunk, e.add(chunk, e.constant(blocks.chunks)), 1, some,
                    [&](Value chunk, ValueRange carried) {
                      SmallVector<Value> next =
                          sumChunk(block, chunk, row, count, vector);
                      for (auto [sum, before] : llvm::zip(next, carried))
                        sum = arith::AddIOp::create(e.b, e.loc, sum, before);
                      return next;
                    });
    fold(some, block, segment, row, count, vector, inputSums);
  });
}

//===-- All of it ---------------------------------------------------------===//

void LowbitBlockWriter::clear(Value count) {
  Value end = e.mul(count, blocks.vectors * shape.lanes);
  e.loop(e.constant(0), end, shape.lanes,
         [&](Value at) { e.store(m.integer(0, integers), sums, at); });
}

void LowbitBlockWriter::sum(Value panel, Value count, Value inputSums) {
  clear(count);
  e.loop(e.constant(0), e.constant(blocks.blocks), 1, [&](Value block) {
    unpack(panel, block);
    if (shape.groups > 1)
      storeScales(panel, block);
    e.loop(e.constant(0), count, tileRows, [&](Value row) {
      Value left = arith::SubIOp::create(e.b, e.loc, count, row);
      e.loop(e.constant(0), e.constant(blocks.vectors), tileVectors,
             [&](Value vector) {
               std::function<void(int64_t)> choose = [&](int64_t rows) {
                 auto own = [&] { tile(block, row, rows, vector, inputSums); };
                 if (rows == 1)
                   return own();
                 Value fits = arith::CmpIOp::create(e.b, e.loc,
                                                    arith::CmpIPredicate::sge,
                                                    left, e.constant(rows));
                 e.branch(fits, own, [&] { choose(rows - 1); });
               };
               choose(tileRows);
             });
    });
  });
}

} // namespace qopt::cpu
