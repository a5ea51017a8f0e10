// What the writers of products share: places, operands and their sizes.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/cpu/Matmul.h"

using namespace mlir;

namespace qopt::cpu {

int64_t constantOr(AffineExpr size, int64_t otherwise) {
  auto constant = dyn_cast<AffineConstantExpr>(size);
  return constant ? constant.getValue() : otherwise;
}

Value Places::sub(Value a, Value b) {
  return e.b.createOrFold<arith::SubIOp>(e.loc, a, b);
}
Value Places::div(Value a, Value b) {
  return e.b.createOrFold<arith::DivUIOp>(e.loc, a, b);
}
Value Places::rem(Value a, Value b) {
  return e.b.createOrFold<arith::RemUIOp>(e.loc, a, b);
}
Value Places::ceilDiv(Value a, int64_t b) {
  return div(e.add(a, e.constant(b - 1)), e.constant(b));
}
Value Places::least(Value a, Value b) {
  return e.b.createOrFold<arith::MinSIOp>(e.loc, a, b);
}
Value Places::less(Value a, Value b) {
  return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::slt, a, b);
}
Value Places::part(Value i, Value parts, Value units) {
  return div(e.mul(i, units), parts);
}

MatmulWriter::MatmulWriter(Emitter &e)
    : Places{e}, m{e.b, e.loc}, contraction(*Contraction::of(e.kernel)),
      division(contraction, e.target), lanes(division.lanes),
      columns(constantOr(contraction.columns, ShapedType::kDynamic)),
      vector(e.vector(lanes)), M(e.size(contraction.rows)),
      N(e.size(contraction.columns)), K(e.size(contraction.depth)),
      epilogue(e, contraction.op, contraction.bias, columns, lanes) {}

Type MatmulWriter::elementOf(BlockArgument operand) {
  return cast<RankedTensorType>(operand.getType()).getElementType();
}

Value MatmulWriter::broadcast(Value base, Value index, Type type) {
  Value x = e.load(type, base, index);
  if (type != e.f32())
    x = arith::ExtFOp::create(e.b, e.loc, e.f32(), x);
  return vector::BroadcastOp::create(e.b, e.loc, vector, x);
}

void MatmulWriter::prefetch(Value base, Value index, Type element) {
  LLVM::Prefetch::create(e.b, e.loc, e.offset(base, index, element),
                         /*rw=*/0, /*hint=*/2, /*cache=*/1);
}

/// Leading axes of size 1 are repeated.
Value MatmulWriter::matrixAt(BlockArgument operand, Value b) {
  auto type = cast<RankedTensorType>(operand.getType());
  int64_t rank = type.getRank() - 2, missing = contraction.batch.size() - rank;
  Value index = e.constant(0);
  if (contraction.batch.empty())
    return index;
  Value stride = e.mul(e.size(operand, rank), e.size(operand, rank + 1));
  for (int64_t axis = contraction.batch.size() - 1; axis >= missing; --axis) {
    Value size = e.size(contraction.batch[axis]);
    if (type.getDimSize(axis - missing) != 1) {
      index = e.add(index, e.mul(rem(b, size), stride));
      stride = e.mul(stride, size);
    }
    b = div(b, size);
  }
  return index;
}

} // namespace qopt::cpu
