// train.rms_norm_grad on the GPU.
//
//   for every row x[0..C) and dy[0..C):           a block; reads 8 C bytes
//     r      = 1 / sqrt(sum(x^2) / C + eps)       to the workspace
//     s      = r^2 * sum(dy * gain * x) / C
//     dinput = r * (dy * gain - x * s)            writes 4 C bytes
//   for every 64 rows, for every channel:         a thread
//     partial = sum over rows of dy * x * r       reads 8 bytes again
//   dgain    = sum of partials, in order
//
// Bound by memory.

#include "qopt/codegen/cuda/Families.h"
#include "qopt/codegen/cuda/Row.h"
#include "qopt/codegen/cuda/Turns.h"
#include "qopt/codegen/tile/Tasks.h"
#include "qopt/dialects/train/Train.h"

using namespace mlir;

namespace qopt::cuda {

/// Rows that a thread sums in order.
static constexpr int64_t partialRows = 64;
/// Threads of a block that sums over rows.
static constexpr int64_t sumThreads = 128;

static train::RmsNormGradOp find(kernel::FuncOp kernel) {
  return onlyOp<train::RmsNormGradOp>(kernel);
}

static int64_t channelsOf(train::RmsNormGradOp op) {
  return cast<RankedTensorType>(op.getInput().getType()).getShape().back();
}

static bool hasOneGain(train::RmsNormGradOp op) {
  return cast<RankedTensorType>(op.getGain().getType()).getNumElements() == 1;
}

static bool accepts(kernel::FuncOp kernel) {
  train::RmsNormGradOp op = find(kernel);
  return op && !getElementTypeOrSelf(op.getInput()).isF64() &&
         !getElementTypeOrSelf(op.getGain()).isF64() &&
         RowShape(channelsOf(op)).fits();
}

/// Factor r of every row, first in the workspace; then the partial sums: of a
/// row for a single gain, else of rows for each channel.
static Value partials(Emitter &e) {
  Value rows = e.size(rowsOf(e.kernel, find(e.kernel).getInput()));
  return e.offset(e.workspace, rows, e.f32());
}

static void writeRow(Emitter &e, RowShape shape) {
  train::RmsNormGradOp op = find(e.kernel);
  RowWriter row(e, shape);
  Math m{e.b, e.loc};
  Value start = e.mul(e.block, shape.channels);
  RowWriter::Pieces x = row.load(op.getInput(), start);
  RowWriter::Pieces t = row.load(op.getDy(), start);
  auto add = [&](Value a, Value b) { return m.add(a, b); };
  auto sumOfProducts = [&](ArrayRef<Value> a, ArrayRef<Value> b) {
    RowWriter::Pieces products;
    for (auto [own, other] : llvm::zip(a, b))
      products.push_back(m.mul(own, other));
    return e.joinBlock(row.ofThread(products, 0, add), add);
  };
  Value mean = m.mul(row.squares(x), 1.0 / shape.channels);
  Value r = m.div(e.constant(1.0, e.f32()),
                  m.sqrt(m.add(mean, op.getEps().convertToDouble())));
  Value isFirst = e.equal(e.thread, e.constant(0));
  Value gainSum;
  if (hasOneGain(op)) {
    gainSum = m.mul(sumOfProducts(t, x), r);
    Value gain = row.all(loadFloat(e, op.getGain(), e.constant(0)));
    for (Value &piece : t)
      piece = m.mul(piece, gain);
  } else {
    for (auto [piece, gain] :
         llvm::zip(t, row.load(op.getGain(), e.constant(0))))
      piece = m.mul(piece, gain);
  }
  Value s =
      m.mul(m.mul(m.mul(r, r), sumOfProducts(t, x)), 1.0 / shape.channels);
  e.branch(isFirst, [&] {
    e.store(r, e.workspace, e.block);
    if (gainSum)
      e.store(gainSum, partials(e), e.block);
  });
  Value factor = row.all(r), share = row.all(s);
  for (auto [piece, own] : llvm::zip(t, x))
    piece = m.mul(factor, m.sub(piece, m.mul(own, share)));
  row.store(t, op.getDinput(), start);
}

/// Sums of some rows for the channels of a block.
static LogicalResult emitPartials(Emitter &e) {
  train::RmsNormGradOp op = find(e.kernel);
  Math m{e.b, e.loc};
  int64_t channels = channelsOf(op);
  int64_t across = llvm::divideCeil(channels, sumThreads);
  Value rows = e.size(rowsOf(e.kernel, op.getInput()));
  Value chunk = e.div(e.block, across);
  Value channel = e.add(e.mul(e.rem(e.block, across), sumThreads), e.thread);
  Value from = e.mul(chunk, partialRows);
  Value to = e.smaller(e.add(from, e.constant(partialRows)), rows);
  e.branch(e.less(channel, e.constant(channels)), [&] {
    Value sum = e.loop(from, to, 1, e.constant(0.0, e.f32()),
                       [&](Value row, ValueRange sum) {
                         Value at = e.add(e.mul(row, channels), channel);
                         Value r = e.load(e.f32(), e.workspace, row);
                         Value term = m.mul(loadFloat(e, op.getDy(), at),
                                            loadFloat(e, op.getInput(), at));
                         return SmallVector<Value>{m.fma(term, r, sum[0])};
                       })[0];
    e.store(sum, partials(e), e.add(e.mul(chunk, channels), channel));
  });
  return success();
}

static LogicalResult emitGain(Emitter &e) {
  train::RmsNormGradOp op = find(e.kernel);
  Math m{e.b, e.loc};
  AffineExpr rows = rowsOf(e.kernel, op.getInput());
  if (hasOneGain(op)) {
    Value sum = joinTurns(
        e, e.size(rows), m.real(0, e.f32()),
        [&](Value a, Value b) { return m.add(a, b); },
        [&](Value i) { return e.load(e.f32(), partials(e), i); });
    e.branch(e.equal(e.thread, e.constant(0)),
             [&] { storeFloat(e, sum, op.getDgain(), e.constant(0)); });
    return success();
  }
  int64_t channels = channelsOf(op);
  Value channel = e.add(e.mul(e.block, sumThreads), e.thread);
  e.branch(e.less(channel, e.constant(channels)), [&] {
    Value sum =
        e.loop(e.constant(0), e.size(rows.ceilDiv(partialRows)), 1,
               e.constant(0.0, e.f32()), [&](Value chunk, ValueRange sum) {
                 Value at = e.add(e.mul(chunk, channels), channel);
                 return SmallVector<Value>{
                     m.add(sum[0], e.load(e.f32(), partials(e), at))};
               })[0];
    storeFloat(e, sum, op.getDgain(), channel);
  });
  return success();
}

static Phases phases(kernel::FuncOp kernel) {
  train::RmsNormGradOp op = find(kernel);
  RowShape shape(channelsOf(op));
  AffineExpr rows = rowsOf(kernel, op.getInput());
  auto number = [&](int64_t value) {
    return getAffineConstantExpr(value, kernel.getContext());
  };
  auto emitRow = [shape](Emitter &e) {
    writeRow(e, shape);
    return success();
  };
  Phases plan{{{rows, shape.threads, emitRow}}, {}, rows * 8};
  int64_t across = llvm::divideCeil(shape.channels, sumThreads);
  if (hasOneGain(op)) {
    plan.phases.push_back({number(1), sumThreads, emitGain});
    return plan;
  }
  AffineExpr chunks = rows.ceilDiv(partialRows);
  plan.workspace = rows * 4 + chunks * (4 * shape.channels);
  plan.phases.push_back({chunks * across, sumThreads, emitPartials});
  plan.phases.push_back({number(across), sumThreads, emitGain});
  return plan;
}

const KernelFamily normGradFamily = {"norm_grad", accepts, phases};

} // namespace qopt::cuda
