// A tile of lowbit.linear: sums of products in 32 bits, or in f32.
//
//   for every group of channels:
//     for every step of lines of it:
//       w[v] = fields of the panels' lines               shift and mask
//       for every row r:
//         x = the next four channels, in every lane
//         sum[r][v] = dot4(sum[r][v], w[v], x)           codes
//         sum[r][v] += x[i] * (float(w[v][i]) - zero)    numbers, i = 0 .. 3
//     result[r][v] += scale[v] * (sum[r][v] - (offset + zero[v]) * sum(x[r]))
//
// Codes lie unsigned: what `offset` and zeros add to a sum is a multiple of the
// sum of the input, which is one more dot product, by ones. For few rows it
// runs along; for many it has been computed for all tiles of a task.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/cpu/Dot.h"
#include "qopt/codegen/cpu/Epilogue.h"
#include "qopt/codegen/cpu/LowbitLinear.h"

using namespace mlir;

namespace qopt::cpu {

LowbitShape::LowbitShape(kernel::FuncOp kernel, lowbit::LinearOp op,
                         int64_t lanes)
    : op(op), packing(kernel.getLayout(cast<BlockArgument>(op.getWeight())),
                      op.getWeight().getType().getDimSize(1)),
      outputs(op.getWeight().getType().getDimSize(0)),
      channels(packing.columns), lanes(std::min(lanes, packing.lanes)),
      pieces(packing.lanes / this->lanes), panels(packing.panels(outputs)),
      groups(channels / op.getScheme().getGroupSize(channels)),
      codes(op.getInputScales() != nullptr),
      perTensor(op.getScheme().getPer() == lowbit::Granularity::tensor) {}

int64_t LowbitShape::groupSteps() const {
  return channels / groups / packing.stepColumns();
}

namespace {

/// Writes one tile.
class TileWriter {
public:
  TileWriter(Emitter &e, const LowbitShape &shape, const LowbitTile &tile)
      : e(e), m{e.b, e.loc}, shape(shape), tile(tile), op(shape.op),
        integers(e.vector(shape.lanes, e.b.getI32Type())),
        floats(e.vector(shape.lanes)) {
    Value weight = e.pointer(op.getWeight());
    for (Value panel : tile.panels)
      bases.push_back(e.offset(weight, e.mul(panel, shape.packing.panelBytes()),
                               e.b.getI8Type()));
  }

  void write(Value to);

private:
  /// Where a vector of outputs lies.
  struct Part {
    int64_t panel, field, piece;
  };
  Part part(int64_t index) const {
    index += tile.firstPart;
    return {index / shape.parts(), index % shape.parts() / shape.pieces,
            index % shape.pieces};
  }
  Value line(int64_t index, Value step, int64_t number);
  Value field(int64_t index, Value step, int64_t word);
  Value shiftRight(Value x, int64_t by);
  Value perOutput(Value tensor, int64_t index, Value group);
  Value loadScale(int64_t index, Value group);
  Value loadZero(int64_t index, Value group);
  Value broadcast(Value x) {
    return vector::BroadcastOp::create(e.b, e.loc,
                                       e.vector(shape.lanes, x.getType()), x);
  }
  Value inputWord(int64_t row, Value column, int64_t width);
  Value inputNumber(int64_t row, Value column);
  void step(MutableArrayRef<Value> sums, Value index, int64_t columns);
  void stepCodes(MutableArrayRef<Value> sums, ArrayRef<Value> words,
                 Value column, int64_t width);
  void stepNumbers(MutableArrayRef<Value> sums, ArrayRef<Value> words,
                   Value column, int64_t width);
  SmallVector<Value> group(Value index, ValueRange results);

  Emitter &e;
  Math m;
  const LowbitShape &shape;
  const LowbitTile &tile;
  lowbit::LinearOp op;
  VectorType integers, floats;
  SmallVector<Value> bases;
  SmallVector<Value> zeros; ///< offset + zero, as f32, of numbers
  llvm::DenseMap<std::pair<int64_t, int64_t>, Value> lines; ///< of this step
};

} // namespace

/// A piece of a line of the step, for the vector `index`.
Value TileWriter::line(int64_t index, Value step, int64_t number) {
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
          e.offset(address, e.constant(tile.ahead), e.b.getI8Type()), 0, 3, 1);
  }
  return value;
}

/// To the left if `by` is negative.
Value TileWriter::shiftRight(Value x, int64_t by) {
  if (by == 0)
    return x;
  if (by < 0)
    return arith::ShLIOp::create(e.b, e.loc, x, m.integer(-by, integers));
  return arith::ShRUIOp::create(e.b, e.loc, x, m.integer(by, integers));
}

static int64_t inEveryByte(int64_t bits) { return bits * 0x01010101; }

/// The codes of four channels, unsigned bytes in the lanes of their rows.
Value TileWriter::field(int64_t index, Value step, int64_t word) {
  int64_t plane = shape.packing.plane, field = part(index).field;
  Value codes = shiftRight(line(index, step, word), field * plane);
  auto masked = [&](Value x, int64_t bits) -> Value {
    // As i32, for an attribute.
    int64_t mask = int32_t(inEveryByte(bits));
    return arith::AndIOp::create(e.b, e.loc, x, m.integer(mask, integers));
  };
  if (plane < 8)
    codes = masked(codes, (1 << plane) - 1);
  if (shape.packing.bits != 3)
    return codes;
  Value high = shiftRight(line(index, step, 2), word * 4 + field - 2);
  return arith::OrIOp::create(e.b, e.loc, codes, masked(high, 4));
}

/// The elements of [N], [N, groups] or [1] that belong to a vector of outputs.
Value TileWriter::perOutput(Value tensor, int64_t index, Value group) {
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

Value TileWriter::loadScale(int64_t index, Value group) {
  return perOutput(op.getWeightScales(), index, group);
}

/// What the stored codes of 0 are.
Value TileWriter::loadZero(int64_t index, Value group) {
  Value zero = perOutput(op.getZeros(), index, group);
  zero = arith::ExtSIOp::create(e.b, e.loc, integers, zero);
  return arith::AddIOp::create(e.b, e.loc, zero,
                               m.integer(shape.packing.offset, integers));
}

/// Four codes of the input, those behind `width` zero.
Value TileWriter::inputWord(int64_t row, Value column, int64_t width) {
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

Value TileWriter::inputNumber(int64_t row, Value column) {
  Type element =
      cast<RankedTensorType>(op.getInput().getType()).getElementType();
  Value index =
      e.add(e.mul(e.add(tile.row, e.constant(row)), shape.channels), column);
  Value x = e.load(element, e.pointer(op.getInput()), index);
  if (element != e.f32())
    x = arith::ExtFOp::create(e.b, e.loc, e.f32(), x);
  return x;
}

void TileWriter::stepCodes(MutableArrayRef<Value> sums, ArrayRef<Value> words,
                           Value column, int64_t width) {
  for (int64_t r = 0; r < tile.rows; ++r) {
    Value x = broadcast(inputWord(r, column, width));
    for (int64_t v = 0; v < tile.parts; ++v) {
      Value &sum = sums[r * tile.parts + v];
      sum = dot4(e, sum, words[v], x);
    }
    if (!tile.rowSums) {
      Value &sum = sums[tile.rows * tile.parts + r];
      sum = dot4(e, sum, m.integer(inEveryByte(1), integers), x);
    }
  }
}

void TileWriter::stepNumbers(MutableArrayRef<Value> sums, ArrayRef<Value> words,
                             Value column, int64_t width) {
  for (int64_t i = 0; i < width; ++i) {
    SmallVector<Value> weights;
    for (int64_t v = 0; v < tile.parts; ++v) {
      Value code = arith::AndIOp::create(
          e.b, e.loc, shiftRight(words[v], 8 * i), m.integer(255, integers));
      Value number = arith::SIToFPOp::create(e.b, e.loc, floats, code);
      weights.push_back(m.sub(number, zeros[v]));
    }
    for (int64_t r = 0; r < tile.rows; ++r) {
      Value x = broadcast(inputNumber(r, e.add(column, e.constant(i))));
      for (int64_t v = 0; v < tile.parts; ++v) {
        Value &sum = sums[r * tile.parts + v];
        sum = m.fma(x, weights[v], sum);
      }
    }
  }
}

/// Adds the first `columns` of a step.
void TileWriter::step(MutableArrayRef<Value> sums, Value index,
                      int64_t columns) {
  lines.clear();
  for (int64_t word = 0; 4 * word < columns; ++word) {
    SmallVector<Value> words;
    for (int64_t v = 0; v < tile.parts; ++v)
      words.push_back(field(v, index, word));
    Value column =
        e.add(e.mul(index, shape.packing.stepColumns()), e.constant(4 * word));
    int64_t width = std::min<int64_t>(4, columns - 4 * word);
    if (shape.codes)
      stepCodes(sums, words, column, width);
    else
      stepNumbers(sums, words, column, width);
  }
}

/// Adds what a group of channels gives to the results.
SmallVector<Value> TileWriter::group(Value index, ValueRange results) {
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
  bool sumsRows = shape.codes && !tile.rowSums;
  Value nothing =
      shape.codes ? m.integer(0, integers) : e.constant(0.0, floats);
  SmallVector<Value> start(count + (sumsRows ? tile.rows : 0), nothing);
  Value from = e.mul(index, shape.groupSteps());
  Value to = e.add(from, e.constant(shape.groupSteps()));
  SmallVector<Value> sums =
      e.loop(from, to, 1, start, [&](Value step, ValueRange carried) {
        SmallVector<Value> next(carried);
        this->step(next, step, shape.packing.stepColumns());
        return next;
      });
  if (int64_t rest = shape.restColumns())
    step(sums, to, rest);

  SmallVector<Value> next;
  for (int64_t v = 0; v < tile.parts; ++v)
    scales.push_back(loadScale(v, index));
  for (int64_t r = 0; r < tile.rows; ++r) {
    Value rowSum;
    if (sumsRows) {
      rowSum = sums[count + r];
    } else if (shape.codes) {
      Value at = e.add(e.constant(r * shape.groups), index);
      rowSum = broadcast(e.load(e.b.getI32Type(), tile.rowSums, at));
    }
    for (int64_t v = 0; v < tile.parts; ++v) {
      int64_t at = r * tile.parts + v;
      Value sum = sums[at];
      if (shape.codes) {
        Value extra = arith::MulIOp::create(e.b, e.loc, rowSum, zeros[v]);
        sum = arith::SubIOp::create(e.b, e.loc, sum, extra);
        sum = arith::SIToFPOp::create(e.b, e.loc, floats, sum);
      }
      next.push_back(results.empty() ? m.mul(sum, scales[v])
                                     : m.fma(sum, scales[v], results[at]));
    }
  }
  return next;
}

void TileWriter::write(Value to) {
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
  TileWriter(e, shape, tile).write(to);
}

} // namespace qopt::cpu
