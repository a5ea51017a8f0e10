// A tile of lowbit.linear: sums of products in 32 bits, or in f32.
//
//   for every group of channels:
//     for every step of lines of it:
//       w[v] = fields of the panels' lines               shift and mask
//       for every row r:
//         x = the next four channels, in every lane
//         sum[r][v] = dot4(sum[r][v], w[v], x)           codes
//         sum[r][v] += x[i] * (float(w[v][i]) - zero)    numbers, i = 0 .. 3,
//                                           by a table where there is vpermps
//     result[r][v] += scale[v] * (sum[r][v] - (offset + zero[v]) * sum(x[r]))
//
// Codes lie unsigned: what `offset` and zeros add to a sum is a multiple of the
// sum of the input, which is one more dot product, by ones. For few rows it
// runs along; for many it has been computed for all tiles of a task.

#include "qopt/codegen/cpu/LowbitTile.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/cpu/Dot.h"
#include "qopt/codegen/cpu/Epilogue.h"

using namespace mlir;

namespace qopt::cpu {

LowbitShape::LowbitShape(kernel::FuncOp kernel, lowbit::LinearOp op,
                         const Target &target, int64_t lanes)
    : op(op), packing(kernel.getLayout(cast<BlockArgument>(op.getWeight())),
                      op.getWeight().getType().getDimSize(1)),
      outputs(op.getWeight().getType().getDimSize(0)),
      channels(packing.columns), lanes(std::min(lanes, packing.lanes)),
      pieces(packing.lanes / this->lanes), panels(packing.panels(outputs)),
      groups(channels / op.getScheme().getGroupSize(channels)),
      codes(op.getInputScales() != nullptr),
      perTensor(op.getScheme().getPer() == lowbit::Granularity::tensor) {
  table = !codes && packing.bits < 8 && hasLookUp(target, this->lanes);
  // One more product a step costs less than a pass only if it is one
  // instruction.
  sumsFirst = codes && !hasDot(target, this->lanes);
  blocked = sumsFirst;
  // Codes of 8 bits saturate pairs of products.
  shortSums = sumsFirst && packing.bits < 8 && hasPairs(target, this->lanes);
}

bool LowbitShape::sumsAreStarts() const {
  lowbit::LinearOp own = op;
  return !own.getZeros() && !shortSums;
}

int64_t LowbitShape::groupSteps() const {
  return channels / groups / packing.stepColumns();
}

/// A piece of a line of the step, for the vector `index`.
Value LowbitTileWriter::line(int64_t index, Value step, int64_t number) {
  Part at = part(index);
  Value &value = lines[{at.panel * shape.pieces + at.piece, number}];
  if (!value) {
    const kernel::Packing &packing = shape.packing;
    int64_t bytes = packing.lineBytes();
    Value offset = e.mul(step, packing.stepLines() * bytes);
    offset =
        e.add(offset, e.constant(number * bytes + at.piece * 4 * shape.lanes));
    Value address = e.offset(bases[at.panel], offset, e.b.getI8Type());
    value =
        LLVM::LoadOp::create(e.b, e.loc, integers, address, 4 * shape.lanes);
    if (tile.ahead && at.piece == 0)
      LLVM::Prefetch::create(
          e.b, e.loc,
          e.offset(address, e.constant(tile.ahead), e.b.getI8Type()),
          /*rw=*/0, /*hint=*/tile.once ? 0 : 3, /*cache=*/1);
  }
  return value;
}

/// To the left if `by` is negative.
Value LowbitTileWriter::shiftRight(Value x, int64_t by) {
  if (by == 0)
    return x;
  if (by < 0)
    return arith::ShLIOp::create(e.b, e.loc, x, m.integer(-by, integers));
  return arith::ShRUIOp::create(e.b, e.loc, x, m.integer(by, integers));
}

Value LowbitTileWriter::field(int64_t index, Value step, int64_t word) {
  int64_t plane = shape.packing.plane, field = part(index).field;
  Value codes = shiftRight(line(index, step, word), field * plane);
  auto masked = [&](Value x, int64_t bits) -> Value {
    return arith::AndIOp::create(e.b, e.loc, x, inEveryByte(bits));
  };
  if (plane < 8)
    codes = masked(codes, (1 << plane) - 1);
  if (shape.packing.bits != 3)
    return codes;
  Value high = shiftRight(line(index, step, 2), word * 4 + field - 2);
  return arith::OrIOp::create(e.b, e.loc, codes, masked(high, 4));
}

/// The elements of [N], [N, groups] or [1] that belong to a vector of outputs.
Value LowbitTileWriter::perOutput(Value tensor, int64_t index, Value group) {
  Type element = cast<RankedTensorType>(tensor.getType()).getElementType();
  Value base = e.pointer(tensor);
  if (shape.perTensor) {
    Value x = e.load(element, base, e.constant(0));
    if (element.isF16())
      x = arith::ExtFOp::create(e.b, e.loc, e.f32(), x);
    return broadcast(x);
  }
  Part at = part(index);
  Value column = e.add(e.mul(tile.panels[at.panel], shape.groups), group);
  Value first = e.add(
      e.mul(column, shape.packing.panelRows()),
      e.constant(at.field * shape.packing.lanes + at.piece * shape.lanes));
  return loadVector(e, shape.lanes, base, first, element, shape.lanes);
}

Value LowbitTileWriter::loadScale(int64_t index, Value group) {
  return perOutput(op.getWeightScales(), index, group);
}

Value LowbitTileWriter::zeroCode(int64_t index, Value group) {
  Value zero = perOutput(op.getZeros(), index, group);
  return arith::ExtSIOp::create(e.b, e.loc, integers, zero);
}

/// What the stored codes of 0 are.
Value LowbitTileWriter::loadZero(int64_t index, Value group) {
  return arith::AddIOp::create(e.b, e.loc, zeroCode(index, group),
                               m.integer(shape.packing.offset, integers));
}

/// Four codes of the input, those behind `width` zero.
Value LowbitTileWriter::inputWord(int64_t row, Value column, int64_t width) {
  Value index =
      e.add(e.mul(e.add(tile.row, e.constant(row)), shape.channels), column);
  Value base = e.pointer(op.getInput());
  Type i32 = e.b.getI32Type(), i8 = e.b.getI8Type();
  if (width == 4)
    return LLVM::LoadOp::create(e.b, e.loc, i32, e.offset(base, index, i8), 1);
  Value word = m.integer(0, i32);
  for (int64_t i = 0; i < width; ++i) {
    Value byte = e.load(i8, base, e.add(index, e.constant(i)));
    byte = arith::ExtUIOp::create(e.b, e.loc, i32, byte);
    byte = arith::ShLIOp::create(e.b, e.loc, byte, m.integer(8 * i, i32));
    word = arith::OrIOp::create(e.b, e.loc, word, byte);
  }
  return word;
}

Value LowbitTileWriter::inputNumber(int64_t row, Value column) {
  Type element =
      cast<RankedTensorType>(op.getInput().getType()).getElementType();
  Value index =
      e.add(e.mul(e.add(tile.row, e.constant(row)), shape.channels), column);
  Value x = e.load(element, e.pointer(op.getInput()), index);
  if (element != e.f32())
    x = arith::ExtFOp::create(e.b, e.loc, e.f32(), x);
  return x;
}

void LowbitTileWriter::stepCodes(MutableArrayRef<Value> sums,
                                 ArrayRef<Value> words, Value column,
                                 int64_t width) {
  for (int64_t r = 0; r < tile.rows; ++r) {
    Value x = broadcast(inputWord(r, column, width));
    for (int64_t v = 0; v < tile.parts; ++v) {
      Value &sum = sums[r * tile.parts + v];
      sum = dot4(e, sum, words[v], x);
    }
    if (sumsInput()) {
      Value &sum = sums[tile.rows * tile.parts + r];
      sum = dot4(e, sum, inEveryByte(1), x);
    }
  }
}

/// The numbers, without scale, of the codes `by` bits high in their lanes.
Value LowbitTileWriter::converted(int64_t index, Value word, int64_t by) {
  Value code = arith::AndIOp::create(e.b, e.loc, shiftRight(word, by),
                                     m.integer(255, integers));
  Value number = arith::SIToFPOp::create(e.b, e.loc, floats, code);
  return m.sub(number, zeros[index]);
}

/// The same by a table of 16, which takes the low bits of its indices only:
/// nothing is masked. It is the offset's, but zeros differ from row to row.
Value LowbitTileWriter::lookedUp(int64_t index, Value word, int64_t by) {
  int64_t bits = shape.packing.bits;
  SmallVector<float> entries;
  for (int64_t i = 0; i < 16; ++i)
    entries.push_back((i & ((1 << bits) - 1)) - (op.getZeros() && !sumsInput()
                                                     ? 0
                                                     : shape.packing.offset));
  Value table = arith::ConstantOp::create(
      e.b, e.loc, DenseElementsAttr::get(floats, ArrayRef<float>(entries)));
  Value number = lookUp(e, table, shiftRight(word, by));
  return op.getZeros() && !sumsInput() ? m.sub(number, zeros[index]) : number;
}

void LowbitTileWriter::stepNumbers(MutableArrayRef<Value> sums,
                                   ArrayRef<Value> words, Value column,
                                   int64_t width) {
  for (int64_t i = 0; i < width; ++i) {
    SmallVector<Value> weights;
    for (int64_t v = 0; v < tile.parts; ++v)
      weights.push_back(shape.table ? lookedUp(v, words[v], 8 * i)
                                    : converted(v, words[v], 8 * i));
    for (int64_t r = 0; r < tile.rows; ++r) {
      Value x = broadcast(inputNumber(r, e.add(column, e.constant(i))));
      for (int64_t v = 0; v < tile.parts; ++v) {
        Value &sum = sums[(i % chains * tile.rows + r) * tile.parts + v];
        sum = m.fma(x, weights[v], sum);
      }
      if (sumsInput()) {
        Value &sum = sums[chains * tile.rows * tile.parts + r];
        sum = m.add(sum, x);
      }
    }
  }
}

/// Adds the first `columns` of a step.
void LowbitTileWriter::step(MutableArrayRef<Value> sums, Value index,
                            int64_t columns) {
  lines.clear();
  for (int64_t word = 0; 4 * word < columns; ++word) {
    SmallVector<Value> words;
    for (int64_t v = 0; v < tile.parts; ++v)
      words.push_back(shape.table && shape.packing.bits != 3
                          ? shiftRight(line(v, index, word),
                                       part(v).field * shape.packing.plane)
                          : field(v, index, word));
    Value column =
        e.add(e.mul(index, shape.packing.stepColumns()), e.constant(4 * word));
    int64_t width = std::min<int64_t>(4, columns - 4 * word);
    if (shape.codes)
      stepCodes(sums, words, column, width);
    else
      stepNumbers(sums, words, column, width);
  }
}

SmallVector<Value> LowbitTileWriter::sumSteps(Value from, int64_t steps,
                                              ValueRange starts) {
  int64_t count = tile.rows * tile.parts;
  Value nothing =
      shape.codes ? m.integer(0, integers) : e.constant(0.0, floats);
  SmallVector<Value> start(chains * count + (sumsInput() ? tile.rows : 0),
                           nothing);
  for (auto [r, value] : llvm::enumerate(starts))
    std::fill_n(start.begin() + r * tile.parts, tile.parts, value);
  Value to = e.add(from, e.constant(steps));
  SmallVector<Value> sums =
      e.loop(from, to, 1, start, [&](Value index, ValueRange carried) {
        SmallVector<Value> next(carried);
        step(next, index, shape.packing.stepColumns());
        return next;
      });
  if (int64_t rest = shape.restColumns())
    step(sums, to, rest);
  for (int64_t half = chains / 2; half >= 1; half /= 2)
    for (int64_t i = 0; i < half * count; ++i)
      sums[i] = m.add(sums[i], sums[half * count + i]);
  sums.erase(sums.begin() + count, sums.begin() + chains * count);
  return sums;
}

/// Adds what a group of channels gives to the results.
SmallVector<Value> LowbitTileWriter::group(Value index, ValueRange results) {
  int64_t count = tile.rows * tile.parts;
  SmallVector<Value> scales;
  zeros.clear();
  for (int64_t v = 0; v < tile.parts; ++v) {
    if (op.getZeros())
      zeros.push_back(loadZero(v, index));
    else if (shape.codes)
      zeros.push_back(m.integer(shape.packing.offset, integers));
    else
      zeros.push_back(e.constant(double(shape.packing.offset), floats));
    if (op.getZeros() && !shape.codes)
      zeros.back() = arith::SIToFPOp::create(e.b, e.loc, floats, zeros.back());
  }
  bool given = shape.codes && tile.rowSums;
  bool starting = given && shape.sumsAreStarts();
  auto givenSum = [&](int64_t r) {
    Value at = e.add(e.constant(r * shape.groups), index);
    return broadcast(e.load(e.b.getI32Type(), tile.rowSums, at));
  };
  SmallVector<Value> starts;
  if (starting)
    for (int64_t r = 0; r < tile.rows; ++r)
      starts.push_back(givenSum(r));
  int64_t steps = shape.groupSteps();
  Value from = e.mul(index, steps);
  SmallVector<Value> sums =
      shape.shortSums ? sumShort(from, steps) : sumSteps(from, steps, starts);

  SmallVector<Value> next;
  for (int64_t v = 0; v < tile.parts; ++v)
    scales.push_back(loadScale(v, index));
  for (int64_t r = 0; r < tile.rows; ++r) {
    Value rowSum = sumsInput()          ? sums[count + r]
                   : given && !starting ? givenSum(r)
                                        : Value();
    for (int64_t v = 0; v < tile.parts; ++v) {
      int64_t at = r * tile.parts + v;
      Value sum = sums[at];
      if (shape.codes) {
        if (!starting) {
          Value extra = arith::MulIOp::create(e.b, e.loc, rowSum, zeros[v]);
          sum = arith::SubIOp::create(e.b, e.loc, sum, extra);
        }
        sum = arith::SIToFPOp::create(e.b, e.loc, floats, sum);
      } else if (rowSum) {
        // The table took the offset away.
        Value zero = m.add(zeros[v], -double(shape.packing.offset));
        sum = m.sub(sum, m.mul(zero, rowSum));
      }
      next.push_back(results.empty() ? m.mul(sum, scales[v])
                                     : m.fma(sum, scales[v], results[at]));
    }
  }
  return next;
}

void LowbitTileWriter::write(Value to) {
  SmallVector<Value> results;
  if (shape.groups == 1) {
    results = group(e.constant(0), {});
  } else {
    SmallVector<Value> start(tile.rows * tile.parts, e.constant(0.0, floats));
    results =
        e.loop(e.constant(0), e.constant(shape.groups), 1, start,
               [&](Value g, ValueRange carried) { return group(g, carried); });
  }
  for (auto [i, result] : llvm::enumerate(results))
    e.store(result, to, e.constant(int64_t(i) * shape.lanes));
}

void writeLowbitTile(Emitter &e, const LowbitShape &shape,
                     const LowbitTile &tile, Value to) {
  LowbitTileWriter(e, shape, tile).write(to);
}

} // namespace qopt::cpu
