// The meaning of the ops that move elements without looking at them.

#include "qopt/codegen/interpreter/Elements.h"
#include "qopt/dialects/nn/Nn.h"

using namespace mlir;

namespace qopt::interpreter {

/// Static sizes from the type, dynamic ones from `sizes`, in order.
static FailureOr<Shape> sizedShape(Operation *op, RankedTensorType type,
                                   ValueRange sizes, const Frame &frame) {
  Shape shape(type.getShape());
  for (int64_t &size : shape) {
    if (ShapedType::isStatic(size))
      continue;
    size = frame.index(sizes.front());
    sizes = sizes.drop_front();
    if (size < 0)
      return op->emitOpError("expects sizes of at least 0, got ") << size;
  }
  return shape;
}

static LogicalResult evalReshape(nn::ReshapeOp op, Frame &frame) {
  auto shape = sizedShape(op, op.getType(), op.getSizes(), frame);
  if (failed(shape))
    return failure();
  Tensor result = frame[op.getInput()];
  if (count(*shape) != count(result.shape))
    return op.emitOpError("expects as many elements as in [")
           << result.shape << "], got [" << *shape << "]";
  result.shape = *shape;
  frame.set(op.getResult(), std::move(result));
  return success();
}

static LogicalResult evalBroadcast(nn::BroadcastOp op, Frame &frame) {
  auto shape = sizedShape(op, op.getType(), op.getSizes(), frame);
  if (failed(shape))
    return failure();
  const Tensor &input = frame[op.getInput()];
  Shape strides = broadcastStrides(op.getInput(), shape->size(), frame);
  size_t skipped = shape->size() - input.shape.size();
  for (size_t i = 0; i < input.shape.size(); ++i)
    if (strides[skipped + i] != 0 && input.shape[i] != (*shape)[skipped + i])
      return op.emitOpError("expects to repeat sizes of 1 only, got [")
             << input.shape << "] to [" << *shape << "]";
  Tensor result = Tensor::of(elementOf(op.getInput()), *shape);
  move(input, result,
       [&](ArrayRef<int64_t> index) { return offsetOf(index, strides); });
  frame.set(op.getResult(), std::move(result));
  return success();
}

static LogicalResult evalTranspose(nn::TransposeOp op, Frame &frame) {
  const Tensor &input = frame[op.getInput()];
  Shape own = stridesOf(input.shape), shape, strides;
  for (int64_t axis : op.getPermutation()) {
    shape.push_back(input.shape[axis]);
    strides.push_back(own[axis]);
  }
  Tensor result = Tensor::of(elementOf(op.getInput()), shape);
  move(input, result,
       [&](ArrayRef<int64_t> index) { return offsetOf(index, strides); });
  frame.set(op.getResult(), std::move(result));
  return success();
}

static LogicalResult evalSlice(nn::SliceOp op, Frame &frame) {
  const Tensor &input = frame[op.getInput()];
  int64_t axis = op.getAxis(), step = op.getStep();
  int64_t start = frame.index(op.getStart());
  int64_t size =
      op.getSize() ? frame.index(op.getSize()) : op.getType().getDimSize(axis);
  int64_t last = 0; // [start, last] lies within the input
  bool wrapped = llvm::MulOverflow(size - 1, step, last) ||
                 llvm::AddOverflow(start, last, last);
  auto inside = [&](int64_t i) { return i >= 0 && i < input.shape[axis]; };
  if (size < 0 || wrapped || (size > 0 && !(inside(start) && inside(last))))
    return op.emitOpError("expects a slice of ")
           << input.shape[axis] << " elements, got " << size << " from "
           << start << " step " << step;
  Shape shape = input.shape, strides = stridesOf(input.shape);
  shape[axis] = size;
  int64_t first = size > 0 ? start * strides[axis] : 0;
  strides[axis] *= step;
  Tensor result = Tensor::of(elementOf(op.getInput()), shape);
  move(input, result, [&](ArrayRef<int64_t> index) {
    return first + offsetOf(index, strides);
  });
  frame.set(op.getResult(), std::move(result));
  return success();
}

/// Inputs are [outer, own size, inner] around the axis.
static LogicalResult evalConcat(nn::ConcatOp op, Frame &frame) {
  int64_t axis = op.getAxis();
  Shape shape = frame[op.getInputs().front()].shape;
  for (Value value : op.getInputs().drop_front()) {
    Shape expected = shape, own = frame[value].shape;
    shape[axis] += own[axis];
    expected[axis] = own[axis];
    if (own != expected)
      return op.emitOpError("expects inputs that differ along axis ")
             << axis << " only, got [" << own << "] after [" << expected << "]";
  }
  Tensor result = Tensor::of(elementOf(op.getResult()), shape);
  AxisView whole(shape, axis);
  int64_t before = 0; // elements of a row that earlier inputs fill
  for (Value value : op.getInputs()) {
    const Tensor &input = frame[value];
    int64_t row = input.shape[axis] * whole.inner;
    for (int64_t o = 0; o < whole.outer; ++o) {
      int64_t to = o * whole.size * whole.inner + before;
      if (!input.data.empty())
        std::copy_n(&input.data[o * row], row, result.data.begin() + to);
      else if (!input.integers.empty())
        std::copy_n(&input.integers[o * row], row,
                    result.integers.begin() + to);
    }
    before += row;
  }
  frame.set(op.getResult(), std::move(result));
  return success();
}

static LogicalResult evalTriangle(nn::TriangleOp op, Frame &frame) {
  Tensor result = frame[op.getInput()];
  int64_t k = op.getDiagonal() ? frame.index(op.getDiagonal()) : 0;
  int64_t columns = result.shape.back(), rows = result.shape.end()[-2];
  auto clear = [&](auto &elements) {
    for (size_t offset = 0; offset < elements.size(); ++offset) {
      int64_t j = offset % columns, i = offset / columns % rows;
      if (op.getUpper() ? j - i < k : j - i > k)
        elements[offset] = 0;
    }
  };
  clear(result.data);
  clear(result.integers);
  frame.set(op.getResult(), std::move(result));
  return success();
}

void addViews(Interpreter &interpreter) {
  interpreter.add(evalReshape);
  interpreter.add(evalBroadcast);
  interpreter.add(evalTranspose);
  interpreter.add(evalSlice);
  interpreter.add(evalConcat);
  interpreter.add(evalTriangle);
}

} // namespace qopt::interpreter
