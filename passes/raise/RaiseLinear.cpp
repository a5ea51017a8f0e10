// Brings linear layers to one form: bias inside, rows not flattened, the parts
// of a fused one named.

#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "qopt/dialects/nn/Dims.h"
#include "qopt/passes/Passes.h"

using namespace mlir;
using namespace qopt::nn;

namespace qopt {

#define GEN_PASS_DEF_RAISELINEAR
#include "qopt/passes/Passes.h.inc"

static RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// A product over one element is a product of elements.
static Value writeOuter(MatmulOp product) {
  ArrayRef<int64_t> lhs = typeOf(product.getLhs()).getShape();
  ArrayRef<int64_t> rhs = typeOf(product.getRhs()).getShape();
  bool isOuter = !product.getTransposeLhs() && !product.getTransposeRhs() &&
                 lhs.back() == 1 && rhs[rhs.size() - 2] == 1;
  if (!isOuter)
    return {};
  OpBuilder builder(product);
  Value result = MulOp::create(builder, product.getLoc(), product.getLhs(),
                               product.getRhs());
  return result.getType() == product.getType() ? result : Value();
}

/// `sum` as a linear with a bias; null if it is none.
static Value writeBias(AddOp sum) {
  for (bool second : {false, true}) {
    auto linear = sum->getOperand(second).getDefiningOp<LinearOp>();
    Value bias = sum->getOperand(!second);
    if (!linear || linear.getBias() || !linear->hasOneUse() ||
        linear.getType() != sum.getType())
      continue;
    int64_t width = typeOf(linear).getShape().back();
    if (!typeOf(bias).hasStaticShape() || typeOf(bias).getRank() == 0 ||
        typeOf(bias).getShape().back() != width ||
        typeOf(bias).getNumElements() != width)
      continue; // of the features alone, perhaps behind axes of size 1
    OpBuilder builder(sum);
    auto type = RankedTensorType::get({width}, typeOf(bias).getElementType());
    if (bias.getType() != type)
      bias = ReshapeOp::create(builder, sum.getLoc(), type, bias, ValueRange());
    return LinearOp::create(builder, sum.getLoc(), sum.getType(),
                            linear.getInput(), linear.getWeight(), bias,
                            linear.getSplitsAttr());
  }
  return {};
}

/// The parts that slices cut the features of `linear` into, if they are all of
/// it, once each.
static SmallVector<int64_t> splitsOf(LinearOp linear) {
  int64_t width = typeOf(linear).getShape().back();
  int64_t axis = typeOf(linear).getRank() - 1;
  SmallVector<std::pair<int64_t, int64_t>> parts;
  for (Operation *user : linear->getUsers()) {
    auto slice = dyn_cast<SliceOp>(user);
    APInt start;
    if (!slice || int64_t(slice.getAxis()) != axis || slice.getStep() != 1 ||
        !matchPattern(slice.getStart(), m_ConstantInt(&start)))
      return {};
    parts.push_back(
        {start.getSExtValue(), typeOf(slice.getResult()).getShape().back()});
  }
  llvm::sort(parts);
  parts.erase(llvm::unique(parts), parts.end());
  SmallVector<int64_t> splits;
  int64_t end = 0;
  for (auto [start, size] : parts) {
    if (start != end || size <= 0)
      return {};
    splits.push_back(size);
    end += size;
  }
  return end == width && splits.size() > 1 ? splits : SmallVector<int64_t>();
}

namespace {

struct RaiseLinear final : impl::RaiseLinearBase<RaiseLinear> {
  using RaiseLinearBase::RaiseLinearBase;

  void runOnOperation() override {
    getOperation().walk([&](MatmulOp product) {
      if (Value outer = writeOuter(product))
        replace(product, outer, "outer product");
    });
    getOperation().walk([&](AddOp sum) {
      if (Value linear = writeBias(sum))
        replace(sum, linear, "bias");
    });
    Dims dims(getOperation());
    SmallVector<LinearOp> linears;
    getOperation().walk([&](LinearOp op) { linears.push_back(op); });
    for (LinearOp linear : linears) {
      LinearOp whole = unflattened(linear, dims);
      SmallVector<int64_t> splits = splitsOf(whole);
      if (!whole.getSplits() && !splits.empty())
        whole.setSplits(splits);
    }
  }

  void replace(Operation *op, Value value, StringRef what) {
    op->getResult(0).replaceAllUsesWith(value);
    remark::passed(value.getLoc(), remark::RemarkOpts::name("raised").category(
                                       "qopt-raise-linear"))
        << what;
  }

  /// `linear` on the rows as they were before somebody flattened them, as a
  /// product of two matrices wants it.
  LinearOp unflattened(LinearOp linear, Dims &dims) {
    auto flatten = linear.getInput().getDefiningOp<ReshapeOp>();
    if (!flatten || linear.use_empty())
      return linear;
    Value x = flatten.getInput();
    RankedTensorType from = typeOf(x), flat = typeOf(linear.getInput());
    if (flat.getRank() != 2 || from.getRank() < 3 ||
        from.getShape().back() != flat.getShape().back())
      return linear;
    OpBuilder builder(linear);
    SmallVector<int64_t> shape(from.getShape());
    shape.back() = typeOf(linear).getShape().back();
    auto whole = LinearOp::create(
        builder, linear.getLoc(), typeOf(linear).clone(shape), x,
        linear.getWeight(), linear.getBias(), linear.getSplitsAttr());
    dims.add(whole);
    // Reshapes read the whole; what is left sees it flattened.
    for (Operation *user : llvm::make_early_inc_range(linear->getUsers()))
      if (auto reshape = dyn_cast<ReshapeOp>(user)) {
        if (dims.of(reshape.getResult()) == dims.of(whole.getResult()) &&
            reshape.getType() == whole.getType())
          reshape.getResult().replaceAllUsesWith(whole.getResult());
        else
          reshape.getInputMutable().assign(whole.getResult());
      }
    if (linear->use_empty() ||
        llvm::all_of(linear->getUsers(),
                     [](Operation *user) { return user->use_empty(); }))
      return whole;
    auto again = ReshapeOp::create(builder, linear.getLoc(), linear.getType(),
                                   whole.getResult(), flatten.getSizes());
    dims.add(again);
    linear.getResult().replaceAllUsesWith(again.getResult());
    return whole;
  }
};

} // namespace
} // namespace qopt
