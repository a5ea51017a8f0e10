// The bytes that a kernel has to move, whatever it runs on.

#include "qopt/codegen/tile/Traffic.h"

#include "qopt/dialects/lowbit/Lowbit.h"
#include "qopt/dialects/nn/Dims.h"
#include "qopt/dialects/nn/Nn.h"

using namespace mlir;

namespace qopt::tile {

namespace {

/// Counts the bytes of one kernel.
class Counter {
public:
  explicit Counter(kernel::FuncOp kernel)
      : kernel(kernel), context(kernel.getContext()),
        dims(kernel.getBlock(),
             llvm::to_vector(
                 kernel.getDims().getAsValueRange<AffineMapAttr>())) {}

  AffineExpr read();
  AffineExpr written();

private:
  AffineExpr number(int64_t value) {
    return getAffineConstantExpr(value, context);
  }
  /// Of a tensor that lies row-major; null if nobody can tell.
  AffineExpr bytesOf(Value tensor) {
    AffineExpr elements = dims.elements(tensor);
    return elements ? elements * elementBytes(tensor) : elements;
  }
  static int64_t elementBytes(Value tensor) {
    Type element = getElementTypeOrSelf(tensor.getType());
    return llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
  }
  AffineExpr bytesOf(Value tensor, kernel::LayoutAttr layout) {
    return layout.getPanel() > 0
               ? number(
                     layout.bytesOf(cast<RankedTensorType>(tensor.getType())))
               : bytesOf(tensor);
  }
  /// What a use looks at of an argument of `bytes`; null: all of it.
  AffineExpr partOf(OpOperand &use, AffineExpr bytes);

  kernel::FuncOp kernel;
  MLIRContext *context;
  nn::Dims dims;
};

} // namespace

AffineExpr Counter::partOf(OpOperand &use, AffineExpr bytes) {
  Operation *op = use.getOwner();
  if (isa<nn::SliceOp>(op))
    return bytesOf(op->getResult(0));
  // Behind the ids: the table, or of codes also their scales and zeros.
  if (!isa<nn::EmbeddingOp, lowbit::EmbeddingOp>(op) ||
      use.getOperandNumber() == 0)
    return {};
  auto type = cast<RankedTensorType>(use.get().getType());
  auto whole = dyn_cast<AffineConstantExpr>(bytes);
  AffineExpr ids = dims.elements(op->getOperand(0));
  if (!whole || !ids || type.getRank() == 0 || type.getDimSize(0) == 0)
    return {};
  return ids * (whole.getValue() / type.getDimSize(0));
}

AffineExpr Counter::read() {
  AffineExpr sum = number(0);
  for (BlockArgument argument : kernel.getBlock().getArguments()) {
    if (!isa<RankedTensorType>(argument.getType()) || argument.use_empty())
      continue;
    AffineExpr bytes = bytesOf(argument, kernel.getLayout(argument));
    AffineExpr parts = number(0);
    for (OpOperand &use : argument.getUses()) {
      AffineExpr part = partOf(use, bytes);
      if (!part) {
        parts = bytes;
        break;
      }
      parts = parts + part;
    }
    sum = sum + parts;
  }
  return sum;
}

AffineExpr Counter::written() {
  AffineExpr sum = number(0);
  SmallPtrSet<Value, 4> seen; // what is given twice is written once
  for (auto [i, result] : llvm::enumerate(kernel.getResultValues())) {
    if (!seen.insert(result).second)
      continue;
    auto append = result.getDefiningOp<nn::CacheAppendOp>();
    if (AffineExpr bytes = append ? bytesOf(append.getInput())
                                  : bytesOf(result, kernel.getResultLayout(i)))
      sum = sum + bytes;
  }
  return sum;
}

Traffic trafficOf(kernel::FuncOp kernel) {
  Counter counter(kernel);
  return {counter.read(), counter.written()};
}

} // namespace qopt::tile
