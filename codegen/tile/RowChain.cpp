// Kernels that are a chain of ops on rows.

#include "qopt/codegen/tile/RowChain.h"

#include "qopt/dialects/nn/Nn.h"

using namespace mlir;

namespace qopt::tile {

int64_t sizeOf(lowbit::HadamardOp op) {
  int64_t size = 1;
  for (int64_t order : op.getOrders())
    size *= order;
  return size;
}

int64_t innerOf(lowbit::HadamardOp op) {
  auto behind = op.getInput().getType().getShape().drop_front(op.getAxis() + 1);
  return ShapedType::isDynamicShape(behind)
             ? 0
             : ShapedType::getNumElements(behind);
}

/// Whether `op` works on each row of `channels` elements by itself, whatever
/// shape it has there: a rotation of heads sees [H, D] of it.
static bool isRowOp(Operation *op, int64_t channels) {
  if (auto rotation = dyn_cast<lowbit::HadamardOp>(op)) {
    int64_t block = sizeOf(rotation) * innerOf(rotation);
    return block && channels % block == 0;
  }
  if (isa<nn::RmsNormOp>(op))
    return cast<RankedTensorType>(op->getOperand(0).getType())
               .getShape()
               .back() == channels;
  return isa<nn::SwigluOp>(op) ||
         (isa<nn::ReshapeOp>(op) && !isa<BlockArgument>(op->getOperand(0)));
}

/// The dimensions of an argument in front of its rows; none if its last ones
/// do not make rows.
static std::optional<ArrayRef<AffineExpr>> dimsOfRows(kernel::FuncOp kernel,
                                                      int64_t channels) {
  AffineMap map = cast<AffineMapAttr>(kernel.getDims()[0]).getValue();
  ArrayRef<AffineExpr> dims = map.getResults();
  int64_t behind = 1;
  while (behind < channels && !dims.empty()) {
    auto size = dyn_cast<AffineConstantExpr>(dims.back());
    if (!size)
      break;
    behind *= size.getValue();
    dims = dims.drop_back();
  }
  if (behind != channels)
    return std::nullopt;
  return dims;
}

/// Elements of a row: of what is quantized, or of a rotation alone.
static int64_t channelsOf(kernel::FuncOp kernel, bool heads) {
  Operation &last = *std::prev(kernel.getBlock().without_terminator().end());
  if (auto rotation = dyn_cast<lowbit::HadamardOp>(last); rotation && heads) {
    int64_t size = rotation.getInput().getType().getDimSize(rotation.getAxis());
    return ShapedType::isDynamic(size) ? size : size * innerOf(rotation);
  }
  return cast<RankedTensorType>(last.getOperand(0).getType()).getShape().back();
}

std::optional<RowChain> RowChain::of(kernel::FuncOp kernel, bool heads) {
  auto ops = kernel.getBlock().without_terminator();
  if (ops.empty() || ops.begin()->getNumOperands() == 0)
    return std::nullopt;
  Operation *last = &*std::prev(ops.end());
  if (!isa<lowbit::QuantizeOp, lowbit::HadamardOp, nn::RmsNormOp>(last))
    return std::nullopt;
  int64_t channels = channelsOf(kernel, heads);
  if (ShapedType::isDynamic(channels) || (heads && channels == 0))
    return std::nullopt;
  auto dims = dimsOfRows(kernel, channels);
  if (!dims)
    return std::nullopt;
  Operation *previous = nullptr;
  for (Operation &op : ops) {
    Value input = op.getNumOperands() ? op.getOperand(0) : Value();
    if (!input || (previous ? input.getDefiningOp() != previous
                            : !isa<BlockArgument>(input)))
      return std::nullopt;
    if (!llvm::all_of(op.getOperands().drop_front(),
                      llvm::IsaPred<BlockArgument>))
      return std::nullopt;
    if (&op != last && !isRowOp(&op, channels))
      return std::nullopt;
    previous = &op;
  }
  auto type = cast<RankedTensorType>(last->getOperand(0).getType());
  auto quantize = dyn_cast<lowbit::QuantizeOp>(last);
  if (type.getElementType().isF64() || (!quantize && !isRowOp(last, channels)))
    return std::nullopt;
  if (quantize && quantize.getScheme().getPer() == lowbit::Granularity::tensor)
    return std::nullopt;
  AffineExpr rows = getAffineConstantExpr(1, kernel.getContext());
  for (AffineExpr size : *dims)
    rows = rows * size;
  return RowChain{channels, rows};
}

} // namespace qopt::tile
