// Adds functions that give gradients beside their loss.

#include "qopt/passes/train/Backward.h"

#include "mlir/IR/SymbolTable.h"
#include "llvm/Support/Regex.h"

using namespace mlir;
using ml_program::GlobalOp;

namespace qopt {

#define GEN_PASS_DEF_DIFFERENTIATE
#include "qopt/passes/Passes.h.inc"

/// What one function is differentiated by.
struct Trainables {
  SmallVector<Value> values;
  SmallVector<std::string> names;
};

static bool isFloat(Type type) {
  return isa<RankedTensorType>(type) &&
         isa<FloatType>(getElementTypeOrSelf(type));
}

static void addArguments(func::FuncOp function, Trainables &trainables) {
  for (BlockArgument argument : function.getArguments()) {
    if (!isFloat(argument.getType()))
      continue;
    unsigned i = argument.getArgNumber();
    auto name =
        function.getArgAttrOfType<StringAttr>(i, nn::NnDialect::nameAttr);
    trainables.values.push_back(argument);
    trainables.names.push_back(name ? name.str() : "arg" + std::to_string(i));
  }
}

/// Returns the gradients behind the loss.
static LogicalResult appendGradients(func::FuncOp function,
                                     const Trainables &trainables,
                                     int64_t recompute) {
  Operation *returned = function.getBody().front().getTerminator();
  auto gradients =
      train::differentiate(function, returned->getOperand(0), trainables.values,
                           trainables.names, recompute);
  if (failed(gradients))
    return failure();
  returned->insertOperands(1, *gradients);
  function.setFunctionType(FunctionType::get(function.getContext(),
                                             function.getArgumentTypes(),
                                             returned->getOperandTypes()));
  SmallVector<Attribute> attributes{function.getResultAttrDict(0)};
  Builder builder(function.getContext());
  if (!attributes[0])
    attributes[0] = builder.getDictionaryAttr({});
  for (StringRef name : trainables.names)
    attributes.push_back(builder.getDictionaryAttr(builder.getNamedAttr(
        nn::NnDialect::nameAttr, builder.getStringAttr(name + ".grad"))));
  function.setResAttrsAttr(builder.getArrayAttr(attributes));
  return success();
}

namespace {

struct Differentiate final : impl::DifferentiateBase<Differentiate> {
  using DifferentiateBase::DifferentiateBase;

  void runOnOperation() override {
    std::string message;
    auto parameters =
        train::trainedParameters(getOperation(), {train, pattern}, message);
    if (failed(parameters)) {
      getOperation().emitError(message);
      return signalPassFailure();
    }
    for (auto function : llvm::to_vector(getOperation().getOps<func::FuncOp>()))
      if (isLoss(function) && failed(addGradient(function, *parameters)))
        return signalPassFailure();
  }

  /// Whether it gives one tensor of floats, and no gradient of it is there.
  bool isLoss(func::FuncOp function) {
    StringRef name = function.getSymName();
    return (entry.empty() || name == entry) && !name.ends_with(".grad") &&
           function.getNumResults() == 1 &&
           isFloat(function.getResultTypes()[0]) &&
           !getOperation().lookupSymbol((name + ".grad").str());
  }

  LogicalResult addGradient(func::FuncOp function,
                            ArrayRef<GlobalOp> parameters) {
    func::FuncOp copy = function.clone();
    copy.setSymName((function.getSymName() + ".grad").str());
    OpBuilder builder(function.getContext());
    builder.setInsertionPointAfter(function);
    builder.insert(copy);
    Trainables trainables;
    for (GlobalOp global : parameters) {
      Value load = train::loadOnce(copy, global);
      if (!load && entry.empty())
        continue; // another function's
      trainables.values.push_back(load);
      trainables.names.push_back(global.getSymName().str());
    }
    if (arguments)
      addArguments(copy, trainables);
    if (trainables.values.empty())
      return function.emitError("has nothing to train");
    return appendGradients(copy, trainables, recompute);
  }
};

} // namespace
} // namespace qopt
