// Verifiers of the ops that move elements or make them; what result types
// follow from is checked in NnInference.cpp.

#include "qopt/dialects/nn/Nn.h"
#include "qopt/dialects/nn/Verify.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qopt::nn;

/// An error unless there is an operand for each dynamic dimension of `result`.
static LogicalResult expectSizes(Operation *op, ValueRange sizes,
                                 RankedTensorType result) {
  if (sizes.size() == size_t(result.getNumDynamicDims()))
    return success();
  return op->emitOpError("expects a size for each dynamic dimension of ")
         << result << ", got " << sizes.size();
}

/// An error unless `element` is that of `other`.
static LogicalResult expectElements(Operation *op, Type element,
                                    RankedTensorType other) {
  if (other.getElementType() == element)
    return success();
  return op->emitOpError("expects elements of ")
         << element << ", got " << other;
}

//===----------------------------------------------------------------------===//
// Whole tensors
//===----------------------------------------------------------------------===//

/// Number of elements, or the largest number there is if they are more.
static uint64_t countElements(RankedTensorType type) {
  if (llvm::is_contained(type.getShape(), 0))
    return 0;
  uint64_t count = 1;
  for (int64_t size : type.getShape())
    count = llvm::SaturatingMultiply<uint64_t>(count, size);
  return count;
}

LogicalResult ReshapeOp::verify() {
  RankedTensorType input = getInput().getType(), result = getType();
  // reshape_c1
  if (failed(expectElements(*this, input.getElementType(), result)))
    return failure();

  // reshape_c2
  if (failed(expectSizes(*this, getSizes(), result)))
    return failure();

  // reshape_c3
  if (input.hasStaticShape() && result.hasStaticShape() &&
      countElements(input) != countElements(result))
    return emitOpError("expects as many elements as ")
           << input << " has, got " << result;
  return success();
}

LogicalResult BroadcastOp::verify() {
  RankedTensorType input = getInput().getType(), result = getType();
  // broadcast_c1
  if (failed(expectElements(*this, input.getElementType(), result)))
    return failure();

  // broadcast_c2
  if (failed(expectSizes(*this, getSizes(), result)))
    return failure();

  // broadcast_c3
  bool fits = input.getRank() <= result.getRank();
  for (auto [from, to] : llvm::zip(llvm::reverse(input.getShape()),
                                   llvm::reverse(result.getShape())))
    fits = fits && (from == 1 || agree(from, to));
  if (!fits)
    return emitOpError("expects a shape that ")
           << input << " can be repeated to, got " << result;
  return success();
}

LogicalResult SliceOp::verify() {
  RankedTensorType input = getInput().getType(), result = getType();
  // slice_c1
  if (failed(expectAxis(*this, getAxis(), input)))
    return failure();

  // slice_c2
  SmallVector<int64_t> shape(input.getShape());
  if (result.getRank() == input.getRank())
    shape[getAxis()] = result.getDimSize(getAxis());
  if (result.getElementType() != input.getElementType() ||
      !agree(result.getShape(), shape))
    return emitOpError("expects a result that differs from ")
           << input << " along axis " << getAxis() << " only, got " << result;

  // slice_c3
  if (result.isDynamicDim(getAxis()) != bool(getSize()))
    return emitOpError("expects a size just if the result is dynamic along "
                       "axis ")
           << getAxis() << ", got " << result;

  // slice_c4
  if (getStep() == 0)
    return emitOpError("expects a step other than 0, got 0");
  return success();
}

LogicalResult ConcatOp::verify() {
  // concat_c1
  if (getInputs().empty())
    return emitOpError("expects at least one input, got none");

  // concat_c2
  RankedTensorType result = getType();
  if (failed(expectAxis(*this, getAxis(), result)))
    return failure();

  // concat_c3
  uint64_t sum = 0;
  bool known = !result.isDynamicDim(getAxis());
  for (Value value : getInputs()) {
    auto input = cast<RankedTensorType>(value.getType());
    SmallVector<int64_t> shape(result.getShape());
    if (input.getRank() == result.getRank())
      shape[getAxis()] = input.getDimSize(getAxis());
    if (input.getElementType() != result.getElementType() ||
        !agree(input.getShape(), shape))
      return emitOpError("expects inputs that differ from ")
             << result << " along axis " << getAxis() << " only, got " << input;
    known = known && !input.isDynamicDim(getAxis());
    sum += shape[getAxis()];
  }

  // concat_c4
  if (known && sum != uint64_t(result.getDimSize(getAxis())))
    return emitOpError("expects a result of size ")
           << sum << " along axis " << getAxis() << ", got " << result;
  return success();
}

//===----------------------------------------------------------------------===//
// Elements by index
//===----------------------------------------------------------------------===//

LogicalResult ScatterNdOp::verify() {
  RankedTensorType input = getInput().getType();
  RankedTensorType indices = getIndices().getType();
  // scatter_nd_c2
  int64_t depth = indices.getRank() ? indices.getShape().back() : 0;
  if (ShapedType::isDynamic(depth) || depth < 1 || depth > input.getRank())
    return emitOpError("expects tuples of 1 to ")
           << input.getRank() << " indices, got " << indices;

  // scatter_nd_c3
  SmallVector<int64_t> shape(indices.getShape().drop_back());
  llvm::append_range(shape, input.getShape().drop_front(depth));
  RankedTensorType updates = getUpdates().getType();
  if (updates.getElementType() != input.getElementType() ||
      !agree(updates.getShape(), shape))
    return emitOpError("expects updates of type ")
           << input.clone(shape) << ", got " << updates;
  return success();
}

//===----------------------------------------------------------------------===//
// Elements from nothing
//===----------------------------------------------------------------------===//

LogicalResult IotaOp::verify() {
  // iota_c2
  if (bool(getSize()) == getType().isDynamicDim(0))
    return success();
  return emitOpError("expects a size just if the result is dynamic, got ")
         << getType();
}
