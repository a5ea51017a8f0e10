// lowbit.linear of one row, on the GPU.
//
//   for every panel of W:                            a block
//     for every scale's columns, by 32:              a warp, turn by turn
//       W: 16 bytes a thread, 512 of a warp in a row
//       codes in:    sum[16 F] += dot of 4, unsigned codes with signed ones
//       numbers in:  sum[16 F] += float(code - offset) * x
//     shared[warp][16 F] = sum * scale               shuffled over 4 lanes
//     y = epilogue(sum over the warps)               a thread an output
//
// Few panels of many columns are cut into parts, see Parts.h.
//
// Reads b / 8 bytes a weight, once; x comes from a cache. With 2 bits and codes
// in, 16 bytes cost 3 shifts and 4 masks a word and 16 dot products: 44
// operations where a chip of 3 TB/s has time for about 70.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/cuda/Epilogue.h"
#include "qopt/codegen/cuda/LowbitLinear.h"
#include "qopt/codegen/cuda/Parts.h"
#include "qopt/codegen/tile/Math.h"

using namespace mlir;

namespace qopt::cuda {

/// Warps of a block, at most: enough loads on their way for one SM.
static constexpr int64_t mostWarps = 16;
/// Blocks of 32 columns that a thread has on their way; a warp has as many at
/// least, where there are enough.
static constexpr int64_t ahead = 4;

namespace {

class GemvWriter {
public:
  GemvWriter(Emitter &e, const LowbitShape &shape)
      : e(e), m{e.b, e.loc}, shape(shape), op(shape.op), place(e),
        row(e.constant(0)), parts(partsOf(shape)), part(e.rem(e.block, parts)),
        panel(e.div(e.block, parts)), fields(shape.packing.fields) {}

  /// Scales of a row, or blocks if they share one.
  static int64_t unitsOf(const LowbitShape &shape) {
    return shape.groups > 1 ? shape.groups : shape.blocks;
  }
  static int64_t partsOf(const LowbitShape &shape) {
    return partsOfPanels(shape.panels, unitsOf(shape),
                         shape.packing.panelBytes());
  }

  void write();
  /// The parts of an output, in order.
  void writeJoined();

private:
  using Sums = SmallVector<Value>; ///< [fields][2], then the sum of codes

  Sums zeros(Type type, size_t count) {
    Value zero = arith::ConstantOp::create(e.b, e.loc, e.b.getZeroAttr(type));
    return Sums(count, zero);
  }
  size_t count() const { return 2 * fields; }
  /// Row of the panel of a sum.
  Value rowOf(size_t i) {
    return e.add(place.row, e.constant(8 * (i % 2) + 16 * (i / 2)));
  }
  Sums addCodes(Value words, Value block, ValueRange sums);
  Sums addNumbers(Value words, Value block, ValueRange sums);
  /// Blocks that are `step` apart: all of them are on their way before the
  /// first is used.
  Sums addBlocks(Value first, int64_t step, int64_t number, ValueRange sums);
  /// The sums of the blocks that share a scale.
  Sums unit(Value group);
  Sums scaled(ValueRange sums, Value group);
  /// The zero of a sum's row, i32; null if there is none.
  Value zeroOf(size_t i, Value group) {
    return op.getZeros()
               ? loadScale(e, shape, op.getZeros(), panel, rowOf(i), group)
               : Value();
  }
  /// What has to be taken from the numbers of each row.
  void findLifts(Value group) {
    lifts.clear();
    for (size_t i = 0; i < count() && !shape.codes; ++i)
      lifts.push_back(liftOf(e, shape, zeroOf(i, group)));
  }
  Sums allUnits();
  Value join(Value x, Value y) {
    return isa<FloatType>(x.getType())
               ? m.add(x, y)
               : Value(arith::AddIOp::create(e.b, e.loc, x, y));
  }
  /// The result of a row of the panel.
  void finish(Value sum, Value inPanel, Value output);

  Emitter &e;
  Math m;
  const LowbitShape &shape;
  lowbit::LinearOp op;
  FragmentPlace place;
  Value row;
  int64_t parts; ///< that blocks have of a panel
  Value part, panel;
  int64_t fields;
  Sums lifts;
};

} // namespace

/// Exact sums of unsigned codes, and of the input's.
GemvWriter::Sums GemvWriter::addCodes(Value words, Value block,
                                      ValueRange sums) {
  Value first = e.add(e.mul(block, kernel::fragmentColumns), place.column);
  Sums next(sums);
  for (int64_t half = 0; half < 2; ++half) {
    Value x = loadCodes(e, shape, row, e.add(first, e.constant(16 * half)));
    next.back() = dot4(e, e.i32(0x01010101), x, next.back());
    for (int64_t j = 0; j < 2; ++j) {
      Value word = e.element(words, 2 * half + j);
      for (int64_t f = 0; f < fields; ++f) {
        Value &sum = next[2 * f + j];
        sum = dot4(e, fieldOf(e, shape, word, f), x, sum);
      }
    }
  }
  return next;
}

/// Sums of numbers times codes, without the scale.
GemvWriter::Sums GemvWriter::addNumbers(Value words, Value block,
                                        ValueRange sums) {
  Value first = e.add(e.mul(block, kernel::fragmentColumns), place.column);
  Sums next(sums);
  for (int64_t half = 0; half < 2; ++half) {
    SmallVector<Value> x =
        loadNumbers(e, shape, row, e.add(first, e.constant(16 * half)));
    for (int64_t j = 0; j < 2; ++j) {
      Value word = e.element(words, 2 * half + j);
      for (int64_t f = 0; f < fields; ++f)
        for (int64_t i = 0; i < 4; ++i) {
          Value &sum = next[2 * f + j];
          sum = m.fma(numberOf(e, shape, word, f, i, lifts[2 * f + j]), x[i],
                      sum);
        }
    }
  }
  return next;
}

GemvWriter::Sums GemvWriter::addBlocks(Value first, int64_t step,
                                       int64_t number, ValueRange sums) {
  SmallVector<Value> blocks, words;
  for (int64_t i = 0; i < number; ++i) {
    blocks.push_back(e.add(first, e.constant(i * step)));
    words.push_back(loadFragment(e, shape, panel, blocks.back()));
  }
  Sums next(sums);
  for (int64_t i = 0; i < number; ++i)
    next = shape.codes ? addCodes(words[i], blocks[i], next)
                       : addNumbers(words[i], blocks[i], next);
  return next;
}

/// The sums without offset and zero of the codes; as f32, times the scales of a
/// group.
GemvWriter::Sums GemvWriter::scaled(ValueRange sums, Value group) {
  Sums result;
  for (size_t i = 0; i < count(); ++i) {
    Value sum = sums[i];
    if (shape.codes) {
      Value lift = e.i32(shape.packing.offset);
      if (Value zero = zeroOf(i, group))
        lift = arith::AddIOp::create(e.b, e.loc, lift, zero);
      lift = arith::MulIOp::create(e.b, e.loc, lift, sums.back());
      sum = arith::SubIOp::create(e.b, e.loc, sum, lift);
    }
    result.push_back(sum);
  }
  // A sum that nothing has scaled is exact: its scale comes last.
  if (shape.groups == 1)
    return result;
  for (size_t i = 0; i < count(); ++i) {
    if (shape.codes)
      result[i] = arith::SIToFPOp::create(e.b, e.loc, e.f32(), result[i]);
    result[i] = m.mul(result[i], loadScale(e, shape, op.getWeightScales(),
                                           panel, rowOf(i), group));
  }
  return result;
}

GemvWriter::Sums GemvWriter::unit(Value group) {
  Type type = shape.codes ? Type(e.b.getI32Type()) : e.f32();
  Value first = e.mul(group, shape.unit);
  findLifts(group);
  Sums sums = zeros(type, count() + 1);
  for (int64_t i = 0; i < shape.unit; i += ahead)
    sums = addBlocks(e.add(first, e.constant(i)), 1,
                     std::min(ahead, shape.unit - i), sums);
  return scaled(sums, group);
}

/// All that this warp sums, as one number a row of the panel and lane.
GemvWriter::Sums GemvWriter::allUnits() {
  int64_t length = unitsOf(shape) / parts;
  Value start = e.mul(part, length);
  if (shape.groups > 1)
    return e.loop(e.warp, e.constant(length), e.warps(),
                  zeros(e.f32(), count()), [&](Value group, ValueRange sums) {
                    Sums next = unit(e.add(start, group));
                    for (size_t i = 0; i < count(); ++i)
                      next[i] = m.add(sums[i], next[i]);
                    return next;
                  });
  Type type = shape.codes ? Type(e.b.getI32Type()) : e.f32();
  findLifts(e.constant(0));
  int64_t step = ahead * e.warps(), whole = length / step * step;
  Value first = e.add(start, e.warp);
  Sums sums =
      e.loop(e.constant(0), e.constant(whole), step, zeros(type, count() + 1),
             [&](Value block, ValueRange sums) {
               return addBlocks(e.add(block, first), e.warps(), ahead, sums);
             });
  sums = e.loop(e.add(e.constant(whole), e.warp), e.constant(length), e.warps(),
                sums, [&](Value block, ValueRange sums) {
                  return addBlocks(e.add(start, block), 1, 1, sums);
                });
  return scaled(sums, e.constant(0));
}

void GemvWriter::finish(Value sum, Value inPanel, Value output) {
  finishSum(e, shape, op, {panel, inPanel, row, output}, sum);
}

void GemvWriter::write() {
  auto joined = [&](Value x, Value y) { return join(x, y); };
  Sums sums = allUnits();
  Value memory = e.shared(4 * e.warps() * shape.rows());
  for (size_t i = 0; i < count(); ++i)
    sums[i] = e.joinLanes(sums[i], joined, 1, 4);
  e.branch(e.equal(place.column, e.constant(0)), [&] {
    for (size_t i = 0; i < count(); ++i)
      e.store(sums[i], memory, e.add(e.mul(e.warp, shape.rows()), rowOf(i)));
  });
  e.barrier();
  Value output = e.add(e.mul(panel, shape.rows()), e.thread);
  Value isMine = e.less(e.thread, e.constant(shape.rows()));
  Value isThere = e.less(output, e.constant(shape.outputs));
  e.branch(arith::AndIOp::create(e.b, e.loc, isMine, isThere), [&] {
    Value sum = e.load(sums[0].getType(), memory, e.thread);
    for (int64_t i = 1; i < e.warps(); ++i)
      sum = join(sum, e.load(sums[0].getType(), memory,
                             e.add(e.thread, e.constant(i * shape.rows()))));
    if (parts == 1)
      finish(sum, e.thread, output);
    else
      e.store(sum, e.workspace, e.add(e.mul(part, shape.outputs), output));
  });
}

void GemvWriter::writeJoined() {
  Value output = e.add(e.mul(e.block, e.threads), e.thread);
  panel = e.div(output, shape.rows());
  bool isInteger = shape.codes && shape.groups == 1;
  Type type = isInteger ? Type(e.b.getI32Type()) : e.f32();
  e.branch(e.less(output, e.constant(shape.outputs)), [&] {
    Value sum = e.load(type, e.workspace, output);
    for (int64_t i = 1; i < parts; ++i)
      sum = join(sum, e.load(type, e.workspace,
                             e.add(output, e.constant(i * shape.outputs))));
    finish(sum, e.rem(output, shape.rows()), output);
  });
}

void addLowbitGemv(Phases &plan, const LowbitShape &shape,
                   AffineExpr condition) {
  int64_t parts = GemvWriter::partsOf(shape);
  int64_t units = GemvWriter::unitsOf(shape) / parts;
  int64_t each = std::max<int64_t>(1, ahead / shape.unit);
  int64_t warps = std::clamp<int64_t>(
      llvm::bit_floor(uint64_t(llvm::divideCeil(units, each))), 1, mostWarps);
  // A thread an output at the end.
  warps = std::max<int64_t>(warps, llvm::divideCeil(shape.rows(), warpSize));
  plan.phases.push_back({condition * (shape.panels * parts), warps * warpSize,
                         [shape](Emitter &e) {
                           GemvWriter(e, shape).write();
                           return success();
                         }});
  if (parts == 1)
    return;
  plan.phases.push_back(
      {condition * llvm::divideCeil(shape.outputs, joinThreads), joinThreads,
       [shape](Emitter &e) {
         GemvWriter(e, shape).writeJoined();
         return success();
       }});
  plan.addWorkspace(condition * (4 * parts * shape.outputs));
}

} // namespace qopt::cuda
