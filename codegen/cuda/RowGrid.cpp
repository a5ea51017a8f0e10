// The grids of quantization of a row in the registers of a block.

#include "qopt/codegen/cuda/RowGrid.h"

using namespace mlir;

namespace qopt::cuda {

bool hasRowGrids(lowbit::SchemeAttr scheme, const RowShape &shape) {
  if (scheme.getMethod() == lowbit::Method::ternary || scheme.getMse() ||
      scheme.getPer() == lowbit::Granularity::tensor)
    return false;
  return scheme.getGroupSize(shape.channels) % shape.width == 0;
}

/// Whether a set lies in neighbouring lanes that a shuffle joins.
static bool isInLanes(int64_t size, const RowShape &shape) {
  int64_t lanes = size / shape.width;
  return llvm::isPowerOf2_64(lanes) && lanes <= warpSize;
}

/// Sets of any size: by way of shared memory, where each thread looks at all of
/// the set that its piece is in.
static SmallVector<Grid> gridsOfSets(RowWriter &row, ArrayRef<Value> x,
                                     lowbit::SchemeAttr scheme) {
  Emitter &e = row.e;
  Math m{e.b, e.loc};
  int64_t size = scheme.getGroupSize(row.shape.channels);
  bool zeros = scheme.hasZeros();
  Value memory = e.shared(4 * row.shape.channels), none = m.real(0, e.f32());
  e.barrier();
  row.store(x, memory, e.f32(), e.constant(0));
  e.barrier();
  SmallVector<Grid> grids;
  for (size_t i = 0; i < x.size(); ++i) {
    // Behind the end of the row it is the last set's.
    Value at = e.smaller(row.channel(i), e.constant(row.shape.channels - 1));
    Value first = e.mul(e.div(at, size), size);
    SmallVector<Value> range =
        e.loop(e.constant(0), e.constant(size), 1,
               SmallVector<Value>{none, none}, [&](Value c, ValueRange range) {
                 Value own = e.load(e.f32(), memory, e.add(first, c));
                 return SmallVector<Value>{
                     m.larger(range[0], zeros ? own : m.abs(own)),
                     m.smaller(range[1], zeros ? own : none)};
               });
    grids.push_back(gridOf(e, scheme, range[0], range[1]));
  }
  return grids;
}

SmallVector<Grid> rowGrids(RowWriter &row, ArrayRef<Value> x,
                           lowbit::SchemeAttr scheme) {
  Emitter &e = row.e;
  Math m{e.b, e.loc};
  int64_t size = scheme.getGroupSize(row.shape.channels);
  bool zeros = scheme.hasZeros(), isRow = size == row.shape.channels;
  auto larger = [&](Value a, Value b) { return m.larger(a, b); };
  auto smaller = [&](Value a, Value b) { return m.smaller(a, b); };
  // Ranges include 0, which is also what lies behind the end of a row.
  auto over = [&](ArrayRef<Value> pieces, bool most) -> Value {
    Value found = e.constant(0.0, e.f32());
    for (Value piece : pieces)
      for (int64_t j = 0; j < row.shape.width; ++j) {
        Value one = e.element(piece, j);
        if (!zeros)
          one = m.abs(one);
        found = most ? m.larger(found, one) : m.smaller(found, one);
      }
    Emitter::Join join = larger;
    if (!most)
      join = smaller;
    return isRow ? e.joinBlock(found, join)
                 : e.joinLanes(found, join, 1, size / row.shape.width);
  };
  auto gridOfPieces = [&](ArrayRef<Value> pieces) {
    Value most = over(pieces, true), least;
    if (zeros)
      least = over(pieces, false);
    return gridOf(e, scheme, most, least);
  };
  if (isRow)
    return SmallVector<Grid>(x.size(), gridOfPieces(x));
  if (!isInLanes(size, row.shape))
    return gridsOfSets(row, x, scheme);
  return llvm::map_to_vector(x,
                             [&](Value piece) { return gridOfPieces(piece); });
}

} // namespace qopt::cuda
