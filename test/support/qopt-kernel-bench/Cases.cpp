// One kernel of a program with values for its symbols, and its arguments.

#include "qopt/test/support/qopt-kernel-bench/Cases.h"

#include <cmath>

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using qopt::interpreter::Tensor;

namespace qopt::bench {

int64_t evaluate(AffineExpr expr, ArrayRef<int64_t> symbols) {
  SmallVector<AffineExpr> values;
  for (int64_t value : symbols)
    values.push_back(getAffineConstantExpr(value, expr.getContext()));
  return cast<AffineConstantExpr>(
             simplifyAffineExpr(expr.replaceDimsAndSymbols({}, values), 0, 0))
      .getValue();
}

SmallVector<int64_t> evaluate(AffineMap map, ArrayRef<int64_t> symbols) {
  return llvm::map_to_vector(map.getResults(), [&](AffineExpr size) {
    return evaluate(size, symbols);
  });
}

func::FuncOp functionOf(kernel::FuncOp kernel, ModuleOp module) {
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  Block &body = kernel.getBlock();
  auto type = b.getFunctionType(body.getArgumentTypes(),
                                body.getTerminator()->getOperandTypes());
  auto function =
      func::FuncOp::create(b, kernel.getLoc(), kernel.getSymName(), type);
  IRMapping map;
  kernel.getBody().cloneInto(&function.getBody(), map);
  Operation *end = function.getBody().front().getTerminator();
  b.setInsertionPoint(end);
  func::ReturnOp::create(b, kernel.getLoc(), end->getOperands());
  end->erase();
  return function;
}

/// Plants a NaN and an infinity; a kernel must not lose them.
static void plant(Tensor &tensor) {
  if (tensor.data.size() > 3) {
    tensor.data[tensor.data.size() / 2] = std::nan("");
    tensor.data[tensor.data.size() - 1] = INFINITY;
  }
}

/// Makes ids of bits: any of those below `count`, in no order.
static void spread(Tensor &tensor, int64_t count) {
  uint64_t state = 1;
  for (int64_t &id : tensor.integers) {
    state = state * 6364136223846793005 + 1442695040888963407;
    id = count == 2 ? id : int64_t((state >> 33) % count);
  }
}

Arguments argumentsOf(kernel::FuncOp kernel, ArrayRef<int64_t> symbols,
                      const Numbers &numbers) {
  Arguments made;
  for (auto [i, argument] : llvm::enumerate(kernel.getBlock().getArguments())) {
    auto map = cast<AffineMapAttr>(kernel.getDims()[i]).getValue();
    SmallVector<int64_t> shape = evaluate(map, symbols);
    if (argument.getType().isIndex()) { // symbols tell a kernel its sizes
      made.tensors.push_back(Tensor::ofIndex(shape.front()));
      continue;
    }
    auto type = cast<RankedTensorType>(argument.getType());
    kernel::LayoutAttr layout = kernel.getLayout(argument);
    Tensor tensor = randomArgument(i, type, shape, layout);
    if (numbers.special && i == 0)
      plant(tensor);
    if (!type.getElementType().isInteger(8))
      spread(tensor, type.getElementType().isInteger(1) ? 2 : numbers.ids);
    made.buffers.push_back(lay(tensor, type, layout));
    made.bytes.push_back(bytesOf(tensor, type.getElementType(), layout));
    made.tensors.push_back(std::move(tensor));
  }
  return made;
}

} // namespace qopt::bench
