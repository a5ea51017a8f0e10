// Brings a program to the form that calibration runs.
//
// The entry `nll` is that form: tokens in, no past, nothing padded. Layers on
// codes become float layers on what the codes mean: that is the same number,
// and inputs of layers are what their codes are made of.

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Pass/PassManager.h"
#include "qopt/dialects/lowbit/Lowbit.h"
#include "qopt/passes/Pipelines.h"
#include "qopt/passes/calibrate/Stream.h"

using namespace mlir;

namespace qopt::calibrate {

/// Stands on the ops of the copy only, from cloning until they are found.
static constexpr StringLiteral tag = "calibrated";

/// What codes were made of at run time, or the float input itself.
static Value floatInput(lowbit::LinearOp op) {
  if (!op.getInputScales())
    return op.getInput();
  auto quantize = op.getInput().getDefiningOp<lowbit::QuantizeOp>();
  return quantize ? Value(quantize.getInput()) : Value();
}

/// What the codes of a weight mean, or what they were made of.
static Value floatWeight(OpBuilder &b, lowbit::LinearOp op, Type element,
                         bool original) {
  auto quantize = op.getWeight().getDefiningOp<lowbit::QuantizeOp>();
  if (original && quantize) {
    Value weight = quantize.getInput();
    auto type = cast<RankedTensorType>(weight.getType());
    if (type.getElementType() != element)
      weight = nn::CastOp::create(b, op.getLoc(), type.clone(element), weight);
    return weight;
  }
  return lowbit::DequantizeOp::create(
      b, op.getLoc(), op.getWeight().getType().clone(element), op.getWeight(),
      op.getWeightScales(), op.getZeros(), op.getScheme());
}

static LogicalResult widenLinear(RewriterBase &b, lowbit::LinearOp op) {
  Value input = floatInput(op);
  if (!input)
    return op.emitError("expects an input that this program quantizes");
  b.setInsertionPoint(op);
  Type element = getElementTypeOrSelf(input);
  RankedTensorType type = op.getType();
  Attribute index = op->getAttr(tag);
  auto linear = nn::LinearOp::create(b, op.getLoc(), type.clone(element), input,
                                     floatWeight(b, op, element, bool(index)),
                                     op.getBias(), op.getSplitsAttr());
  if (index)
    linear->setAttr(tag, index);
  Value result = linear;
  if (type.getElementType() != element)
    result = nn::CastOp::create(b, op.getLoc(), type, result);
  b.replaceOp(op, result);
  return success();
}

static void widenEmbedding(RewriterBase &b, lowbit::EmbeddingOp op) {
  b.setInsertionPoint(op);
  Type element = op.getType().getElementType();
  Value table = lowbit::DequantizeOp::create(
      b, op.getLoc(), op.getTable().getType().clone(element), op.getTable(),
      op.getScales(), op.getZeros(), op.getScheme());
  b.replaceOpWithNewOp<nn::EmbeddingOp>(op, op.getType(), op.getIds(), table);
}

static LogicalResult widen(func::FuncOp function) {
  IRRewriter b(function.getContext());
  SmallVector<Operation *> ops;
  function.walk([&](Operation *op) {
    if (isa<lowbit::LinearOp, lowbit::EmbeddingOp>(op))
      ops.push_back(op);
  });
  for (Operation *op : ops) {
    if (auto linear = dyn_cast<lowbit::LinearOp>(op)) {
      if (failed(widenLinear(b, linear)))
        return failure();
    } else {
      widenEmbedding(b, cast<lowbit::EmbeddingOp>(op));
    }
  }
  return success();
}

FailureOr<func::FuncOp> prepareCopy(ModuleOp copy, ArrayRef<Operation *> layers,
                                    std::vector<nn::LinearOp> &found) {
  Builder b(copy.getContext());
  for (auto [i, op] : llvm::enumerate(layers))
    op->setAttr(tag, b.getI64IntegerAttr(i));
  PassManager passes(copy.getContext());
  addStage(passes, Stage::decode);
  if (failed(passes.run(copy)))
    return failure();
  auto function = copy.lookupSymbol<func::FuncOp>("nll");
  if (!function)
    return copy.emitError("calibration expects a language model: tokens "
                          "'input_ids' in, logits out, in a function 'run'");
  for (auto other : llvm::make_early_inc_range(copy.getOps<func::FuncOp>()))
    if (other != function)
      other.erase();
  if (failed(widen(function)))
    return failure();
  found.assign(layers.size(), nullptr);
  function.walk([&](nn::LinearOp op) {
    if (auto index = op->getAttrOfType<IntegerAttr>(tag)) {
      found[index.getInt()] = op;
      op->removeAttr(tag);
    }
  });
  for (auto [op, layer] : llvm::zip_equal(found, layers))
    if (!op)
      return layer->emitError("is not part of what tokens become");
  return function;
}

} // namespace qopt::calibrate
