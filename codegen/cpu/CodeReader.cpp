// Codes of a packed matrix as numbers, see CodeReader.h.
//
//   for every field, L rows of the panel:
//     numbers[i] = (field of column i - zero) * scale      L rows in a vector
//
// An element costs 5 / L operations. Codes become numbers by the f32 arithmetic
// of the forward, a subtraction that is exact and one product.

#include "qopt/codegen/cpu/CodeReader.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace qopt::cpu {

static int64_t channelsOf(const CodeMatrix &matrix) {
  return cast<RankedTensorType>(matrix.codes.getType()).getDimSize(1);
}

kernel::Packing CodeMatrix::packing(kernel::FuncOp kernel) const {
  return {kernel.getLayout(cast<BlockArgument>(codes)), channelsOf(*this)};
}

bool CodeMatrix::liesInPanels(kernel::FuncOp kernel) const {
  auto argument = dyn_cast<BlockArgument>(codes);
  if (!argument || kernel.getLayout(argument).getBits() == 0)
    return false;
  kernel::Packing packing = this->packing(kernel);
  bool perTensor = scheme.getPer() == lowbit::Granularity::tensor;
  auto liesBeside = [&](Value tensor) {
    auto own = dyn_cast_or_null<BlockArgument>(tensor);
    return !tensor || (own && (perTensor || kernel.getLayout(own).getPanel() ==
                                                packing.panelRows()));
  };
  int64_t group = scheme.getGroupSize(packing.columns);
  return liesBeside(scales) && liesBeside(zeros) &&
         (group == packing.columns || group % packing.stepColumns() == 0);
}

CodeReader::CodeReader(Emitter &e, const CodeMatrix &matrix, Value panel,
                       Value piece)
    : packing(matrix.packing(e.kernel)),
      lanes(std::min(e.lanes(), packing.lanes)), e(e), m{e.b, e.loc}, places{e},
      matrix(matrix), panel(panel), piece(piece),
      integers(e.vector(lanes, e.b.getI32Type())),
      group(matrix.scheme.getGroupSize(packing.columns)),
      perTensor(matrix.scheme.getPer() == lowbit::Granularity::tensor) {}

Value CodeReader::shifted(Value x, int64_t by) {
  return by ? arith::ShRUIOp::create(e.b, e.loc, x, m.integer(by, integers))
                  .getResult()
            : x;
}

Value CodeReader::masked(Value x, int64_t everyByte) {
  return arith::AndIOp::create(e.b, e.loc, x,
                               m.integer(int32_t(everyByte), integers));
}

Value CodeReader::line(Value step, int64_t number) {
  step = places.least(step, e.constant(packing.steps() - 1));
  Value at = e.add(e.mul(panel, packing.panelBytes()),
                   e.mul(step, packing.stepLines() * packing.lineBytes()));
  at = e.add(at, e.constant(number * packing.lineBytes()));
  at = e.add(at, e.mul(piece, 4 * lanes));
  Value address = e.offset(e.pointer(matrix.codes), at, e.b.getI8Type());
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
  high = arith::ShLIOp::create(e.b, e.loc, high, m.integer(2, integers));
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
  Value number = places.div(
      places.least(column, e.constant(packing.columns - 1)), e.constant(group));
  Value at = e.add(e.mul(panel, packing.columns / group), number);
  at = e.add(e.mul(at, packing.panelRows()), e.constant(which * packing.lanes));
  at = e.add(at, e.mul(piece, lanes));
  return asFloats(e.load(e.vector(lanes, element), base, at), floats);
}

SmallVector<SmallVector<Value>> CodeReader::read(Value column) {
  VectorType floats = e.vector(lanes);
  Value first = places.div(column, e.constant(packing.stepColumns()));
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
        scale = perRow(matrix.scales, which, of);
        zero = e.constant(double(packing.offset), floats);
        if (matrix.zeros)
          zero = m.add(perRow(matrix.zeros, which, of), zero);
      }
      Value step = e.add(first, e.constant(at / packing.stepColumns()));
      Value codes = field(which, step, at / 4 % words);
      for (int64_t i = 0; i < 4; ++i) {
        Value code = masked(shifted(codes, 8 * i), 255);
        Value number = arith::SIToFPOp::create(e.b, e.loc, floats, code);
        numbers.push_back(m.mul(m.sub(number, zero), scale));
      }
    }
  }
  return fields;
}

} // namespace qopt::cpu
