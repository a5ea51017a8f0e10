// Lets parameters begin with random numbers instead of the model's.
//
// As GPT-2 begins (Radford et al., 2019): normal numbers of deviation 0.02, by
// the square root of n smaller where one of n layers writes to the residual
// stream, so that the stream does not grow with depth. Norms begin as if they
// were not there, biases with 0.

#include <cmath>

#include "mlir/IR/Remarks.h"
#include "qopt/passes/Passes.h"
#include "qopt/passes/Weights.h"

using namespace mlir;
using namespace qopt::nn;
using ml_program::GlobalLoadOp;
using ml_program::GlobalOp;

namespace qopt {

#define GEN_PASS_DEF_INITPARAMETERS
#include "qopt/passes/Passes.h.inc"

/// What only moves the elements of a result.
static bool isMove(Operation *op) {
  return isa<CastOp, ReshapeOp, TransposeOp>(op);
}

/// Whether the result of a layer is added to another activation.
static bool writesToStream(LinearOp linear, SymbolTable &symbols) {
  Value value = linear;
  while (value.hasOneUse() && isMove(*value.user_begin()))
    value = value.user_begin()->getResult(0);
  auto add = value.hasOneUse() ? dyn_cast<AddOp>(*value.user_begin()) : AddOp();
  return add && llvm::all_of(add->getOperands(), [&](Value operand) {
           return operand.getType() == value.getType() &&
                  !isWeight(operand, symbols);
         });
}

/// The parameter that a gain is the sum of with a constant: 1 + w.
static GlobalOp addedTo(Value gain, SymbolTable &symbols) {
  while (gain && gain.getDefiningOp() && isMove(gain.getDefiningOp()))
    gain = gain.getDefiningOp()->getOperand(0);
  auto add = gain ? gain.getDefiningOp<AddOp>() : AddOp();
  if (!add)
    return nullptr;
  for (Value operand : add->getOperands())
    if (auto load = operand.getDefiningOp<GlobalLoadOp>())
      return getParameter(load, symbols);
  return nullptr;
}

namespace {

struct InitParameters final : impl::InitParametersBase<InitParameters> {
  using InitParametersBase::InitParametersBase;

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    SmallVector<GlobalOp> writers;
    DenseSet<Operation *> offsets;
    getOperation().walk([&](LinearOp linear) {
      GlobalOp weight = getParameter(linear.getWeight(), symbols);
      if (weight && writesToStream(linear, symbols))
        writers.push_back(weight);
    });
    getOperation().walk([&](RmsNormOp norm) {
      if (norm.getGain())
        offsets.insert(addedTo(norm.getGain(), symbols));
    });
    auto globals = llvm::to_vector(getOperation().getOps<GlobalOp>());
    for (GlobalOp global : globals)
      if (global.getValue() && !global.getIsMutable() &&
          global->hasAttr(NnDialect::roleAttr) && failed(check(global)))
        return signalPassFailure();
    for (GlobalOp global : globals)
      if (global.getValue() && !global.getIsMutable())
        init(global, writers, offsets.contains(global));
  }

  LogicalResult check(GlobalOp global) {
    auto type = dyn_cast<RankedTensorType>(global.getType());
    if (type && type.hasStaticShape() && isa<FloatType>(type.getElementType()))
      return success();
    return global.emitError("expects a parameter of floats to begin with "
                            "random numbers, got ")
           << global.getType() << ": begin with the model in floats";
  }

  void init(GlobalOp global, ArrayRef<GlobalOp> writers, bool isOffset) {
    auto remarkNamed = [&](StringRef name) {
      return remark::RemarkOpts::name(name).category(getArgument());
    };
    auto role = global->getAttrOfType<RoleAttr>(NnDialect::roleAttr);
    if (!role && !isOffset) {
      remark::missed(global.getLoc(), remarkNamed("kept"))
          << "what it is to the network is not known";
      return;
    }
    auto type = cast<RankedTensorType>(global.getType());
    auto all = [&](double value) {
      global.setValueAttr(DenseElementsAttr::get(
          type,
          Builder(&getContext()).getFloatAttr(type.getElementType(), value)));
      remark::passed(global.getLoc(), remarkNamed("begun"))
          << "with " << std::to_string(int(value));
    };
    if (isOffset || role.getValue() == Role::bias)
      return all(0);
    if (role.getValue() == Role::norm)
      return all(1);
    bool writes = llvm::is_contained(writers, global);
    double own = deviation / std::sqrt(writes ? double(writers.size()) : 1.0);
    global.setValueAttr(RandomAttr::get(
        &getContext(), type, global.getSymName(), uint64_t(seed),
        Builder(&getContext()).getF64FloatAttr(own)));
    remark::passed(global.getLoc(), remarkNamed("begun"))
        << "with numbers of deviation " << std::to_string(own);
  }
};

} // namespace
} // namespace qopt
