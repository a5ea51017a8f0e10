// Builds the entries that train from `nll`.
//
// A step is forward, backward, one measure of all gradients, and an optimizer
// for each parameter by its role. Parameters become mutable; the states of
// their optimizers are mutable globals beside them.

#include "qopt/passes/kernel/Lora.h"
#include "qopt/passes/train/Backward.h"
#include "qopt/passes/train/Distillation.h"
#include "qopt/passes/train/Lambda.h"
#include "qopt/passes/train/Loss.h"
#include "qopt/passes/train/Optimizers.h"

#include "mlir/IR/SymbolTable.h"

using namespace mlir;
using ml_program::GlobalOp;

namespace qopt {

#define GEN_PASS_DEF_ADDTRAINSTEP
#include "qopt/passes/Passes.h.inc"

namespace {

/// One entry under construction: a copy of `nll`, or an empty function.
class StepBuilder {
public:
  StepBuilder(func::FuncOp nll, StringRef name, bool copied)
      : builder(nll.getContext()), loc(nll.getLoc()) {
    if (copied)
      function = nll.clone();
    else
      function =
          func::FuncOp::create(loc, name, builder.getFunctionType({}, {}));
    function.setSymName(name);
    if (!copied) {
      builder.setInsertionPointToStart(function.addEntryBlock());
      func::ReturnOp::create(builder, loc);
    }
    nll->getBlock()->push_back(function);
    builder.setInsertionPoint(function.getBody().front().getTerminator());
  }

  Value argument(StringRef name, RankedTensorType type) {
    unsigned i = function.getNumArguments();
    auto attributes = builder.getDictionaryAttr(builder.getNamedAttr(
        nn::NnDialect::nameAttr, builder.getStringAttr(name)));
    (void)function.insertArgument(i, type, attributes, loc);
    return function.getArgument(i);
  }
  /// A new argument of rank 0.
  Value argument(StringRef name, Type element) {
    return argument(name, RankedTensorType::get({}, element));
  }

  /// Replaces what is returned.
  void finish(ArrayRef<std::pair<StringRef, Value>> results);

  /// The loss of the copy of `nll`, and the gradients of `parameters`.
  FailureOr<SmallVector<Value>>
  addGradients(ArrayRef<GlobalOp> parameters, int64_t recompute,
               const train::Distillation &distillation);

  func::FuncOp function;
  OpBuilder builder;
  Location loc;
  Value loss;
  SmallVector<Value> loads; ///< of the parameters
};

} // namespace

void StepBuilder::finish(ArrayRef<std::pair<StringRef, Value>> results) {
  SmallVector<Value> values;
  SmallVector<Type> types;
  SmallVector<Attribute> names;
  for (auto [name, value] : results) {
    values.push_back(value);
    types.push_back(value.getType());
    names.push_back(builder.getDictionaryAttr(builder.getNamedAttr(
        nn::NnDialect::nameAttr, builder.getStringAttr(name))));
  }
  function.getBody().front().getTerminator()->setOperands(values);
  function.setFunctionType(
      builder.getFunctionType(function.getArgumentTypes(), types));
  function.setResAttrsAttr(builder.getArrayAttr(names));
}

/// Whether it returns what a loss gives.
static bool returnsLosses(func::FuncOp nll) {
  Operation *returned = nll.getBody().front().getTerminator();
  return returned->getNumOperands() == 1 &&
         isa_and_nonnull<nn::CrossEntropyOp, train::ClassifierLossOp>(
             returned->getOperand(0).getDefiningOp());
}

/// Targets below 0 do not count: the sum of the others' losses. `op` has
/// targets as its last operand.
static Value countedLoss(OpBuilder &builder, Operation *op, Value weight,
                         function_ref<Value(OpBuilder &)> lossOf) {
  Location loc = op->getLoc();
  OpOperand &operand = op->getOpOperand(op->getNumOperands() - 1);
  Value targets = operand.get();
  Type element = getElementTypeOrSelf(targets);
  Value zero = arith::ConstantOp::create(
      builder, loc,
      DenseElementsAttr::get(RankedTensorType::get({}, element),
                             builder.getIntegerAttr(element, 0)));
  builder.setInsertionPoint(op);
  zero.getDefiningOp()->moveBefore(op);
  Value counts =
      nn::CompareOp::create(builder, loc, nn::Predicate::ge, targets, zero);
  operand.set(nn::SelectOp::create(builder, loc, counts, targets, zero));
  builder.setInsertionPoint(op->getBlock()->getTerminator());
  auto type = cast<RankedTensorType>(op->getResult(0).getType())
                  .clone(builder.getF32Type());
  Value each = lossOf(builder); // which may replace `op`
  if (each.getType() != type)
    each = nn::CastOp::create(builder, loc, type, each);
  Value mask = nn::CastOp::create(
      builder, loc,
      cast<RankedTensorType>(counts.getType()).clone(builder.getF32Type()),
      counts);
  Value counted = nn::MulOp::create(builder, loc, each, mask);
  SmallVector<int64_t> axes =
      llvm::to_vector(llvm::seq<int64_t>(type.getRank()));
  Value sum = nn::ReduceOp::create(builder, loc, nn::Reduction::sum, counted,
                                   axes, /*keepDims=*/false);
  return nn::MulOp::create(builder, loc, sum, weight);
}

FailureOr<SmallVector<Value>>
StepBuilder::addGradients(ArrayRef<GlobalOp> parameters, int64_t recompute,
                          const train::Distillation &distillation) {
  Operation *returned = function.getBody().front().getTerminator();
  Operation *op = returned->getOperand(0).getDefiningOp();
  auto loss = dyn_cast<nn::CrossEntropyOp>(op);
  if (loss && distillation.isFused(getElementTypeOrSelf(loss.getLogits())))
    if (Operation *fused = train::fuseCodes(loss))
      op = fused;
  Value weight = argument("weight", builder.getF32Type());
  train::addLambda(function, [&](StringRef name, RankedTensorType type) {
    return argument(name, type);
  });
  // A teacher's layers have no lambda.
  this->loss = countedLoss(builder, op, weight, [&](OpBuilder &b) {
    return distillation.lossOf(b, op);
  });
  SmallVector<std::string> names;
  for (GlobalOp global : parameters) {
    loads.push_back(train::loadOnce(function, global));
    names.push_back(global.getSymName().str());
  }
  returned->setOperands(this->loss);
  auto gradients =
      train::differentiate(function, this->loss, loads, names, recompute);
  if (succeeded(gradients))
    train::takeLossesOfGradients(function);
  builder.setInsertionPoint(returned);
  return gradients;
}

namespace {

struct AddTrainStep final : impl::AddTrainStepBase<AddTrainStep> {
  using AddTrainStepBase::AddTrainStepBase;

  void runOnOperation() override {
    ModuleOp program = getOperation();
    if (program.lookupSymbol("train_step"))
      return;
    auto fail = [&](const Twine &message) {
      program.emitError(message);
      signalPassFailure();
    };
    std::string message;
    auto trained = train::trainedParameters(program, {train, pattern}, message);
    if (failed(trained))
      return fail(message);
    auto nll = program.lookupSymbol<func::FuncOp>("nll");
    if (!nll || !returnsLosses(nll))
      return fail(
          "expects a function 'nll' that returns the losses of targets");
    if (trained->empty())
      return fail("has nothing to train: no parameter has a role that train=" +
                  train + " trains and a name that matches");
    auto optimizers =
        train::Optimizers::parse(optim, states, nll, *trained, message);
    if (failed(optimizers))
      return fail(message);
    parameters = std::move(*trained);
    distillation = {program.lookupSymbol<func::FuncOp>("teacher"), klWeight,
                    ceWeight};
    if (failed(addStep(nll, *optimizers)) ||
        (accumulate && failed(addAccumulation(nll, *optimizers))))
      return signalPassFailure();
    for (GlobalOp global : parameters)
      global.setIsMutable(true);
    if (distillation.teacher)
      distillation.teacher.erase();
    // What a branch computes on the way serves its gradients, too.
    if (train == "lora")
      splitLoraLinears(program);
  }

  /// train_step: all in one.
  LogicalResult addStep(func::FuncOp nll, train::Optimizers &optimizers) {
    StepBuilder step(nll, "train_step", true);
    auto gradients = step.addGradients(parameters, recompute, distillation);
    if (failed(gradients))
      return failure();
    Value norm = update(step, optimizers, *gradients);
    step.finish({{"loss", step.loss}, {"grad_norm", norm}});
    return success();
  }

  /// Clips and steps; gives the norm of the gradients.
  Value update(StepBuilder &step, train::Optimizers &optimizers,
               ArrayRef<Value> gradients) {
    auto argument = [&](StringRef name, Type element) {
      return step.argument(name, element);
    };
    Value most = argument("clip", step.builder.getF32Type());
    auto clip =
        train::ClipNormOp::create(step.builder, step.loc, most.getType(),
                                  most.getType(), most, gradients);
    optimizers.start(step.builder, step.loc, clip.getScale(), argument);
    for (auto [global, load, gradient] :
         llvm::zip_equal(parameters, step.loads, gradients))
      optimizers.update(global, load, gradient);
    return clip.getNorm();
  }

  /// train_accumulate adds to gradients in globals, train_update uses them up.
  LogicalResult addAccumulation(func::FuncOp nll,
                                train::Optimizers &optimizers) {
    StepBuilder sum(nll, "train_accumulate", true);
    auto gradients = sum.addGradients(parameters, recompute, distillation);
    if (failed(gradients))
      return failure();
    SmallVector<train::Slot> slots;
    for (auto [global, gradient] : llvm::zip_equal(parameters, *gradients)) {
      auto type = cast<RankedTensorType>(global.getType())
                      .clone(sum.builder.getF32Type());
      slots.push_back(train::Slot::declare(global, ".grad", type));
      // As soon as it is there: what it is computed from need not be kept.
      OpBuilder::InsertionGuard guard(sum.builder);
      sum.builder.setInsertionPointAfterValue(gradient);
      Value more = gradient;
      if (more.getType() != type)
        more = nn::CastOp::create(sum.builder, sum.loc, type, more);
      Value before = slots.back().load(sum.builder, sum.loc);
      slots.back().store(sum.builder, sum.loc,
                         nn::AddOp::create(sum.builder, sum.loc, before, more));
    }
    sum.finish({{"loss", sum.loss}});

    StepBuilder use(nll, "train_update", false);
    SmallVector<Value> sums;
    for (auto [global, slot] : llvm::zip_equal(parameters, slots)) {
      sums.push_back(slot.load(use.builder, use.loc));
      use.loads.push_back(ml_program::GlobalLoadOp::create(
          use.builder, use.loc, global.getType(),
          FlatSymbolRefAttr::get(global.getSymNameAttr())));
    }
    Value norm = update(use, optimizers, sums);
    for (train::Slot &slot : slots)
      slot.clear(use.builder, use.loc);
    use.finish({{"grad_norm", norm}});
    return success();
  }

  SmallVector<GlobalOp> parameters;
  train::Distillation distillation;
};

} // namespace
} // namespace qopt
