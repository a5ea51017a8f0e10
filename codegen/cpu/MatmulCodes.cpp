// A rhs of packed codes: the backward of lowbit.linear reads the weight that
// the forward reads, as numbers in the scratch only.
//
//   dx[m, c] = sum over n of dy[m, n] * (k[n, c] - z[n, g]) * s[n, g]
//
//   for every panel of the block of n, for every step of columns:
//     numbers of L rows, from codes                 see CodeReader.h
//     turn L numbers of L rows, and store them as rows
//
// Lines hold rows in their lanes; the tiles of a product want columns there.
// Beside becoming a number an element costs log2(L) / L shuffles, once per 192
// or 288 rows of dy: both are 3 % of what its multiply-adds cost.

#include "qopt/codegen/cpu/CodeReader.h"

using namespace mlir;

namespace qopt::cpu {

static CodeMatrix matrixOf(train::PackedLinearGradOp op) {
  return {op.getWeight(), op.getScales(), op.getZeros(), op.getScheme()};
}

bool readsPackedRhs(kernel::FuncOp kernel, train::PackedLinearGradOp op) {
  return matrixOf(op).liesInPanels(kernel);
}

int64_t termUnit(kernel::FuncOp kernel, const Contraction &contraction,
                 int64_t lanes) {
  return contraction.packed
             ? matrixOf(contraction.packed).packing(kernel).panelRows()
             : lanes;
}

/// Rows of the panels of the block, those behind the last one zeros or copies
/// of what no tile reads.
void MatmulPacker::packCodes(const MatmulBlock &block) {
  CodeMatrix matrix = matrixOf(contraction.packed);
  kernel::Packing packing = matrix.packing(e.kernel);
  int64_t narrow = std::min(lanes, packing.lanes);
  int64_t rows = packing.panelRows();
  auto unpack = [&](Value panel, Value piece, Value group, Value inGroup) {
    CodeReader reader(e, matrix, panel, piece);
    Value column = e.add(e.mul(group, division.group), inGroup);
    Value first =
        e.add(sub(e.mul(panel, rows), block.from), e.mul(piece, narrow));
    Value to = e.add(groupAt(block, group), inGroup);
    for (auto [which, numbers] : llvm::enumerate(reader.read(column)))
      for (int64_t part = 0; part < reader.width(); part += narrow) {
        auto some = ArrayRef<Value>(numbers).slice(part, narrow);
        Value row = e.add(first, e.constant(int64_t(which) * packing.lanes));
        Value at =
            e.add(to, e.add(e.mul(row, division.group), e.constant(part)));
        for (auto [j, turned] : llvm::enumerate(transposed(some)))
          e.store(turned, packedRhs,
                  e.add(at, e.constant(int64_t(j) * division.group)));
      }
  };
  int64_t width = std::max(narrow, packing.stepColumns());
  e.loop(div(block.from, e.constant(rows)), ceilDiv(block.to, rows), 1,
         [&](Value panel) {
           auto unpackGroup = [&](Value group, int64_t vectors) {
             e.loop(e.constant(0), e.constant(vectors * lanes), width,
                    [&](Value inGroup) {
                      e.loop(e.constant(0), e.constant(packing.lanes / narrow),
                             1, [&](Value piece) {
                               unpack(panel, piece, group, inGroup);
                             });
                    });
           };
           Value whole = least(block.groupEnd, wholeGroups());
           e.loop(block.group, whole, 1, [&](Value group) {
             unpackGroup(group, division.variant.vectors);
           });
           if (int64_t vectors = restVectors())
             e.branch(less(whole, block.groupEnd),
                      [&] { unpackGroup(whole, vectors); });
         });
}

} // namespace qopt::cpu
