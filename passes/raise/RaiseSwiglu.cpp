// Recognises silu, alone or as the gate of a product.

#include "mlir/IR/Remarks.h"
#include "qopt/passes/Passes.h"
#include "qopt/passes/raise/Factors.h"

using namespace mlir;
using namespace qopt::nn;

namespace qopt {

#define GEN_PASS_DEF_RAISESWIGLU
#include "qopt/passes/Passes.h.inc"

/// The tensor that `expr` is the element `at` of, if its type is `type`.
static Value loaded(Element expr, const Indices &at, Type type) {
  bool same = expr->kind == ElementExpr::load && expr->at == at &&
              expr->tensor.getType() == type;
  return same ? expr->tensor : Value();
}

/// gate * sigmoid(gate) [* up]; null if `product` is something else.
static Value writeSilu(MulOp product, Elements &elements) {
  Type type = product.getType();
  Indices at = elements.variables(product);
  Factors factors = factorsOf(elements.read(product, at, [](Operation *op) {
    return isa<MulOp, SigmoidOp, SiluOp>(op);
  }));
  if (factors.scale != 1 ||
      llvm::any_of(factors.powers, [](auto f) { return f.second != 1; }))
    return {};
  for (auto [base, power] : factors.powers) {
    if (base->code != "sigmoid" && base->code != "silu")
      continue;
    Factors rest = factors;
    rest.take(base);
    Element argument = base->operands[0];
    if (base->code == "sigmoid" && rest.take(argument) != 1)
      continue;
    Value gate = loaded(argument, at, type);
    if (!gate || rest.powers.size() > 1)
      continue;
    OpBuilder builder(product);
    if (rest.powers.empty())
      return SiluOp::create(builder, product.getLoc(), gate);
    if (Value up = loaded(rest.powers[0].first, at, type))
      return SwigluOp::create(builder, product.getLoc(), gate, up);
  }
  return {};
}

namespace {

struct RaiseSwiglu final : impl::RaiseSwigluBase<RaiseSwiglu> {
  using RaiseSwigluBase::RaiseSwigluBase;

  void runOnOperation() override {
    Elements elements(getOperation());
    SmallVector<MulOp> products;
    getOperation().walk([&](MulOp op) {
      if (isa<FloatType>(getElementTypeOrSelf(op.getType())))
        products.push_back(op);
    });
    // The last product first: it holds the others.
    for (MulOp product : llvm::reverse(products)) {
      if (Value silu =
              product.use_empty() ? Value() : writeSilu(product, elements)) {
        product.replaceAllUsesWith(silu);
        remark::passed(
            silu.getLoc(),
            remark::RemarkOpts::name("raised").category("qopt-raise-swiglu"))
            << "silu";
      }
      if (product.use_empty())
        product.erase();
    }
  }
};

} // namespace
} // namespace qopt
