// nn.linear of few rows by a weight in panels, on the GPU: each row by itself.
//
//   for every row of x and panel of 16 outputs:      a block
//     for every some columns:                        a warp, turn by turn
//       W: 16 bytes a thread, 512 of a warp in a row: V outputs of one column
//       sum[V] += w[V] * x                           x comes from a cache
//     y = epilogue(sum over columns of lanes and warps + bias)
//
// Few panels of many columns are cut into parts, see Parts.h.
//
// Bound by reading W once a row. Of f32, V is 4, and a warp reads 8 columns of
// the panel at a time; of 16 bits 8, and 16 columns.

#include "qopt/codegen/cuda/LinearGemv.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/cuda/Epilogue.h"
#include "qopt/codegen/cuda/Parts.h"
#include "qopt/codegen/cuda/Turns.h"

using namespace mlir;

namespace qopt::cuda {

/// Outputs of a panel.
static constexpr int64_t panelRows = 16;
/// Warps of a block, at most, and loads that a thread has on their way.
static constexpr int64_t mostWarps = 8, unroll = 4;

bool hasLinearGemv(kernel::FuncOp kernel, nn::LinearOp op) {
  auto weight = dyn_cast<BlockArgument>(op.getWeight());
  auto input = dyn_cast<BlockArgument>(op.getInput());
  return weight && input && kernel.getLayout(weight).getPanel() == panelRows &&
         !kernel.getLayout(weight).getBits() &&
         !kernel.getLayout(input).getCache();
}

namespace {

/// How a panel lies in the lanes of a warp.
struct PanelShape {
  explicit PanelShape(nn::LinearOp op) {
    auto type = cast<RankedTensorType>(op.getWeight().getType());
    outputs = type.getDimSize(0), channels = type.getDimSize(1);
    element = type.getElementType();
    width = 128 / element.getIntOrFloatBitWidth();
    lanes = panelRows / width;
    columns = warpSize / lanes;
    panels = llvm::divideCeil(outputs, panelRows);
    parts = partsOfPanels(panels, channels,
                          channels * panelRows *
                              element.getIntOrFloatBitWidth() / 8);
    length = channels / parts;
    int64_t loads = llvm::divideCeil(length, columns);
    warps = std::clamp<int64_t>(
        llvm::bit_floor(uint64_t(llvm::divideCeil(loads, unroll))), 1,
        mostWarps);
  }
  int64_t outputs, channels, panels, warps;
  int64_t width;   ///< outputs of a thread
  int64_t lanes;   ///< that share a column
  int64_t columns; ///< of a warp's load
  int64_t parts;   ///< that blocks have of the columns
  int64_t length;  ///< columns of a part
  Type element;
};

} // namespace

static void write(Emitter &e, nn::LinearOp op, PanelShape shape) {
  Math m{e.b, e.loc};
  Value part = e.rem(e.block, shape.parts), rest = e.div(e.block, shape.parts);
  Value row = e.div(rest, shape.panels), panel = e.rem(rest, shape.panels);
  Value place = e.mul(e.rem(e.lane, shape.lanes), shape.width);
  Value column = e.div(e.lane, shape.lanes);
  VectorType type = e.vector(shape.width, shape.element);
  Value from = e.mul(part, shape.length);
  Value start = e.add(e.mul(panel, shape.channels), from);
  Value startOfRow = e.add(e.mul(row, shape.channels), from);
  int64_t step = shape.columns * shape.warps;
  // One load and its products; nothing behind the last channel.
  auto add = [&](Value c, ValueRange sums, bool asks) {
    auto own = [&]() -> SmallVector<Value> {
      Value index = e.add(e.mul(e.add(start, c), panelRows), place);
      Value w = e.loadWide(type, e.pointer(op.getWeight()), index);
      Value x = loadFloat(e, op.getInput(), e.add(startOfRow, c));
      SmallVector<Value> next;
      for (int64_t i = 0; i < shape.width; ++i) {
        Value one = e.element(w, i);
        if (shape.element != e.f32())
          one = arith::ExtFOp::create(e.b, e.loc, e.f32(), one);
        next.push_back(m.fma(one, x, sums[i]));
      }
      return next;
    };
    if (!asks)
      return own();
    Value inside = e.less(c, e.constant(shape.length));
    auto branch = scf::IfOp::create(e.b, e.loc, sums.getTypes(), inside,
                                    /*addThenBlock=*/true,
                                    /*addElseBlock=*/true);
    OpBuilder::InsertionGuard guard(e.b);
    e.b.setInsertionPointToEnd(branch.thenBlock());
    scf::YieldOp::create(e.b, e.loc, own());
    e.b.setInsertionPointToEnd(branch.elseBlock());
    scf::YieldOp::create(e.b, e.loc, sums);
    return llvm::to_vector_of<Value>(branch.getResults());
  };
  SmallVector<Value> sums(shape.width, e.constant(0.0, e.f32()));
  Value first = e.add(column, e.mul(e.warp, shape.columns));
  int64_t whole = shape.length / (step * unroll) * step * unroll;
  sums = e.loop(e.constant(0), e.constant(whole), step * unroll, sums,
                [&](Value c, ValueRange sums) {
                  SmallVector<Value> next(sums);
                  for (int64_t i = 0; i < unroll; ++i)
                    next = add(e.add(e.add(c, first), e.constant(i * step)),
                               next, false);
                  return next;
                });
  for (int64_t c = whole; c < shape.length; c += step)
    sums = add(e.add(first, e.constant(c)), sums, c + step > shape.length);
  auto join = [&](Value a, Value b) { return m.add(a, b); };
  Value parts = e.shared(4 * shape.warps * panelRows);
  for (Value &sum : sums)
    sum = e.joinLanes(sum, join, shape.lanes);
  e.branch(e.equal(column, e.constant(0)), [&] {
    for (int64_t i = 0; i < shape.width; ++i)
      e.store(sums[i], parts,
              e.add(e.add(e.mul(e.warp, panelRows), place), e.constant(i)));
  });
  e.barrier();
  Value output = e.add(e.mul(panel, panelRows), e.thread);
  Value inside =
      arith::AndIOp::create(e.b, e.loc, e.less(e.thread, e.constant(panelRows)),
                            e.less(output, e.constant(shape.outputs)));
  e.branch(inside, [&] {
    Value sum = e.load(e.f32(), parts, e.thread);
    for (int64_t w = 1; w < shape.warps; ++w)
      sum = m.add(sum, e.load(e.f32(), parts,
                              e.add(e.thread, e.constant(w * panelRows))));
    if (shape.parts == 1)
      return finishElement(e, op, op.getBias(), sum, row, output);
    Value own = e.add(e.mul(row, shape.parts), part);
    e.store(sum, e.workspace, e.add(e.mul(own, shape.outputs), output));
  });
}

/// The parts of an output, in order.
static void writeJoined(Emitter &e, nn::LinearOp op, PanelShape shape) {
  int64_t blocks = llvm::divideCeil(shape.outputs, joinThreads);
  Value row = e.div(e.block, blocks);
  Value output = e.add(e.mul(e.rem(e.block, blocks), joinThreads), e.thread);
  e.branch(e.less(output, e.constant(shape.outputs)), [&] {
    Value sum;
    for (int64_t part = 0; part < shape.parts; ++part) {
      Value own = e.add(e.mul(row, shape.parts), e.constant(part));
      Value x = e.load(e.f32(), e.workspace,
                       e.add(e.mul(own, shape.outputs), output));
      sum = sum ? Math{e.b, e.loc}.add(sum, x) : x;
    }
    finishElement(e, op, op.getBias(), sum, row, output);
  });
}

void addLinearGemv(Phases &plan, nn::LinearOp op, AffineExpr rows) {
  PanelShape shape(op);
  plan.phases.push_back({rows * (shape.panels * shape.parts),
                         shape.warps * warpSize, [op, shape](Emitter &e) {
                           write(e, op, shape);
                           return success();
                         }});
  if (shape.parts == 1)
    return;
  plan.phases.push_back({rows * llvm::divideCeil(shape.outputs, joinThreads),
                         joinThreads, [op, shape](Emitter &e) {
                           writeJoined(e, op, shape);
                           return success();
                         }});
  plan.addWorkspace(rows * (4 * shape.parts * shape.outputs));
}

} // namespace qopt::cuda
