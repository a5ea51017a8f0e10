// Folds that are always wanted: ops that change nothing.

#include "qopt/dialects/nn/Nn.h"

#include <numeric>

using namespace mlir;
using namespace qopt::nn;

/// `value` if it has `type` already and no size of it is unknown.
static OpFoldResult sameIfStatic(Value value, Type type) {
  bool same = value.getType() == type &&
              cast<RankedTensorType>(type).getNumDynamicDims() == 0;
  return same ? value : OpFoldResult();
}

OpFoldResult CastOp::fold(FoldAdaptor) {
  return getInput().getType() == getType() ? getInput() : Value();
}

OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  // One unknown size is what the number of elements says it is.
  if (getInput().getType() == getType() &&
      cast<RankedTensorType>(getType()).getNumDynamicDims() <= 1)
    return getInput();
  return {};
}

OpFoldResult BroadcastOp::fold(FoldAdaptor) {
  return sameIfStatic(getInput(), getType());
}

OpFoldResult TransposeOp::fold(FoldAdaptor) {
  auto identity =
      llvm::to_vector(llvm::seq<int64_t>(0, int64_t(getPermutation().size())));
  return llvm::equal(getPermutation(), identity) ? getInput() : Value();
}
