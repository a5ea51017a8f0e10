// Low-rank branches on their way into kernels.

#include "qopt/passes/kernel/Lora.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/SymbolTable.h"
#include "qopt/dialects/lowbit/Lowbit.h"

using namespace mlir;

namespace qopt {

static constexpr llvm::StringLiteral mark = "kernel.branch";

bool isLoraBranch(Operation *op) { return op->hasAttr(mark); }

/// Whether a factor is trained: it lies row-major then, not as an epilogue
/// reads it.
static bool isTrained(Value factor, SymbolTable &symbols) {
  auto load = factor.getDefiningOp<ml_program::GlobalLoadOp>();
  auto global = load ? symbols.lookup<ml_program::GlobalOp>(
                           load.getGlobal().getLeafReference())
                     : nullptr;
  return global && global.getIsMutable();
}

static void split(lowbit::LoraLinearOp op, SymbolTable &symbols) {
  OpBuilder b(op);
  bool trained = isTrained(op.getB(), symbols);
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
  if (base && base->hasOneUse() && !trained) {
    branch->setAttr(mark, b.getUnitAttr());
    scaled->setAttr(mark, b.getUnitAttr());
  }
}

void splitLoraLinears(ModuleOp module) {
  SymbolTable symbols(module);
  SmallVector<lowbit::LoraLinearOp> ops;
  module.walk([&](lowbit::LoraLinearOp op) { ops.push_back(op); });
  for (lowbit::LoraLinearOp op : ops)
    split(op, symbols);
}

} // namespace qopt
