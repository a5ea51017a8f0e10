// Reverse mode over a function, from its loss to what is trained.
//
// Forward, it is marked what depends on a trained value; backward, each marked
// op that the loss reads hands its result's gradient to its operands. What is
// not marked is frozen: it costs nothing, but gradients flow through it.

#include "qopt/passes/train/Backward.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Regex.h"

using namespace mlir;
using ml_program::GlobalLoadOp;
using ml_program::GlobalOp;

namespace qopt::train {

static RankedTensorType ranked(Value value) {
  return cast<RankedTensorType>(value.getType());
}

//===----------------------------------------------------------------------===//
// Backward
//===----------------------------------------------------------------------===//

void Backward::add(Value value, Value gradient) {
  value = original(value);
  if (!wants(value))
    return;
  gradient = summedTo(gradient, value);
  Value &sum = gradients[value];
  sum = sum ? reshaped(binary<nn::AddOp>(sum, gradient), value) : gradient;
}

Value Backward::number(double value, Value like) {
  auto type = RankedTensorType::get({}, getElementTypeOrSelf(like));
  return arith::ConstantOp::create(
      builder, loc,
      DenseElementsAttr::get(
          type, Attribute(builder.getFloatAttr(type.getElementType(), value))));
}

Value Backward::transposed(Value matrix) {
  return nn::TransposeOp::create(builder, loc, matrix, ArrayRef<int64_t>{1, 0});
}

Value Backward::linear(Value x, Value weight) {
  SmallVector<int64_t> shape(ranked(x).getShape());
  shape.back() = ranked(weight).getDimSize(0);
  return nn::LinearOp::create(builder, loc, ranked(x).clone(shape), x, weight,
                              Value(), DenseI64ArrayAttr());
}

Value Backward::weightGrad(Value dy, Value x, Type type) {
  return LinearWeightGradOp::create(builder, loc, type, dy, x);
}

Value Backward::sum(Value x, ArrayRef<int64_t> axes, bool keepDims) {
  if (axes.empty())
    return x;
  return nn::ReduceOp::create(builder, loc, nn::Reduction::sum, x, axes,
                              keepDims);
}

Value Backward::size(Value value, int64_t axis) {
  if (!ranked(value).isDynamicDim(axis))
    return arith::ConstantIndexOp::create(builder, loc,
                                          ranked(value).getDimSize(axis));
  return tensor::DimOp::create(builder, loc, value, axis);
}

SmallVector<Value> Backward::dynamicSizes(Value value) {
  SmallVector<Value> sizes;
  for (int64_t axis = 0; axis < ranked(value).getRank(); ++axis)
    if (ranked(value).isDynamicDim(axis))
      sizes.push_back(size(value, axis));
  return sizes;
}

Value Backward::repeated(Value x, Value like) {
  auto type = ranked(like).clone(getElementTypeOrSelf(x));
  if (x.getType() == type)
    return x;
  return nn::BroadcastOp::create(builder, loc, type, x, dynamicSizes(like));
}

Value Backward::reshaped(Value x, Value like) {
  auto type = ranked(like).clone(getElementTypeOrSelf(x));
  if (x.getType() == type)
    return x;
  return nn::ReshapeOp::create(builder, loc, type, x, dynamicSizes(like));
}

Value Backward::summedTo(Value gradient, Value like) {
  ArrayRef<int64_t> from = ranked(gradient).getShape();
  ArrayRef<int64_t> to = ranked(like).getShape();
  SmallVector<int64_t> axes;
  for (size_t i = 0, skipped = from.size() - to.size(); i < from.size(); ++i)
    if (i < skipped || (to[i - skipped] == 1 && from[i] != 1))
      axes.push_back(i);
  return reshaped(sum(gradient, axes), like);
}

//===----------------------------------------------------------------------===//
// The walk
//===----------------------------------------------------------------------===//

static const Rules &allRules() {
  static const Rules rules = [] {
    Rules rules;
    addElementwiseRules(rules);
    addLayerRules(rules);
    addLowbitRules(rules);
    addReductionRules(rules);
    addViewRules(rules);
    return rules;
  }();
  return rules;
}

/// `values` and all floats that depend on them. Codes that are made as the
/// program runs count too: gradients go straight through them.
static DenseSet<Value> dependents(Block &body, ArrayRef<Value> values) {
  DenseSet<Value> active(values.begin(), values.end());
  for (Operation &op : body)
    if (llvm::any_of(op.getOperands(),
                     [&](Value value) { return active.contains(value); }))
      for (Value result : op.getResults())
        if (isa<FloatType>(getElementTypeOrSelf(result)) ||
            isa<lowbit::QuantizeOp>(op))
          active.insert(result);
  return active;
}

/// The node of the model that an op comes from, or the op's name.
static std::string nodeOf(Operation *op) {
  std::string node;
  op->getLoc()->walk([&](Location loc) {
    if (auto name = dyn_cast<NameLoc>(loc); name && node.empty())
      node = name.getName().str();
    return WalkResult::advance();
  });
  return "'" + op->getName().getStringRef().str() + "'" +
         (node.empty() ? "" : " (" + node + ")");
}

/// One error for all ops that have no gradient.
static void reportMissing(func::FuncOp function,
                          ArrayRef<Operation *> missing) {
  SmallVector<std::string> nodes;
  for (Operation *op : missing)
    nodes.push_back(nodeOf(op));
  auto error =
      function.emitError("cannot be differentiated: there is no gradient of ")
      << llvm::join(nodes, ", ");
  for (Operation *op : missing)
    error.attachNote(op->getLoc()) << nodeOf(op) << " is here";
}

FailureOr<SmallVector<Value>> differentiate(func::FuncOp function, Value loss,
                                            ArrayRef<Value> values,
                                            ArrayRef<std::string> names,
                                            int64_t recompute) {
  Block &body = function.getBody().front();
  OpBuilder builder(body.getTerminator());
  SmallVector<Operation *> forward;
  for (Operation &op : body.without_terminator())
    forward.push_back(&op);
  Backward backward(builder, dependents(body, values));
  backward.loc = loss.getLoc();
  backward.add(loss, backward.repeated(backward.number(1, loss), loss));
  Segments segments(forward, backward, recompute);
  SmallVector<Operation *> missing;
  for (size_t i = forward.size(); i-- > 0;) {
    Operation *op = forward[i];
    bool read = llvm::any_of(op->getResults(), [&](Value result) {
      return bool(backward.of(result));
    });
    bool wanted = llvm::any_of(op->getOperands(), [&](Value operand) {
      return backward.wants(operand);
    });
    if (!read || !wanted)
      continue;
    segments.enter(i, backward);
    backward.loc = op->getLoc();
    op = segments.copyOf(op);
    const Rule *rule = allRules().find(op);
    if (rule && succeeded((*rule)(op, backward)))
      continue;
    missing.insert(missing.begin(), op);
    // The walk goes on, to find the others.
    for (Value operand : op->getOperands())
      if (isa<FloatType>(getElementTypeOrSelf(operand)))
        backward.add(operand, backward.zeros(operand));
  }
  segments.finish();
  if (!missing.empty()) {
    reportMissing(function, missing);
    return failure();
  }
  SmallVector<Value> results;
  SmallVector<std::string> without;
  for (auto [value, name] : llvm::zip_equal(values, names)) {
    results.push_back(backward.of(value));
    if (!results.back())
      without.push_back("'" + name + "'");
  }
  if (without.empty())
    return results;
  return function.emitError("trains what its loss does not depend on: ")
         << llvm::join(without, ", ");
}

//===----------------------------------------------------------------------===//
// Parameters
//===----------------------------------------------------------------------===//

FailureOr<SmallVector<GlobalOp>> trainedParameters(ModuleOp program,
                                                   const Trained &trained,
                                                   std::string &message) {
  llvm::Regex pattern(trained.pattern.empty() ? ".*" : trained.pattern);
  if (!pattern.isValid(message)) {
    message = "expects a regular expression, got '" + trained.pattern +
              "': " + message;
    return failure();
  }
  if (trained.kinds != "full" && trained.kinds != "lora") {
    message = "expects train to be full or lora, got '" + trained.kinds + "'";
    return failure();
  }
  bool adapters = trained.kinds == "lora";
  SmallVector<GlobalOp> parameters;
  for (auto global : program.getOps<GlobalOp>()) {
    auto role = global->getAttrOfType<nn::RoleAttr>(nn::NnDialect::roleAttr);
    bool isAdapter = role && role.getValue() == nn::Role::adapter;
    if (role && isAdapter == adapters &&
        isa<FloatType>(getElementTypeOrSelf(global.getType())) &&
        pattern.match(global.getSymName()))
      parameters.push_back(global);
  }
  return parameters;
}

Value loadOnce(func::FuncOp function, GlobalOp global) {
  Value one;
  for (auto load :
       llvm::make_early_inc_range(function.getOps<GlobalLoadOp>())) {
    if (load.getGlobal().getLeafReference() != global.getSymName())
      continue;
    if (one) {
      load.replaceAllUsesWith(one);
      load.erase();
      continue;
    }
    load->moveBefore(&function.getBody().front().front());
    one = load;
  }
  return one;
}

} // namespace qopt::train
