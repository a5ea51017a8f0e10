// Kernels that are elementwise functions of views of their arguments.

#include "qopt/codegen/tile/MapElement.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/dialects/nn/Nn.h"

using namespace mlir;

namespace qopt::tile {

bool isMap(kernel::FuncOp kernel) {
  for (Operation &op : kernel.getBlock().without_terminator())
    if (!isElementOp(&op) && !isa<nn::CacheAppendOp>(op))
      return false;
  return !kernel.getResultValues().empty();
}

Value writtenBy(Value result) {
  auto append = result.getDefiningOp<nn::CacheAppendOp>();
  return append ? append.getInput() : result;
}

AffineExpr elementsOf(kernel::FuncOp kernel, Value tensor) {
  auto maps =
      llvm::to_vector(kernel.getDims().getAsValueRange<AffineMapAttr>());
  nn::Dims dims(kernel.getBlock(), maps);
  AffineExpr count = getAffineConstantExpr(1, kernel.getContext());
  for (AffineExpr size : dims.of(tensor))
    count = count * size;
  return count;
}

void storeElement(Emitter &e, Value result, Value value,
                  ArrayRef<Value> indices) {
  Value position = e.constant(0);
  if (auto append = result.getDefiningOp<nn::CacheAppendOp>()) {
    Value past = e.size(e.dims.ofIndex(append.getPast()));
    Value head = e.add(e.mul(indices[0], e.size(result, 1)), indices[1]);
    Value place = e.add(past, indices[2]);
    position = e.add(e.mul(head, e.headStride(result)),
                     e.add(e.mul(place, e.size(result, 3)), indices[3]));
  } else {
    for (auto [axis, index] : llvm::enumerate(indices))
      position = axis == 0
                     ? index
                     : e.add(e.mul(position, e.size(result, axis)), index);
  }
  Type element = cast<RankedTensorType>(result.getType()).getElementType();
  if (value.getType() != element)
    value = arith::TruncFOp::create(e.b, e.loc, element, value);
  e.store(value, e.pointer(result), position);
}

} // namespace qopt::tile
