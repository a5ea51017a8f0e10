// Runs the chain of a weight in the interpreter.

#include "qopt/codegen/link/Evaluate.h"

#include <cstring>

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "qopt/codegen/interpreter/Interpreter.h"

using namespace mlir;

namespace qopt::link {

void store(const interpreter::Tensor &tensor, Type element,
           std::vector<char> &bytes) {
  size_t size = llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
  size_t count = tensor.data.size() + tensor.integers.size();
  bytes.resize(size * count);
  auto type = dyn_cast<FloatType>(element);
  for (size_t i = 0; i < count; ++i) {
    uint64_t word;
    if (!type) {
      word = tensor.integers[i];
    } else {
      APFloat value(tensor.data[i]);
      bool lossy;
      value.convert(type.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                    &lossy);
      word = value.bitcastToAPInt().getZExtValue();
    }
    std::memcpy(bytes.data() + i * size, &word, size);
  }
}

LogicalResult evaluate(kernel::WeightOp weight, ModuleOp program,
                       nn::WeightFiles &files, std::vector<char> &bytes) {
  // The interpreter runs functions: the chain is one for a moment.
  OpBuilder b(weight);
  RankedTensorType type = weight.getResultType();
  auto function = func::FuncOp::create(b, weight.getLoc(), "evaluated.weight",
                                       b.getFunctionType({}, {type}));
  b.setInsertionPointToEnd(function.addEntryBlock());
  IRMapping mapping;
  for (Operation &op : weight.getBody().front().without_terminator())
    b.clone(op, mapping);
  Value result = weight.getBody().front().getTerminator()->getOperand(0);
  func::ReturnOp::create(b, weight.getLoc(), mapping.lookup(result));

  interpreter::Interpreter interpreter;
  addAll(interpreter);
  interpreter::RunOptions options;
  options.files = &files;
  auto values = interpreter.run(function, {}, options);
  function.erase();
  if (failed(values))
    return failure();
  store(values->front(), type.getElementType(), bytes);
  return success();
}

} // namespace qopt::link
