// The meaning of launches and of weights: that of the bodies they name.
// Layouts, slots and offsets say where tensors lie, and change nothing.

#include "qopt/codegen/interpreter/Interpreter.h"
#include "qopt/dialects/kernel/Kernel.h"
#include "qopt/dialects/nn/Nn.h"

using namespace mlir;

namespace qopt::interpreter {

static LogicalResult evalLoad(kernel::LoadOp op, Frame &frame) {
  auto weight = frame.symbols.lookupNearestSymbolFrom<kernel::WeightOp>(
      op, op.getWeightAttr());
  auto value = frame.interpreter.call(weight, {}, frame.files, frame.options,
                                      frame.depth + 1);
  if (failed(value))
    return failure();
  frame.set(op.getResult(), std::move(value->front()));
  return success();
}

/// Moves what `from` holds to `to`; what is not there stays so.
static void move(State &source, StringRef from, State &target, StringRef to) {
  if (auto found = source.extract(from.str())) {
    found.key() = to.str();
    target.insert(std::move(found));
  }
}

/// A kernel that several launches share names the caches of one of them; each
/// launch names its own, in the same order.
static LogicalResult evalLaunch(kernel::LaunchOp op, Frame &frame) {
  auto callee = frame.symbols.lookupNearestSymbolFrom<kernel::FuncOp>(
      op, op.getKernelAttr());
  std::vector<Tensor> arguments;
  for (Value operand : op.getArguments())
    arguments.push_back(frame[operand]);
  SmallVector<std::pair<StringRef, StringRef>> caches; // outside, inside
  if (ArrayAttr states = op.getStatesAttr())
    for (auto [name, append] :
         llvm::zip_equal(states.getAsRange<FlatSymbolRefAttr>(),
                         callee.getBody().getOps<nn::CacheAppendOp>()))
      caches.emplace_back(name.getValue(), append.getCache());
  State own;
  for (auto [outside, inside] : caches)
    move(*frame.options.state, outside, own, inside);
  RunOptions options = frame.options;
  options.state = &own;
  auto results = frame.interpreter.call(callee, std::move(arguments),
                                        frame.files, options, frame.depth + 1);
  for (auto [outside, inside] : caches)
    move(own, inside, *frame.options.state, outside);
  if (failed(results))
    return failure();
  for (auto [value, tensor] : llvm::zip(op.getResults(), *results))
    frame.set(value, std::move(tensor));
  return success();
}

void addKernels(Interpreter &interpreter) {
  interpreter.add(evalLoad);
  interpreter.add(evalLaunch);
}

} // namespace qopt::interpreter
