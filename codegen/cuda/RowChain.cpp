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
#include "qopt/codegen/cuda/Row.h"
#include "qopt/codegen/tile/Elementwise.h"
#include "qopt/codegen/tile/Grid.h"
#include "qopt/dialects/nn/Nn.h"

using namespace mlir;

namespace qopt::cuda {

/// Whether the elements that share a scale are in neighbouring threads of one
/// warp, or in all of a block.
static bool canQuantize(lowbit::QuantizeOp op, const RowShape &shape) {
  lowbit::SchemeAttr scheme = op.getScheme();
  if (scheme.getMethod() == lowbit::Method::ternary || scheme.getMse())
    return false;
  int64_t group = scheme.getGroupSize(shape.channels);
  if (group == shape.channels)
    return true;
  int64_t lanes = group / shape.width;
  return group % shape.width == 0 && llvm::isPowerOf2_64(lanes) &&
         lanes <= warpSize;
}

static bool accepts(kernel::FuncOp kernel) {
  std::optional<RowChain> chain = RowChain::of(kernel);
  if (!chain)
    return false;
  RowShape shape(chain->channels);
  if (!shape.fits())
    return false;
  for (Operation &op : kernel.getBlock().without_terminator()) {
    if (auto rotation = dyn_cast<lowbit::HadamardOp>(op);
        rotation && !canRotate(rotation, chain->channels))
      return false;
    if (auto quantize = dyn_cast<lowbit::QuantizeOp>(op);
        quantize && !canQuantize(quantize, shape))
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
  bool zeros = scheme.hasZeros(), isRow = sets == 1;
  auto larger = [&](Value a, Value b) { return m.larger(a, b); };
  auto smaller = [&](Value a, Value b) { return m.smaller(a, b); };
  // A group of neighbours is a piece of some lanes; a row is all pieces.
  auto over = [&](ArrayRef<Value> pieces, bool most) -> Value {
    Value start = e.constant(0.0, e.f32());
    for (Value piece : pieces)
      for (int64_t j = 0; j < shape.width; ++j) {
        Value one = e.element(piece, j);
        if (!zeros)
          one = m.abs(one);
        start = most ? m.larger(start, one) : m.smaller(start, one);
      }
    Emitter::Join join = larger;
    if (!most)
      join = smaller;
    return isRow ? e.joinBlock(start, join)
                 : e.joinLanes(start, join, 1, size / shape.width);
  };
  auto write = [&](ArrayRef<Value> pieces, Value set, Value first) {
    Value most = over(pieces, true), least;
    if (zeros)
      least = over(pieces, false);
    Grid grid = gridOf(e, scheme, most, least);
    e.branch(first, [&] {
      e.store(grid.scale, e.pointer(op.getScales()), set);
      if (zeros) {
        Value code =
            arith::FPToSIOp::create(e.b, e.loc, e.b.getI32Type(), grid.zero);
        code = arith::TruncIOp::create(e.b, e.loc, e.b.getI8Type(), code);
        e.store(code, e.pointer(op.getZeros()), set);
      }
    });
    RowWriter::Pieces codes;
    for (Value piece : pieces) {
      Value k = codesOf(e, scheme, grid, piece);
      codes.push_back(arith::FPToSIOp::create(
          e.b, e.loc, e.vector(shape.width, e.b.getI32Type()), k));
    }
    return codes;
  };
  RowWriter::Pieces codes;
  if (isRow) {
    codes = write(x, e.block, e.equal(e.thread, e.constant(0)));
  } else {
    for (int64_t i = 0; i < shape.pieces; ++i) {
      Value at = row.channel(i);
      Value set = e.add(e.mul(e.block, sets), e.div(at, size));
      Value first = e.equal(e.rem(at, size), e.constant(0));
      if (Value there = row.isThere(i))
        first = arith::AndIOp::create(e.b, e.loc, first, there);
      codes.append(write(x[i], set, first));
    }
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
  std::optional<RowChain> chain = RowChain::of(kernel);
  RowShape shape(chain->channels);
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
