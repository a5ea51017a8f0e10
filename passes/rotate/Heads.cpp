// Where the heads of attention are.

#include "qopt/passes/rotate/Heads.h"

using namespace mlir;
using namespace qopt::nn;

namespace qopt {

SmallVector<RotationSite> findAttention(func::FuncOp function, unsigned operand,
                                        unsigned axis) {
  SmallVector<RotationSite> sites;
  function.walk([&](AttentionOp op) {
    auto type = cast<RankedTensorType>(op->getOperand(operand).getType());
    sites.push_back({op, type.isDynamicDim(axis) ? 0 : type.getDimSize(axis)});
  });
  return sites;
}

Value newPartOf(Value value) {
  auto concat = value.getDefiningOp<ConcatOp>();
  return concat && concat.getAxis() == 2 ? concat.getInputs().back() : value;
}

bool isCoded(Value value) {
  return bool(newPartOf(value).getDefiningOp<lowbit::DequantizeOp>());
}

} // namespace qopt
