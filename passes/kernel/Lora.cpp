// Low-rank branches on their way into kernels.

#include "qopt/passes/kernel/Lora.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/dialects/lowbit/Lowbit.h"

using namespace mlir;

namespace qopt {

static constexpr llvm::StringLiteral mark = "kernel.branch";

bool isLoraBranch(Operation *op) { return op->hasAttr(mark); }

static void split(lowbit::LoraLinearOp op) {
  OpBuilder b(op);
  RankedTensorType type = op.getResult().getType();
  RankedTensorType input = op.getInput().getType();
  SmallVector<int64_t> shape(input.getShape());
  shape.back() = op.getA().getType().getDimSize(0);
  Type element = type.getElementType();
  auto linear = [&](Value x, Value w, RankedTensorType to) {
    return nn::LinearOp::create(b, op.getLoc(), to, x, w, Value(),
                                DenseI64ArrayAttr());
  };
  auto u =
      linear(op.getInput(), op.getA(), RankedTensorType::get(shape, element));
  auto branch = linear(u, op.getB(), type);
  auto scalar = RankedTensorType::get({}, element);
  bool lossy;
  APFloat scale(op.getScale());
  scale.convert(cast<FloatType>(element).getFloatSemantics(),
                APFloat::rmNearestTiesToEven, &lossy);
  Value factor = arith::ConstantOp::create(
      b, op.getLoc(), DenseElementsAttr::get(scalar, scale));
  auto scaled = nn::MulOp::create(b, op.getLoc(), type, branch, factor);
  auto sum = nn::AddOp::create(b, op.getLoc(), type, op.getBase(), scaled);
  auto base = op.getBase().getDefiningOp<lowbit::LinearOp>();
  op.replaceAllUsesWith(sum.getResult());
  op.erase();
  if (base && base->hasOneUse()) {
    branch->setAttr(mark, b.getUnitAttr());
    scaled->setAttr(mark, b.getUnitAttr());
  }
}

void splitLoraLinears(ModuleOp module) {
  SmallVector<lowbit::LoraLinearOp> ops;
  module.walk([&](lowbit::LoraLinearOp op) { ops.push_back(op); });
  for (lowbit::LoraLinearOp op : ops)
    split(op);
}

} // namespace qopt
