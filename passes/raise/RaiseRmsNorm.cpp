// Recognises RMS norms that were exported as primitive ops.

#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "qopt/passes/Passes.h"
#include "qopt/passes/raise/ElementWriter.h"
#include "qopt/passes/raise/Factors.h"

using namespace mlir;
using namespace qopt::nn;

namespace qopt {

#define GEN_PASS_DEF_RAISERMSNORM
#include "qopt/passes/Passes.h.inc"

static remark::RemarkOpts remarkNamed(StringRef name) {
  return remark::RemarkOpts::name(name).category("qopt-raise-rms-norm");
}

/// x of mean(x^2), with a cast before the square left out; null if `mean` is
/// not the mean square of rows.
static Value squared(ReduceOp mean) {
  auto type = cast<RankedTensorType>(mean.getInput().getType());
  if (mean.getKind() != Reduction::mean || !mean.getKeepDims() ||
      mean.getAxes() != ArrayRef<int64_t>(type.getRank() - 1))
    return {};
  Value x;
  Operation *square = mean.getInput().getDefiningOp();
  if (auto product = dyn_cast_or_null<MulOp>(square)) {
    x = product.getLhs() == product.getRhs() ? product.getLhs() : Value();
  } else if (auto power = dyn_cast_or_null<PowOp>(square)) {
    DenseElementsAttr exponent = getNumbers(power.getRhs());
    if (exponent && exponent.isSplat() &&
        exponent.getSplatValue<APFloat>().convertToDouble() == 2)
      x = power.getLhs();
  }
  auto widened = x ? x.getDefiningOp<CastOp>() : CastOp();
  return widened && isa<FloatType>(
                        getElementTypeOrSelf(widened.getInput().getType()))
             ? widened.getInput()
             : x;
}

/// The chain of single pointwise users behind `mean`.
static SmallVector<Operation *> chainBehind(ReduceOp mean) {
  SmallVector<Operation *> chain;
  Value value = mean;
  while (value.hasOneUse()) {
    Operation *user = *value.user_begin();
    if (!isViewOrPointwise(user) || isView(user) || isa<ReduceOp>(user))
      break;
    chain.push_back(user);
    value = user->getResult(0);
  }
  return chain;
}

/// `root` as a norm of `x`, written at `root`; null if it is none.
static Value writeNorm(Operation *root, Value x, ReduceOp mean,
                       ArrayRef<Operation *> chain, Elements &elements) {
  Value result = root->getResult(0);
  auto type = cast<RankedTensorType>(result.getType());
  if (type.getShape() != cast<RankedTensorType>(x.getType()).getShape())
    return {};
  Indices at = elements.variables(result);
  Element expr = elements.read(result, at, [&](Operation *op) {
    return llvm::is_contained(chain, op) ||
           (isa<CastOp>(op) && op->getOperand(0) == x);
  });
  Factors factors = factorsOf(expr);
  if (factors.take(elements.load(x, at)) != 1)
    return {};
  Indices row = at;
  row.back() = 0;
  Element square = elements.load(mean, row);
  double eps = 0;
  bool found = factors.take(square) == -0.5;
  for (auto [base, power] : factors.powers) {
    if (found || power != -0.5 || base->code != "add")
      continue;
    Element a = base->operands[0], b = base->operands[1];
    if (a != square)
      std::swap(a, b);
    if (a != square || b->kind != ElementExpr::number)
      continue;
    eps = b->value;
    found = true;
    factors.take(base);
    break;
  }
  if (!found || eps < 0)
    return {};
  // What is left is the gain: of the channel alone.
  OpBuilder builder(root);
  ElementWriter writer(elements, builder, root->getLoc());
  Element gain = elements.number(factors.scale);
  for (auto [base, power] : factors.powers) {
    if (power != 1)
      return {};
    for (const IndexExpr &variable : ArrayRef(at).drop_back())
      if (elements.mentions(base, variable))
        return {};
    gain = elements.apply("mul", {gain, base});
  }
  Value written;
  if (gain->kind != ElementExpr::number || gain->value != 1) {
    written = writer.write(gain, {at.back()}, type.getElementType());
    if (!written)
      return {};
  }
  if (x.getType() != type)
    x = CastOp::create(builder, root->getLoc(), type, x);
  return RmsNormOp::create(builder, root->getLoc(), type, x, written,
                           builder.getF64FloatAttr(eps));
}

namespace {

struct RaiseRmsNorm final : impl::RaiseRmsNormBase<RaiseRmsNorm> {
  using RaiseRmsNormBase::RaiseRmsNormBase;

  void runOnOperation() override {
    Elements elements(getOperation());
    SmallVector<ReduceOp> means;
    getOperation().walk([&](ReduceOp op) { means.push_back(op); });
    for (ReduceOp mean : means)
      if (Value x = squared(mean))
        raise(mean, x, elements);
  }

  void raise(ReduceOp mean, Value x, Elements &elements) {
    SmallVector<Operation *> chain = chainBehind(mean);
    for (Operation *root : llvm::reverse(chain))
      if (Value norm = writeNorm(root, x, mean, chain, elements)) {
        root->getResult(0).replaceAllUsesWith(norm);
        remark::passed(norm.getLoc(), remarkNamed("raised")) << "rms_norm";
        return;
      }
    remark::missed(mean.getLoc(), remarkNamed("kept"))
        << "a mean of squares is not used as a norm of its row";
  }
};

} // namespace
} // namespace qopt
