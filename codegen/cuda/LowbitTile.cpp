// lowbit.linear by codes of 3 bits, or whose groups end inside of a fragment,
// on the GPU.
//
//   for every tile of rows x outputs:        a block, see Tile.h
//     W becomes numbers on its way to shared memory
//     y = epilogue(sum over the channels + bias)
//
// Bound by the multiply units, in f32.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/cuda/Epilogue.h"
#include "qopt/codegen/cuda/LowbitLinear.h"
#include "qopt/codegen/cuda/Tile.h"
#include "qopt/codegen/cuda/Turns.h"
#include "qopt/codegen/tile/Element.h"

using namespace mlir;

namespace qopt::cuda {

static void write(Emitter &e, const LowbitShape &shape, TileShape tileShape) {
  lowbit::LinearOp op = shape.op;
  int64_t across = llvm::divideCeil(shape.outputs, tileShape.side);
  Value row = e.mul(e.div(e.block, across), tileShape.side);
  Value column = e.mul(e.rem(e.block, across), tileShape.side);
  Value rows = e.size(rowsOfInput(e, op)), columns = e.constant(shape.outputs);
  TileSource a{[&](Value m, Value k) {
                 if (!shape.codes)
                   return rowElement(e, op.getInput(), m, k);
                 Value code = e.load(e.b.getI8Type(), e.pointer(op.getInput()),
                                     e.add(e.mul(m, shape.channels), k));
                 return Value(
                     arith::SIToFPOp::create(e.b, e.loc, e.f32(), code));
               },
               true, rows};
  TileSource b{[&](Value n, Value k) {
                 return Elements(e).dequantized(
                     op.getWeight(), op.getWeightScales(), op.getZeros(),
                     op.getScheme(), {n, k});
               },
               false, columns};
  Tile tile(e, tileShape);
  SmallVector<Value> sums =
      tile.sums(a, b, row, column, e.constant(0), e.constant(shape.channels));
  tile.each(sums, row, column, rows, columns, [&](Value sum, Value r, Value n) {
    if (shape.codes) {
      Value scale = e.load(e.f32(), e.pointer(op.getInputScales()), r);
      sum = arith::MulFOp::create(e.b, e.loc, sum, scale);
    }
    finishElement(e, op, op.getBias(), sum, r, n);
  });
}

Phase lowbitTiles(const LowbitShape &shape, AffineExpr rows) {
  TileShape tile = TileShape::of(shape.outputs);
  int64_t across = llvm::divideCeil(shape.outputs, tile.side);
  return {rows.ceilDiv(tile.side) * across, tile.threads(),
          [shape, tile](Emitter &e) {
            write(e, shape, tile);
            return success();
          }};
}

} // namespace qopt::cuda
