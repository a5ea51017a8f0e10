// Lets weights that are stored as codes be trained.
//
// A recipe gives a layer codes for good. While its weight is trained, the layer
// is a float layer again, whose operands are rounded to what their codes mean:
// gradients pass straight through the rounding (arXiv:2505.08823).

#include "qopt/passes/Weights.h"
#include "qopt/passes/train/Backward.h"

#include "mlir/IR/Remarks.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace qopt::lowbit;
using ml_program::GlobalOp;

namespace qopt {

#define GEN_PASS_DEF_STRAIGHTTHROUGH
#include "qopt/passes/Passes.h.inc"

/// What codes mean, for as long as they are made from numbers here; null if
/// they come from elsewhere.
static Value roundedNumbers(OpBuilder &builder, Value codes) {
  if (auto quantize = codes.getDefiningOp<QuantizeOp>())
    return FakeQuantizeOp::create(
        builder, quantize.getLoc(), quantize.getInput().getType(),
        quantize.getInput(), Value(), quantize.getScheme());
  // One scale for each logical matrix of a fused one.
  auto concat = codes.getDefiningOp<nn::ConcatOp>();
  if (!concat)
    return {};
  SmallVector<Value> parts;
  for (Value part : concat.getInputs()) {
    parts.push_back(roundedNumbers(builder, part));
    if (!parts.back())
      return {};
  }
  auto type = concat.getType().clone(getElementTypeOrSelf(parts.front()));
  return nn::ConcatOp::create(builder, concat.getLoc(), type, parts,
                              concat.getAxis());
}

static Value castTo(OpBuilder &builder, Value value, Type element) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getElementType() == element)
    return value;
  return nn::CastOp::create(builder, value.getLoc(), type.clone(element),
                            value);
}

namespace {

struct StraightThrough final : impl::StraightThroughBase<StraightThrough> {
  using StraightThroughBase::StraightThroughBase;

  void runOnOperation() override {
    ModuleOp program = getOperation();
    std::string message;
    auto parameters =
        train::trainedParameters(program, {train, pattern}, message);
    if (failed(parameters)) {
      program.emitError(message);
      return signalPassFailure();
    }
    SymbolTable symbols(program);
    trained.insert(parameters->begin(), parameters->end());
    SmallVector<Operation *> layers;
    program.walk([&](Operation *op) {
      Value codes;
      if (auto linear = dyn_cast<lowbit::LinearOp>(op))
        codes = linear.getWeight();
      else if (auto embedding = dyn_cast<lowbit::EmbeddingOp>(op))
        codes = embedding.getTable();
      if (codes && trained.contains(getParameter(codes, symbols)))
        layers.push_back(op);
    });
    for (Operation *layer : layers)
      rewrite(layer);
  }

  void rewrite(Operation *layer) {
    OpBuilder builder(layer);
    Value result;
    if (auto linear = dyn_cast<lowbit::LinearOp>(layer))
      result = floatLinear(builder, linear);
    else
      result = floatEmbedding(builder, cast<lowbit::EmbeddingOp>(layer));
    if (!result) {
      remark::missed(layer->getLoc(), remark::RemarkOpts::name("kept").category(
                                          "qopt-straight-through"))
          << "its codes are not made from numbers: they stay frozen";
      return;
    }
    layer->getResult(0).replaceAllUsesWith(result);
    layer->erase();
  }

  static Value floatLinear(OpBuilder &builder, lowbit::LinearOp op) {
    Value weight = roundedNumbers(builder, op.getWeight());
    Value input = op.getInputScales() ? roundedNumbers(builder, op.getInput())
                                      : Value(op.getInput());
    if (!weight || !input)
      return {};
    Type element = op.getType().getElementType();
    return nn::LinearOp::create(
        builder, op.getLoc(), op.getType(), castTo(builder, input, element),
        castTo(builder, weight, element), op.getBias(), op.getSplitsAttr());
  }

  static Value floatEmbedding(OpBuilder &builder, lowbit::EmbeddingOp op) {
    Value table = roundedNumbers(builder, op.getTable());
    if (!table)
      return {};
    return nn::EmbeddingOp::create(
        builder, op.getLoc(), op.getType(), op.getIds(),
        castTo(builder, table, op.getType().getElementType()));
  }

  DenseSet<Operation *> trained;
};

} // namespace
} // namespace qopt
