// What the patterns that move the halves of a rotation share.

#include "qopt/passes/rotate/Halves.h"

using namespace mlir;
using namespace qopt::nn;
using qopt::lowbit::HadamardOp;
using qopt::lowbit::LoraLinearOp;

namespace qopt {

Value rotate(OpBuilder &builder, Location loc, Value value, int64_t axis,
             HadamardOp like, bool transposed) {
  return HadamardOp::create(builder, loc, value.getType(), value, axis,
                            like.getOrders(), like.getSeedAttr(), transposed);
}

Value rotateWeight(OpBuilder &builder, Location loc, Value weight, int64_t axis,
                   HadamardOp like) {
  return changeWeight(builder, loc, weight, [&](Value value) {
    return rotate(builder, loc, value, axis, like, /*transposed=*/false);
  });
}

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

bool isLastAxis(HadamardOp half) {
  return int64_t(half.getAxis()) == typeOf(half).getRank() - 1;
}

int64_t sizeOf(HadamardOp half) {
  int64_t size = 1;
  for (int64_t order : half.getOrders())
    size *= order;
  return size;
}

bool isSame(HadamardOp a, HadamardOp b) {
  return a.getAxis() == b.getAxis() && a.getOrders() == b.getOrders() &&
         a.getSeedAttr() == b.getSeedAttr();
}

/// The axis of `operand` that meets `axis` of a result of type `type`;
/// negative if the operand is repeated along it.
static int64_t alignedAxis(Value operand, int64_t axis, RankedTensorType type) {
  int64_t own = axis - (type.getRank() - typeOf(operand).getRank());
  return own >= 0 && typeOf(operand).getDimSize(own) == type.getDimSize(axis)
             ? own
             : -1;
}

SmallVector<Value> rotateOperands(OpBuilder &builder, Operation *op,
                                  int64_t axis, HadamardOp like) {
  RankedTensorType type = typeOf(op->getResult(0));
  SmallVector<Value> turned;
  if (llvm::any_of(op->getOperands(), [&](Value operand) {
        return alignedAxis(operand, axis, type) < 0;
      }))
    return turned;
  for (Value operand : op->getOperands())
    turned.push_back(rotate(builder, op->getLoc(), operand,
                            alignedAxis(operand, axis, type), like, false));
  return turned;
}

bool isOneNumber(Value value) {
  RankedTensorType type = typeOf(value);
  return type.hasStaticShape() && type.getNumElements() == 1;
}

bool keepsBlocks(ReshapeOp op, HadamardOp half) {
  int64_t before = typeOf(op.getInput()).getShape().back();
  RankedTensorType type = typeOf(op.getResult());
  int64_t after = type.getRank() ? type.getShape().back() : 1;
  int64_t size = sizeOf(half);
  return !ShapedType::isDynamic(before) && !ShapedType::isDynamic(after) &&
         before % size == 0 && after % size == 0;
}

bool repeatsOthers(BroadcastOp op, int64_t axisOfResult) {
  RankedTensorType type = typeOf(op.getResult());
  return alignedAxis(op.getInput(), axisOfResult, type) >= 0;
}

} // namespace qopt
