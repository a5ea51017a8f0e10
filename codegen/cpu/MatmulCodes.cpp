// A rhs of packed codes: the backward of lowbit.linear reads the weight that
// the forward reads, as numbers in the scratch only.
//
//   dx[m, c] = sum over n of dy[m, n] * (k[n, c] - z[n, g]) * s[n, g]
//
//   for every panel of the block of n, for every step of columns:
//     for every field, L rows of the panel:
//       numbers[i] = (field of column i - zero) * scale      L rows in a vector
//       turn L numbers of L rows, and store them as rows
//
// Lines hold rows in their lanes; the tiles of a product want columns there.
// An element costs 5 / L operations and, turned, log2(L) / L shuffles, once per
// 192 or 288 rows of dy: 3 % of what its multiply-adds cost. Codes become
// numbers by the f32 arithmetic of the forward, a subtraction that is exact and
// one product.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/cpu/Matmul.h"
#include "qopt/dialects/kernel/Packing.h"

using namespace mlir;

namespace qopt::cpu {

static kernel::Packing packingOf(kernel::FuncOp kernel,
                                 train::PackedLinearGradOp op) {
  return {kernel.getLayout(cast<BlockArgument>(op.getWeight())),
          op.getWeight().getType().getDimSize(1)};
}

bool readsPackedRhs(kernel::FuncOp kernel, train::PackedLinearGradOp op) {
  auto weight = dyn_cast<BlockArgument>(op.getWeight());
  if (!weight || kernel.getLayout(weight).getBits() == 0)
    return false;
  kernel::Packing packing = packingOf(kernel, op);
  bool perTensor = op.getScheme().getPer() == lowbit::Granularity::tensor;
  auto liesInPanels = [&](Value tensor) {
    auto argument = dyn_cast_or_null<BlockArgument>(tensor);
    return !tensor ||
           (argument && (perTensor || kernel.getLayout(argument).getPanel() ==
                                          packing.panelRows()));
  };
  int64_t group = op.getScheme().getGroupSize(packing.columns);
  return liesInPanels(op.getScales()) && liesInPanels(op.getZeros()) &&
         (group == packing.columns || group % packing.stepColumns() == 0);
}

int64_t termUnit(kernel::FuncOp kernel, const Contraction &contraction,
                 int64_t lanes) {
  return contraction.packed ? packingOf(kernel, contraction.packed).panelRows()
                            : lanes;
}

namespace {

/// Unpacks steps of one panel.
class CodeReader {
public:
  CodeReader(MatmulPacker &packer, Value panel, Value piece)
      : packer(packer), e(packer.e), op(packer.contraction.packed),
        packing(packingOf(e.kernel, op)),
        lanes(std::min(packer.lanes, packing.lanes)), panel(panel),
        piece(piece), integers(e.vector(lanes, e.b.getI32Type())),
        group(op.getScheme().getGroupSize(packing.columns)),
        perTensor(op.getScheme().getPer() == lowbit::Granularity::tensor) {}

  /// Columns that are read together.
  int64_t width() const { return std::max(lanes, packing.stepColumns()); }
  /// Columns [column, column + width()) of every field: a vector of L rows for
  /// each.
  SmallVector<SmallVector<Value>> read(Value column);

private:
  Value line(Value step, int64_t number);
  Value field(int64_t which, Value step, int64_t word);
  Value perRow(Value tensor, int64_t which, Value column);
  Value shifted(Value x, int64_t by) {
    return by ? arith::ShRUIOp::create(e.b, e.loc, x,
                                       packer.m.integer(by, integers))
                    .getResult()
              : x;
  }
  Value masked(Value x, int64_t everyByte) {
    return arith::AndIOp::create(
        e.b, e.loc, x, packer.m.integer(int32_t(everyByte), integers));
  }

  MatmulPacker &packer;
  Emitter &e;
  train::PackedLinearGradOp op;
  kernel::Packing packing;
  int64_t lanes; ///< L: of a vector here
  Value panel;
  Value piece; ///< of a line
  VectorType integers;
  int64_t group; ///< channels that share a scale
  bool perTensor;
};

} // namespace

/// Behind the last step, that one again.
Value CodeReader::line(Value step, int64_t number) {
  step = packer.least(step, e.constant(packing.steps() - 1));
  Value at = e.add(e.mul(panel, packing.panelBytes()),
                   e.mul(step, packing.stepLines() * packing.lineBytes()));
  at = e.add(at, e.constant(number * packing.lineBytes()));
  at = e.add(at, e.mul(piece, 4 * lanes));
  Value address = e.offset(e.pointer(op.getWeight()), at, e.b.getI8Type());
  return LLVM::LoadOp::create(e.b, e.loc, integers, address, 4 * lanes);
}

/// Four codes of each row, as unsigned bytes.
Value CodeReader::field(int64_t which, Value step, int64_t word) {
  Value codes = shifted(line(step, word), which * packing.plane);
  if (packing.plane < 8)
    codes = masked(codes, ((1 << packing.plane) - 1) * 0x01010101);
  if (packing.bits != 3)
    return codes;
  // Bit 4 word + which of each byte, to place 2.
  Value high = shifted(line(step, 2), word * 4 + which);
  high = masked(high, 0x01010101);
  high = arith::ShLIOp::create(e.b, e.loc, high, packer.m.integer(2, integers));
  return arith::OrIOp::create(e.b, e.loc, codes, high);
}

/// Scales or zeros of the rows of a field, as f32.
Value CodeReader::perRow(Value tensor, int64_t which, Value column) {
  Type element = cast<RankedTensorType>(tensor.getType()).getElementType();
  VectorType floats = e.vector(lanes);
  auto asFloats = [&](Value x, Type to) -> Value {
    if (element.isInteger())
      return arith::SIToFPOp::create(e.b, e.loc, to, x);
    return element.isF32() ? x : arith::ExtFOp::create(e.b, e.loc, to, x);
  };
  Value base = e.pointer(tensor);
  if (perTensor)
    return vector::BroadcastOp::create(
        e.b, e.loc, floats,
        asFloats(e.load(element, base, e.constant(0)), e.f32()));
  Value number = packer.div(
      packer.least(column, e.constant(packing.columns - 1)), e.constant(group));
  Value at = e.add(e.mul(panel, packing.columns / group), number);
  at = e.add(e.mul(at, packing.panelRows()), e.constant(which * packing.lanes));
  at = e.add(at, e.mul(piece, lanes));
  return asFloats(e.load(e.vector(lanes, element), base, at), floats);
}

SmallVector<SmallVector<Value>> CodeReader::read(Value column) {
  VectorType floats = e.vector(lanes);
  Value first = packer.div(column, e.constant(packing.stepColumns()));
  int64_t words = packing.stepColumns() / 4;
  SmallVector<SmallVector<Value>> fields;
  for (int64_t which = 0; which < packing.fields; ++which) {
    SmallVector<Value> &numbers = fields.emplace_back();
    Value scale, zero;
    for (int64_t at = 0; at < width(); at += 4) {
      int64_t inGroup = at % packing.stepColumns();
      bool mayChange = group != packing.columns && group % width() != 0;
      if (!scale || (mayChange && inGroup == 0)) {
        Value of = e.add(column, e.constant(at));
        scale = perRow(op.getScales(), which, of);
        zero = e.constant(double(packing.offset), floats);
        if (op.getZeros())
          zero = packer.m.add(perRow(op.getZeros(), which, of), zero);
      }
      Value step = e.add(first, e.constant(at / packing.stepColumns()));
      Value codes = field(which, step, at / 4 % words);
      for (int64_t i = 0; i < 4; ++i) {
        Value code = masked(shifted(codes, 8 * i), 255);
        Value number = arith::SIToFPOp::create(e.b, e.loc, floats, code);
        numbers.push_back(packer.m.mul(packer.m.sub(number, zero), scale));
      }
    }
  }
  return fields;
}

/// Rows of the panels of the block, those behind the last one zeros or copies
/// of what no tile reads.
void MatmulPacker::packCodes(const MatmulBlock &block) {
  kernel::Packing packing = packingOf(e.kernel, contraction.packed);
  int64_t narrow = std::min(lanes, packing.lanes);
  int64_t rows = packing.panelRows();
  auto unpack = [&](Value panel, Value piece, Value group, Value inGroup) {
    CodeReader reader(*this, panel, piece);
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
