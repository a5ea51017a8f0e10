// Elements that the threads of a block take turn by turn.

#include "qopt/codegen/cuda/Turns.h"

#include "qopt/codegen/tile/Element.h"

using namespace mlir;

namespace qopt::cuda {

Value joinTurns(Emitter &e, Value count, Value neutral, Emitter::Join join,
                function_ref<Value(Value)> of) {
  Value sum =
      e.loop(e.thread, count, e.threads, neutral, [&](Value i, ValueRange sum) {
        return SmallVector<Value>{join(sum[0], of(i))};
      })[0];
  return e.joinBlock(sum, join);
}

static Type elementOf(Value tensor) {
  return cast<RankedTensorType>(tensor.getType()).getElementType();
}

Value loadFloat(Emitter &e, Value tensor, Value index) {
  Value x = e.load(elementOf(tensor), e.pointer(tensor), index);
  return x.getType() == e.f32()
             ? x
             : Value(arith::ExtFOp::create(e.b, e.loc, e.f32(), x));
}

Value rowElement(Emitter &e, Value tensor, Value row, Value column) {
  auto argument = dyn_cast<BlockArgument>(tensor);
  kernel::LayoutAttr layout = argument ? e.kernel.getLayout(argument) : nullptr;
  if (layout && layout.getPanel() == 0 && !layout.getCache()) {
    Value width = e.size(e.dims.of(tensor).back());
    return loadFloat(e, tensor, e.add(e.mul(row, width), column));
  }
  Elements elements(e);
  SmallVector<Value> place = elements.rowIndices(tensor, row);
  place.push_back(column);
  return elements.at(tensor, place);
}

void storeFloat(Emitter &e, Value value, Value tensor, Value index) {
  Type element = elementOf(tensor);
  if (element != e.f32())
    value = arith::TruncFOp::create(e.b, e.loc, element, value);
  e.store(value, e.pointer(tensor), index);
}

Value loadIndex(Emitter &e, Value tensor, Value index) {
  Value x = e.load(elementOf(tensor), e.pointer(tensor), index);
  return x.getType().isInteger(64)
             ? x
             : Value(arith::ExtSIOp::create(e.b, e.loc, e.b.getI64Type(), x));
}

} // namespace qopt::cuda
