// Broadcasting, as the nn dialect says it.

#include "qopt/codegen/interpreter/Elements.h"

using namespace mlir;

namespace qopt::interpreter {

/// Whether the operand is repeated along its axis `i`: its type says 1. A size
/// that is only 1 in this run is not repeated.
static bool isRepeated(Value operand, size_t i) {
  return cast<RankedTensorType>(operand.getType()).getDimSize(i) == 1;
}

FailureOr<Shape> broadcastShape(Operation *op, ValueRange operands,
                                const Frame &frame) {
  size_t rank = 0;
  for (Value operand : operands)
    rank = std::max(rank, frame[operand].shape.size());
  SmallVector<std::optional<int64_t>> sizes(rank);
  for (Value operand : operands) {
    ArrayRef<int64_t> shape = frame[operand].shape;
    for (auto [i, size] : llvm::enumerate(shape)) {
      std::optional<int64_t> &common = sizes[rank - shape.size() + i];
      if (isRepeated(operand, i))
        continue;
      if (common && *common != size)
        return op->emitOpError("expects shapes that broadcast, got sizes ")
               << *common << " and " << size;
      common = size;
    }
  }
  Shape shape;
  for (std::optional<int64_t> size : sizes)
    shape.push_back(size.value_or(1));
  return shape;
}

Shape broadcastStrides(Value operand, size_t rank, const Frame &frame) {
  ArrayRef<int64_t> shape = frame[operand].shape;
  Shape own = stridesOf(shape);
  for (size_t i = 0; i < own.size(); ++i)
    if (isRepeated(operand, i))
      own[i] = 0;
  own.insert(own.begin(), rank - own.size(), 0);
  return own;
}

FailureOr<int64_t> wrapIndex(Operation *op, int64_t index, int64_t size) {
  int64_t wrapped = index < 0 ? index + size : index;
  if (wrapped < 0 || wrapped >= size)
    return op->emitOpError("expects indices below ")
           << size << ", got " << index;
  return wrapped;
}

} // namespace qopt::interpreter
