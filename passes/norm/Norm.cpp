// What the passes that insert norms share.

#include "qopt/passes/norm/Norm.h"

#include "qopt/passes/Weights.h"

using namespace mlir;
using namespace qopt::nn;
using ml_program::GlobalLoadOp;
using ml_program::GlobalOp;

namespace qopt {

GlobalOp parameterOf(LinearOp linear, SymbolTable &symbols) {
  return isWeight(linear.getWeight(), symbols)
             ? getParameter(linear.getWeight(), symbols)
             : nullptr;
}

TypedAttr initialOf(Value gain, SymbolTable &symbols) {
  auto load = gain.getDefiningOp<GlobalLoadOp>();
  GlobalOp global = load ? getParameter(gain, symbols) : nullptr;
  if (!global ||
      !isa_and_nonnull<ElementsAttr, WeightAttr>(global.getValueAttr()))
    return nullptr;
  return cast<TypedAttr>(global.getValueAttr());
}

TypedAttr onesFor(LinearOp linear) {
  RankedTensorType type = linear.getInput().getType(); // [..., C]
  return Builder(linear.getContext())
      .getOneAttr(
          RankedTensorType::get(type.getShape().back(), type.getElementType()));
}

RmsNormOp insertNorm(LinearOp linear, Value rows, TypedAttr initial,
                     llvm::APFloat eps, SymbolTable &symbols) {
  GlobalOp weight = parameterOf(linear, symbols);
  OpBuilder builder(weight);
  builder.setInsertionPointAfter(weight);
  auto gain = GlobalOp::create(builder, weight.getLoc(),
                               (weight.getSymName() + ".gain").str(),
                               initial.getType(), /*is_mutable=*/false, initial,
                               builder.getStringAttr("private"));
  gain->setAttr(NnDialect::roleAttr,
                RoleAttr::get(builder.getContext(), Role::norm));
  symbols.insert(gain); // picks another name on a clash
  builder.setInsertionPoint(linear);
  Value load = GlobalLoadOp::create(builder, weight.getLoc(), initial.getType(),
                                    SymbolRefAttr::get(gain));
  auto norm =
      RmsNormOp::create(builder, linear.getLoc(), rows, load, std::move(eps));
  linear.getInputMutable().assign(norm);
  return norm;
}

static remark::RemarkOpts remarkNamed(StringRef name, StringRef pass) {
  return remark::RemarkOpts::name(name).category(pass);
}

void normKept(Operation *op, StringRef pass, StringRef reason) {
  remark::missed(op->getLoc(), remarkNamed("kept", pass)) << reason;
}

void normInserted(RmsNormOp norm, StringRef pass, StringRef what) {
  remark::passed(norm.getLoc(), remarkNamed("inserted", pass)) << what;
}

} // namespace qopt
