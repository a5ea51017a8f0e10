// The meaning of the ops that look elements up. An index that is outside is
// undefined to a kernel; here it is an error.

#include "qopt/codegen/interpreter/Elements.h"
#include "qopt/dialects/nn/Nn.h"

using namespace mlir;

namespace qopt::interpreter {

/// Copies `size` elements.
static void copy(const Tensor &from, int64_t source, Tensor &to, int64_t target,
                 int64_t size) {
  if (!from.data.empty())
    std::copy_n(from.data.begin() + source, size, to.data.begin() + target);
  else if (!from.integers.empty())
    std::copy_n(from.integers.begin() + source, size,
                to.integers.begin() + target);
}

static Shape concat(ArrayRef<int64_t> a, ArrayRef<int64_t> b,
                    ArrayRef<int64_t> c = {}) {
  Shape shape(a);
  llvm::append_range(shape, b);
  llvm::append_range(shape, c);
  return shape;
}

static LogicalResult evalGather(nn::GatherOp op, Frame &frame) {
  const Tensor &input = frame[op.getInput()];
  const Tensor &indices = frame[op.getIndices()];
  int64_t axis = op.getAxis();
  AxisView view(input.shape, axis);
  ArrayRef<int64_t> shape = input.shape;
  Tensor result = Tensor::of(elementOf(op.getInput()),
                             concat(shape.take_front(axis), indices.shape,
                                    shape.drop_front(axis + 1)));
  int64_t to = 0;
  for (int64_t o = 0; o < view.outer; ++o)
    for (int64_t index : indices.integers) {
      auto row = wrapIndex(op, index, view.size);
      if (failed(row))
        return failure();
      copy(input, (o * view.size + *row) * view.inner, result, to, view.inner);
      to += view.inner;
    }
  frame.set(op.getResult(), std::move(result));
  return success();
}

static LogicalResult evalEmbedding(nn::EmbeddingOp op, Frame &frame) {
  const Tensor &ids = frame[op.getIds()], &table = frame[op.getTable()];
  int64_t V = table.shape[0], C = table.shape[1];
  Tensor result(concat(ids.shape, C));
  int64_t to = 0;
  for (int64_t id : ids.integers) {
    if (id < 0 || id >= V)
      return op.emitOpError("expects ids in [0, ") << V << "), got " << id;
    copy(table, id * C, result, to, C);
    to += C;
  }
  frame.set(op.getResult(), std::move(result));
  return success();
}

/// The offset of the slice that the tuple of indices at `tuple` names, in a
/// tensor whose axes from `first` on they count.
static FailureOr<int64_t> sliceAt(Operation *op, ArrayRef<int64_t> tuple,
                                  const Tensor &tensor, size_t first) {
  Shape strides = stridesOf(tensor.shape);
  int64_t offset = 0;
  for (auto [i, index] : llvm::enumerate(tuple)) {
    auto wrapped = wrapIndex(op, index, tensor.shape[first + i]);
    if (failed(wrapped))
      return failure();
    offset += *wrapped * strides[first + i];
  }
  return offset;
}

static LogicalResult evalGatherNd(nn::GatherNdOp op, Frame &frame) {
  const Tensor &input = frame[op.getInput()];
  const Tensor &indices = frame[op.getIndices()];
  ArrayRef<int64_t> shape = input.shape, places = indices.shape;
  size_t batchDims = op.getBatchDims(), depth = places.back();
  if (shape.take_front(batchDims) != places.take_front(batchDims))
    return op.emitOpError("expects equal batches, got [")
           << shape << "] and [" << places << "]";
  ArrayRef<int64_t> slice = shape.drop_front(batchDims + depth);
  Tensor result =
      Tensor::of(elementOf(op.getInput()), concat(places.drop_back(), slice));
  int64_t batches = count(shape.take_front(batchDims));
  int64_t perBatch = count(places.drop_front(batchDims)) / depth;
  int64_t batchSize = count(shape.drop_front(batchDims)), size = count(slice);
  ArrayRef<int64_t> all = indices.integers;
  for (int64_t i = 0; i < batches * perBatch; ++i) {
    auto from = sliceAt(op, all.slice(i * depth, depth), input, batchDims);
    if (failed(from))
      return failure();
    copy(input, i / perBatch * batchSize + *from, result, i * size, size);
  }
  frame.set(op.getResult(), std::move(result));
  return success();
}

static LogicalResult evalGatherElements(nn::GatherElementsOp op, Frame &frame) {
  const Tensor &input = frame[op.getInput()];
  const Tensor &indices = frame[op.getIndices()];
  int64_t axis = op.getAxis();
  for (auto [i, size] : llvm::enumerate(indices.shape))
    if (int64_t(i) != axis && size > input.shape[i])
      return op.emitOpError("expects indices of at most [")
             << input.shape << "], got [" << indices.shape << "]";
  Shape strides = stridesOf(input.shape);
  Tensor result = Tensor::of(elementOf(op.getInput()), indices.shape);
  size_t next = 0;
  bool valid = true;
  move(input, result, [&](ArrayRef<int64_t> index) -> int64_t {
    auto wrapped =
        valid ? wrapIndex(op, indices.integers[next++], input.shape[axis])
              : FailureOr<int64_t>();
    valid &= succeeded(wrapped);
    if (!valid)
      return -1;
    return offsetOf(index, strides) + (*wrapped - index[axis]) * strides[axis];
  });
  if (!valid)
    return failure();
  frame.set(op.getResult(), std::move(result));
  return success();
}

static LogicalResult evalScatterNd(nn::ScatterNdOp op, Frame &frame) {
  Tensor result = frame[op.getInput()];
  const Tensor &indices = frame[op.getIndices()];
  const Tensor &updates = frame[op.getUpdates()];
  size_t depth = indices.shape.back();
  ArrayRef<int64_t> shape = result.shape, places = indices.shape;
  ArrayRef<int64_t> slice = shape.drop_front(depth);
  if (updates.shape != concat(places.drop_back(), slice))
    return op.emitOpError("expects updates of shape [")
           << concat(places.drop_back(), slice) << "], got [" << updates.shape
           << "]";
  ArrayRef<int64_t> all = indices.integers;
  int64_t size = count(slice), tuples = count(places.drop_back());
  for (int64_t i = 0; i < tuples; ++i) {
    auto to = sliceAt(op, all.slice(i * depth, depth), result, 0);
    if (failed(to))
      return failure();
    copy(updates, i * size, result, *to, size);
  }
  frame.set(op.getResult(), std::move(result));
  return success();
}

void addGathers(Interpreter &interpreter) {
  interpreter.add(evalGather);
  interpreter.add(evalEmbedding);
  interpreter.add(evalGatherNd);
  interpreter.add(evalGatherElements);
  interpreter.add(evalScatterNd);
}

} // namespace qopt::interpreter
