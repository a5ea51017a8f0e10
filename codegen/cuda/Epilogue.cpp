// What follows a product of matrices in its kernel.

#include "qopt/codegen/cuda/Epilogue.h"

#include "qopt/codegen/tile/Elementwise.h"
#include "qopt/codegen/tile/MapElement.h"
#include "qopt/codegen/tile/Math.h"
#include "qopt/dialects/nn/Nn.h"

using namespace mlir;

namespace qopt::cuda {

bool isEpilogueOp(Operation *op, kernel::FuncOp kernel) {
  if (auto branch = dyn_cast<nn::LinearOp>(op))
    return isa<BlockArgument>(branch.getWeight()) &&
           isa<BlockArgument>(branch.getInput()) && !branch.getBias() &&
           !branch.getInput().getType().getElementType().isF64();
  return isElementwise(op) || isa<arith::ConstantOp>(op);
}

bool hasEpilogue(kernel::FuncOp kernel, Operation *product) {
  if (kernel.getResultValues().size() != 1)
    return false;
  return llvm::all_of(kernel.getBlock().without_terminator(),
                      [&](Operation &op) {
                        return &op == product || isEpilogueOp(&op, kernel);
                      });
}

/// Through the element type of a tensor and back: its op rounds.
static Value rounded(Emitter &e, Value value, Value tensor) {
  Type element = cast<RankedTensorType>(tensor.getType()).getElementType();
  if (!element.isF16() && !element.isBF16())
    return value;
  Value half = arith::TruncFOp::create(e.b, e.loc, element, value);
  return arith::ExtFOp::create(e.b, e.loc, value.getType(), half);
}

void finishElement(Emitter &e, Operation *product, Value sum,
                   ArrayRef<Value> indices) {
  Elements elements(e);
  Value tensor = product->getResult(0), result = e.kernel.getResultValues()[0];
  elements.set(tensor, rounded(e, sum, tensor));
  storeElement(e, result, elements.at(result, indices), indices);
}

void finishElement(Emitter &e, Operation *product, Value bias, Value sum,
                   Value row, Value column) {
  Elements elements(e);
  SmallVector<Value> indices = elements.rowIndices(product->getResult(0), row);
  indices.push_back(column);
  if (bias)
    sum = Math{e.b, e.loc}.add(sum, elements.at(bias, {column}));
  finishElement(e, product, sum, indices);
}

} // namespace qopt::cuda
