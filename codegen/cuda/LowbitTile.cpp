// lowbit.linear of numbers by many rows, on the GPU.
//
//   for every tile of rows x outputs:        a block, see Tile.h
//     W becomes numbers on its way to shared memory
//     y = epilogue(sum over the channels + bias)
//
// Bound by the multiply units, in f32.

#include "qopt/codegen/cuda/Epilogue.h"
#include "qopt/codegen/cuda/LowbitLinear.h"
#include "qopt/codegen/cuda/Tile.h"
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
                 Elements elements(e);
                 SmallVector<Value> place =
                     elements.rowIndices(op.getInput(), m);
                 place.push_back(k);
                 return elements.at(op.getInput(), place);
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
    finishElement(e, op, op.getBias(), sum, r, n);
  });
}

Phase lowbitNumbers(const LowbitShape &shape, AffineExpr rows,
                    AffineExpr condition) {
  TileShape tile = TileShape::of(shape.outputs);
  int64_t across = llvm::divideCeil(shape.outputs, tile.side);
  return {condition * rows.ceilDiv(tile.side) * across, tile.threads(),
          [shape, tile](Emitter &e) {
            write(e, shape, tile);
            return success();
          }};
}

} // namespace qopt::cuda
