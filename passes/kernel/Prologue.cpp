// What comes before a quantization, in its kernel.

#include "qopt/passes/kernel/Prologue.h"

#include "qopt/dialects/lowbit/Lowbit.h"
#include "qopt/dialects/train/Train.h"
#include "qopt/passes/kernel/Lora.h"
#include "qopt/passes/kernel/Needs.h"

using namespace mlir;

namespace qopt {

/// A quantization whose sets are rows or parts of them.
static bool quantizesRows(Operation *op) {
  auto quantize = dyn_cast<lowbit::QuantizeOp>(op);
  return quantize &&
         (quantize.getScheme().getPer() == lowbit::Granularity::token ||
          quantize.getScheme().getPer() == lowbit::Granularity::group);
}

/// Whether a rotation of heads, [.., H, D], has only a reshape to rows [.., H *
/// D] behind it that are quantized.
static bool isHeadPrologue(lowbit::HadamardOp rotation) {
  auto type = rotation.getInput().getType();
  auto reshape = rotation->hasOneUse()
                     ? dyn_cast<nn::ReshapeOp>(*rotation->user_begin())
                     : nullptr;
  if (!reshape || !reshape->hasOneUse() || type.getElementType().isF64() ||
      !quantizesRows(*reshape->user_begin()))
    return false;
  ArrayRef<int64_t> heads = type.getShape().drop_front(rotation.getAxis());
  return !ShapedType::isDynamicShape(heads) &&
         ShapedType::getNumElements(heads) ==
             reshape.getType().getShape().back();
}

bool isReadAsCodes(Operation *op) {
  auto isWeight = [](OpOperand &use) {
    Operation *reader = use.getOwner();
    if (auto loss = dyn_cast<train::ClassifierLossOp>(reader))
      return &use == &loss.getWeightMutable();
    auto gradient = dyn_cast<train::ClassifierLossGradOp>(reader);
    return gradient && &use == &gradient.getWeightMutable();
  };
  return isa<lowbit::DequantizeOp>(op) && !op->use_empty() &&
         llvm::all_of(op->getUses(), isWeight);
}

bool isQuantizePrologue(Operation *op, const nn::Dims &dims) {
  if (isReadAsCodes(op))
    return true;
  if (auto codes = dyn_cast<lowbit::DequantizeOp>(op)) {
    auto isRead = [&](OpOperand &use) {
      auto attention = dyn_cast<nn::AttentionOp>(use.getOwner());
      return attention && (use.get() == attention.getKey() ||
                           use.get() == attention.getValue());
    };
    return llvm::all_of(op->getUses(), isRead) &&
           (codes.getScheme().getPer() == lowbit::Granularity::token ||
            codes.getScheme().getPer() == lowbit::Granularity::group);
  }
  if (auto reshape = dyn_cast<nn::ReshapeOp>(op))
    if (auto source = reshape.getInput().getDefiningOp<lowbit::HadamardOp>())
      return isHeadPrologue(source);
  Operation *user = op->hasOneUse() ? *op->user_begin() : nullptr;
  if (!user || op->getNumResults() != 1 || isLoraBranch(op) ||
      dims.of(op->getResult(0)) != dims.of(user->getOperand(0)))
    return false;
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  auto rotation = dyn_cast<lowbit::HadamardOp>(op);
  if (rotation && isHeadPrologue(rotation))
    return true;
  if (!isa<nn::RmsNormOp, nn::SwigluOp>(op) && !rotation)
    return false;
  if (type.getElementType().isF64() ||
      (rotation && int64_t(rotation.getAxis()) != type.getRank() - 1))
    return false;
  auto next = dyn_cast<lowbit::HadamardOp>(user);
  return quantizesRows(user) ||
         (next && int64_t(next.getAxis()) == type.getRank() - 1 &&
          isQuantizePrologue(next, dims));
}

/// The needs of all readers of `op` but one.
static Need needOfOthers(Operation *op, Operation *reader, const Needs &needs) {
  Need others{{}, 0, 0};
  for (OpOperand &use : op->getUses())
    if (use.getOwner() != reader)
      others = others.joined(needs.of(use));
  return others;
}

void separatePrologues(func::FuncOp entry, nn::Dims &dims) {
  Needs needs(entry.getBody().front());
  for (auto quantize : entry.getOps<lowbit::QuantizeOp>()) {
    Operation *reader = quantize;
    while (Operation *op = reader->getOperand(0).getDefiningOp()) {
      if (!isa<nn::RmsNormOp, nn::SwigluOp, lowbit::HadamardOp>(op))
        break;
      if (!op->hasOneUse()) {
        if (!needs.of(quantize).excludes(needOfOthers(op, reader, needs)))
          break;
        op = OpBuilder(reader).clone(*op);
        dims.add(op);
        reader->setOperand(0, op->getResult(0));
      }
      reader = op;
    }
  }
}

} // namespace qopt
