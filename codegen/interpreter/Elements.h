// Ways through the elements of row-major tensors.

#ifndef QOPT_CODEGEN_INTERPRETER_ELEMENTS_H
#define QOPT_CODEGEN_INTERPRETER_ELEMENTS_H

#include "qopt/codegen/interpreter/Interpreter.h"

namespace qopt::interpreter {

using Shape = llvm::SmallVector<int64_t>;

/// How far apart neighbours along each axis lie.
inline Shape stridesOf(llvm::ArrayRef<int64_t> shape) {
  Shape strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;)
    strides[i - 1] = strides[i] * shape[i];
  return strides;
}

/// Product of the sizes.
inline int64_t count(llvm::ArrayRef<int64_t> shape) {
  return mlir::ShapedType::getNumElements(shape);
}

/// A tensor seen along one axis: [outer, size, inner].
struct AxisView {
  AxisView(llvm::ArrayRef<int64_t> shape, int64_t axis)
      : outer(count(shape.take_front(axis))), size(shape[axis]),
        inner(count(shape.drop_front(axis + 1))) {}
  int64_t outer, size, inner;
};

/// Calls visit(index) for every index of `shape` in row-major order.
template <typename Visit>
void forEachIndex(llvm::ArrayRef<int64_t> shape, Visit visit) {
  Shape index(shape.size(), 0);
  for (int64_t n = count(shape); n > 0; --n) {
    visit(llvm::ArrayRef<int64_t>(index));
    for (size_t i = shape.size(); i-- > 0;) {
      if (++index[i] < shape[i])
        break;
      index[i] = 0;
    }
  }
}

inline int64_t offsetOf(llvm::ArrayRef<int64_t> index,
                        llvm::ArrayRef<int64_t> strides) {
  int64_t offset = 0;
  for (auto [i, stride] : llvm::zip(index, strides))
    offset += i * stride;
  return offset;
}

/// Fills `to`, in order, with elements of `from`: the one at the offset
/// source(index), or 0 where that is negative.
template <typename Source>
void move(const Tensor &from, Tensor &to, Source source) {
  size_t next = 0;
  forEachIndex(to.shape, [&](llvm::ArrayRef<int64_t> index) {
    int64_t offset = source(index);
    if (!to.data.empty())
      to.data[next] = offset < 0 ? 0 : from.data[offset];
    else
      to.integers[next] = offset < 0 ? 0 : from.integers[offset];
    ++next;
  });
}

/// The element type of a tensor value.
inline mlir::Type elementOf(mlir::Value value) {
  return mlir::getElementTypeOrSelf(value.getType());
}

/// The sizes of an elementwise result: at each place that of the operands that
/// are not repeated there, which must agree.
mlir::FailureOr<Shape> broadcastShape(mlir::Operation *op,
                                      mlir::ValueRange operands,
                                      const Frame &frame);

/// Strides of `operand` in a result of rank `rank`, 0 where it is repeated: a
/// static 1, or an axis that it lacks.
Shape broadcastStrides(mlir::Value operand, size_t rank, const Frame &frame);

/// `index` counted from the end if negative; an error unless it is in [0,
/// size).
mlir::FailureOr<int64_t> wrapIndex(mlir::Operation *op, int64_t index,
                                   int64_t size);

} // namespace qopt::interpreter

#endif // QOPT_CODEGEN_INTERPRETER_ELEMENTS_H
