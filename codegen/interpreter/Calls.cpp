// The meaning of a call.

#include "qopt/codegen/interpreter/Interpreter.h"

using namespace mlir;

namespace qopt::interpreter {

static LogicalResult evalCall(func::CallOp op, Frame &frame) {
  auto callee = frame.symbols.lookupNearestSymbolFrom<func::FuncOp>(
      op, op.getCalleeAttr());
  if (!callee)
    return op.emitOpError("calls '") << op.getCallee() << "', which is missing";
  std::vector<Tensor> arguments;
  for (Value operand : op.getOperands())
    arguments.push_back(frame[operand]);
  auto results =
      frame.interpreter.call(callee, std::move(arguments), frame.files,
                             frame.options, frame.depth + 1);
  if (failed(results))
    return failure();
  for (auto [value, tensor] : llvm::zip(op.getResults(), *results))
    frame.set(value, std::move(tensor));
  return success();
}

void addCalls(Interpreter &interpreter) { interpreter.add(evalCall); }

} // namespace qopt::interpreter
