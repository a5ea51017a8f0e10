// Tensors that chains of ops only move.

#include "qopt/codegen/link/Views.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"

using namespace mlir;

namespace qopt::link {

SmallVector<int64_t> rowMajor(RankedTensorType type) {
  SmallVector<int64_t> strides(type.getRank());
  int64_t stride = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  for (int64_t axis = type.getRank(); axis-- > 0;) {
    strides[axis] = stride;
    stride *= type.getDimSize(axis);
  }
  return strides;
}

FailureOr<SmallVector<View>> Mover::global(ml_program::GlobalLoadOp load) {
  auto global =
      symbols.lookup<ml_program::GlobalOp>(load.getGlobal().getLeafReference());
  auto weight = dyn_cast_or_null<nn::WeightAttr>(global.getValueAttr());
  if (!weight)
    return SmallVector<View>();
  auto type = cast<RankedTensorType>(load.getType());
  FailureOr<ArrayRef<char>> bytes = files.find(weight, global.getLoc());
  if (failed(bytes))
    return failure();
  return SmallVector<View>{{*bytes, bytes->data(),
                            SmallVector<int64_t>(type.getShape()),
                            rowMajor(type)}};
}

FailureOr<SmallVector<View>> Mover::pieces(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return SmallVector<View>();
  if (auto load = dyn_cast<ml_program::GlobalLoadOp>(op))
    return global(load);
  if (auto transpose = dyn_cast<nn::TransposeOp>(op)) {
    auto input = pieces(transpose.getInput());
    if (failed(input) || input->size() != 1)
      return failed(input) ? input : SmallVector<View>();
    View moved = input->front();
    for (auto [to, from] : llvm::enumerate(transpose.getPermutation())) {
      moved.shape[to] = input->front().shape[from];
      moved.strides[to] = input->front().strides[from];
    }
    return SmallVector<View>{moved};
  }
  if (auto concat = dyn_cast<nn::ConcatOp>(op);
      concat && concat.getAxis() == 0) {
    SmallVector<View> all;
    for (Value input : concat.getInputs()) {
      auto some = pieces(input);
      if (failed(some) || some->empty())
        return some;
      all.append(*some);
    }
    return all;
  }
  return SmallVector<View>();
}

} // namespace qopt::link
