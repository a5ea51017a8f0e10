// Chains of ops on rows, on the GPU: norm, rotation and quantization, alone or
// one behind the other.
//
//   for every row:                             a block
//     x = the row, silu(g) * u                 reads 4 C (8 C) bytes
//     x = x * gain / sqrt(mean(x^2) + eps)     if there is a norm
//     x = x Q                                  if there is a rotation
//     for every token or group of it:
//       amax, or the range of x
//       k = clamp(rint(x * inv) + zero)        writes C bytes, and the scale
//
// Bound by memory: the row is read once, stays in registers (a rotation takes
// it through shared memory), and is written once. Codes are those of the
// interpreter for equal x: each operation is one of f32, the division
// included, and none is fused.

#include "qopt/codegen/tile/RowChain.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/cuda/Families.h"
#include "qopt/codegen/cuda/Rotation.h"
#include "qopt/codegen/cuda/RowGrid.h"
#include "qopt/codegen/tile/Elementwise.h"
#include "qopt/dialects/nn/Nn.h"

using namespace mlir;

namespace qopt::cuda {

/// Pieces end where groups of a quantization do.
static RowShape shapeOf(kernel::FuncOp kernel, int64_t channels) {
  for (auto op : kernel.getBlock().getOps<lowbit::QuantizeOp>())
    return RowShape(channels, op.getScheme().getGroupSize(channels));
  return RowShape(channels);
}

static bool accepts(kernel::FuncOp kernel) {
  std::optional<RowChain> chain = RowChain::of(kernel, /*heads=*/true);
  if (!chain)
    return false;
  RowShape shape = shapeOf(kernel, chain->channels);
  if (!shape.fits())
    return false;
  for (Operation &op : kernel.getBlock().without_terminator()) {
    if (auto rotation = dyn_cast<lowbit::HadamardOp>(op);
        rotation && !canRotate(rotation, chain->channels))
      return false;
    if (auto quantize = dyn_cast<lowbit::QuantizeOp>(op);
        quantize && !hasRowGrids(quantize.getScheme(), shape))
      return false;
  }
  return true;
}

namespace {

/// Writes one kernel.
class ChainWriter {
public:
  ChainWriter(Emitter &e, RowShape shape)
      : e(e), m{e.b, e.loc}, shape(shape), row(e, shape),
        start(e.mul(e.block, shape.channels)) {}

  void write();

private:
  void norm(nn::RmsNormOp op);
  void quantize(lowbit::QuantizeOp op);

  Emitter &e;
  Math m;
  RowShape shape;
  RowWriter row;
  Value start;         ///< of the row, in elements
  RowWriter::Pieces x; ///< the row as it is now
};

} // namespace

void ChainWriter::norm(nn::RmsNormOp op) {
  Value mean = m.mul(row.squares(x), 1.0 / shape.channels);
  Value r = m.div(e.constant(1.0, e.f32()),
                  m.sqrt(m.add(mean, op.getEps().convertToDouble())));
  Value factor = row.all(r);
  for (Value &piece : x)
    piece = m.mul(piece, factor);
  Value gain = op.getGain();
  if (!gain)
    return;
  auto type = cast<RankedTensorType>(gain.getType());
  if (type.getNumElements() > 1 || shape.channels == 1) {
    for (auto [piece, own] : llvm::zip(x, row.load(gain, e.constant(0))))
      piece = m.mul(piece, own);
    return;
  }
  Value one = e.load(type.getElementType(), e.pointer(gain), e.constant(0));
  if (one.getType() != e.f32())
    one = arith::ExtFOp::create(e.b, e.loc, e.f32(), one);
  for (Value &piece : x)
    piece = m.mul(piece, row.all(one));
}

void ChainWriter::quantize(lowbit::QuantizeOp op) {
  lowbit::SchemeAttr scheme = op.getScheme();
  int64_t size = scheme.getGroupSize(shape.channels);
  int64_t sets = shape.channels / size;
  SmallVector<Grid> grids = rowGrids(row, x, scheme);
  // The first of the elements that share a grid stores it.
  auto keep = [&](const Grid &grid, Value set, Value first) {
    e.branch(first, [&] {
      e.store(grid.scale, e.pointer(op.getScales()), set);
      if (!grid.zero)
        return;
      Value code =
          arith::FPToSIOp::create(e.b, e.loc, e.b.getI32Type(), grid.zero);
      code = arith::TruncIOp::create(e.b, e.loc, e.b.getI8Type(), code);
      e.store(code, e.pointer(op.getZeros()), set);
    });
  };
  if (sets == 1)
    keep(grids[0], e.block, e.equal(e.thread, e.constant(0)));
  RowWriter::Pieces codes;
  for (auto [i, grid] : llvm::enumerate(grids)) {
    if (sets > 1) {
      Value at = row.channel(i);
      Value first = e.equal(e.rem(at, size), e.constant(0));
      if (Value there = row.isThere(i))
        first = arith::AndIOp::create(e.b, e.loc, first, there);
      keep(grid, e.add(e.mul(e.block, sets), e.div(at, size)), first);
    }
    Value k = codesOf(e, scheme, grid, x[i]);
    codes.push_back(arith::FPToSIOp::create(
        e.b, e.loc, e.vector(shape.width, e.b.getI32Type()), k));
  }
  row.store(codes, op.getCodes(), start);
}

void ChainWriter::write() {
  for (Operation &op : e.kernel.getBlock().without_terminator()) {
    if (isa<nn::ReshapeOp>(op))
      continue;
    if (x.empty())
      x = row.load(op.getOperand(0), start);
    if (auto quantize = dyn_cast<lowbit::QuantizeOp>(op))
      return this->quantize(quantize);
    if (auto norm = dyn_cast<nn::RmsNormOp>(op)) {
      this->norm(norm);
    } else if (auto rotation = dyn_cast<lowbit::HadamardOp>(op)) {
      x = writeRotation(row, rotation, x);
    } else {
      RowWriter::Pieces other = row.load(op.getOperand(1), start);
      for (auto [piece, own] : llvm::zip(x, other))
        piece = emitElement(e.b, &op, {piece, own});
    }
    x = row.rounded(x, op.getResult(0));
  }
  row.store(x, e.kernel.getResultValues()[0], start);
}

static Phases phases(kernel::FuncOp kernel) {
  std::optional<RowChain> chain = RowChain::of(kernel, /*heads=*/true);
  RowShape shape = shapeOf(kernel, chain->channels);
  return {{{chain->rows, shape.threads,
            [shape](Emitter &e) {
              ChainWriter(e, shape).write();
              return success();
            }}},
          {},
          {}};
}

const KernelFamily rowFamily = {"row", accepts, phases};

} // namespace qopt::cuda
