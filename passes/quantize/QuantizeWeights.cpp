// Stores the weights of linear layers and tables as codes.
//
// All layers are looked at before the first is changed: a group that does not
// divide, a pattern that matches nothing or a scheme that makes no sense is an
// error that leaves the program as it is.

#include "mlir/IR/Remarks.h"
#include "qopt/dialects/kernel/Packing.h"
#include "qopt/passes/Passes.h"
#include "qopt/passes/Weights.h"
#include "qopt/passes/quantize/SchemeText.h"

using namespace mlir;
using namespace qopt::nn;
using namespace qopt::lowbit;

namespace qopt {

#define GEN_PASS_DEF_QUANTIZEWEIGHTS
#include "qopt/passes/Passes.h.inc"

namespace {

/// REGEX=SCHEME
struct Override {
  LayerPattern pattern;
  SchemeText scheme;
};

/// A layer that gets codes.
struct Layer {
  Operation *op; ///< nn.linear or nn.embedding
  SchemeAttr scheme;
};

/// The codes of a weight, by the scheme that the layer decodes them with.
struct Codes {
  Value codes, scales, zeros; ///< no zeros if the scheme has none
  SchemeAttr scheme;
};

struct QuantizeWeights final : impl::QuantizeWeightsBase<QuantizeWeights> {
  using QuantizeWeightsBase::QuantizeWeightsBase;

  void runOnOperation() override;

private:
  LogicalResult readOptions();
  const SchemeText &schemeFor(Operation *op, Value weight);
  LogicalResult checkGroup(Operation *op, Value weight, SchemeAttr scheme);
  LogicalResult plan(Operation *op, Value weight);

  SymbolTable *symbols;
  SchemeText ofMatrix, ofEmbedding, ofHead;
  SmallVector<Override> list;
  SmallVector<Layer> layers;
  bool hasTernary;
};

} // namespace

static remark::RemarkOpts remarkNamed(StringRef name) {
  return remark::RemarkOpts::name(name).category("qopt-quantize-weights");
}

static Value weightOf(Operation *op) {
  if (auto linear = dyn_cast<nn::LinearOp>(op))
    return linear.getWeight();
  return cast<nn::EmbeddingOp>(op).getTable();
}

//===----------------------------------------------------------------------===//
// Which layers, by which scheme
//===----------------------------------------------------------------------===//

LogicalResult QuantizeWeights::readOptions() {
  std::string message;
  auto read = [&](StringRef text, SchemeText &scheme) -> LogicalResult {
    auto parsed = parseScheme(&getContext(), text, message);
    if (failed(parsed))
      return emitError(getOperation().getLoc(), message);
    if (!parsed->isFloat && parsed->per == Granularity::token)
      return emitError(getOperation().getLoc())
             << "scheme '" << text << "': expects a weight's scales per "
             << "tensor, channel or group";
    scheme = *parsed;
    return success();
  };
  if (failed(read(matrix, ofMatrix)) || failed(read(embedding, ofEmbedding)) ||
      failed(read(head, ofHead)))
    return failure();
  for (const std::string &entry : splitOption(overrides)) {
    auto [regex, scheme] = StringRef(entry).rsplit('=');
    auto pattern = LayerPattern::parse(regex, message);
    if (failed(pattern))
      return emitError(getOperation().getLoc())
             << "override '" << entry << "': " << message;
    SchemeText parsed;
    if (failed(read(scheme, parsed)))
      return failure();
    list.push_back({*pattern, parsed});
  }
  return success();
}

const SchemeText &QuantizeWeights::schemeFor(Operation *op, Value weight) {
  const SchemeText *scheme = &ofMatrix;
  std::optional<Role> role = getRole(weight, *symbols);
  if (isa<nn::EmbeddingOp>(op))
    scheme = &ofEmbedding;
  else if (role == Role::head || role == Role::embedding)
    scheme = &ofHead; // a table that is shared
  SmallVector<StringRef> names = namesOfLayer(op, weight, *symbols);
  for (Override &item : list)
    if (item.pattern.matches(names))
      scheme = &item.scheme;
  return *scheme;
}

/// A group divides the channels, and kernels read it whole.
LogicalResult QuantizeWeights::checkGroup(Operation *op, Value weight,
                                          SchemeAttr scheme) {
  if (scheme.getPer() != Granularity::group)
    return success();
  int64_t channels = cast<RankedTensorType>(weight.getType()).getDimSize(1);
  if (channels % scheme.getGroup() != 0)
    return op->emitError() << "group " << scheme.getGroup()
                           << " does not divide the " << channels
                           << " channels of '"
                           << nameOfLayer(op, weight, *symbols)
                           << "': use one that does, gauto, or an override";
  int64_t step = kernel::stepColumnsOf(scheme.getBits());
  if (isa<nn::LinearOp>(op) && scheme.getGroup() < channels &&
      scheme.getGroup() % step != 0)
    return op->emitError() << "group " << scheme.getGroup() << " of '"
                           << nameOfLayer(op, weight, *symbols)
                           << "' is too fine: codes of " << scheme.getBits()
                           << " bits are multiplied " << step
                           << " at a time; use a multiple of " << step
                           << ", gauto, or an override";
  return success();
}

/// Adds a layer to the list, or says why it stays; fails if it must not.
LogicalResult QuantizeWeights::plan(Operation *op, Value weight) {
  auto kept = [&](StringRef reason) {
    remark::missed(op->getLoc(), remarkNamed("kept")) << reason;
    return success();
  };
  const SchemeText &scheme = schemeFor(op, weight);
  if (!isWeight(weight, *symbols))
    return kept("weight is not a parameter");
  if (auto codes = weight.getDefiningOp<DequantizeOp>()) {
    if (codes.getScheme().getPer() == Granularity::token)
      return kept("weight has scales per token");
    remark::passed(op->getLoc(), remarkNamed("codes"))
        << "weight is codes already: they stay as they are";
    layers.push_back({op, codes.getScheme()});
    return checkGroup(op, weight, codes.getScheme());
  }
  if (weight.getDefiningOp<FakeQuantizeOp>())
    return kept("weight is quantized already, for training");
  if (scheme.isFloat)
    return kept("its scheme is float");
  int64_t channels = cast<RankedTensorType>(weight.getType()).getDimSize(1);
  SchemeAttr chosen = scheme.get(&getContext(), channels);
  if (failed(checkGroup(op, weight, chosen)))
    return failure();
  if (scheme.autoGroup && chosen.getPer() != Granularity::group)
    remark::analysis(op->getLoc(), remarkNamed("channel"))
        << "no group divides: one scale per channel";
  hasTernary |= chosen.getMethod() == Method::ternary;
  layers.push_back({op, chosen});
  return success();
}

//===----------------------------------------------------------------------===//
// The rewrite
//===----------------------------------------------------------------------===//

static Codes quantize(OpBuilder &builder, Location loc, Value weight,
                      SchemeAttr scheme) {
  auto op = QuantizeOp::create(builder, loc, weight, scheme);
  return {op.getCodes(), op.getScales(), op.getZeros(), scheme};
}

/// One scale for each logical matrix of a fused one: its rows repeat it.
static Codes quantizeSplits(OpBuilder &builder, Location loc, Value weight,
                            SchemeAttr scheme, ArrayRef<int64_t> splits) {
  auto type = cast<RankedTensorType>(weight.getType());
  auto perChannel = SchemeAttr::get(builder.getContext(), scheme.getMethod(),
                                    scheme.getBits(), Granularity::channel, 0,
                                    scheme.getClip(), scheme.getMse(),
                                    scheme.getHalf(), scheme.getWeighted());
  SmallVector<Value> codes, scales, zeros;
  int64_t first = 0;
  for (int64_t rows : splits) {
    Value start = arith::ConstantIndexOp::create(builder, loc, first);
    Value part =
        SliceOp::create(builder, loc, type.clone({rows, type.getDimSize(1)}),
                        weight, start, Value(), 0);
    Codes q = quantize(builder, loc, part, scheme);
    auto repeated = [&](Value value) -> Value {
      auto one = cast<RankedTensorType>(value.getType());
      return BroadcastOp::create(builder, loc, one.clone({rows}), value,
                                 ValueRange());
    };
    codes.push_back(q.codes);
    scales.push_back(repeated(q.scales));
    if (q.zeros)
      zeros.push_back(repeated(q.zeros));
    first += rows;
  }
  auto joined = [&](ArrayRef<Value> parts, ArrayRef<int64_t> shape) -> Value {
    if (parts.empty())
      return Value();
    auto like = cast<RankedTensorType>(parts[0].getType());
    return ConcatOp::create(builder, loc, like.clone(shape), parts, 0);
  };
  int64_t rows = type.getDimSize(0);
  return {joined(codes, type.getShape()), joined(scales, {rows}),
          joined(zeros, {rows}), perChannel};
}

static Codes codesOf(OpBuilder &builder, const Layer &layer) {
  Value weight = weightOf(layer.op);
  if (auto stored = weight.getDefiningOp<DequantizeOp>())
    return {stored.getCodes(), stored.getScales(), stored.getZeros(),
            layer.scheme};
  auto linear = dyn_cast<nn::LinearOp>(layer.op);
  if (linear && linear.getSplits() &&
      layer.scheme.getPer() == Granularity::tensor)
    return quantizeSplits(builder, layer.op->getLoc(), weight, layer.scheme,
                          *linear.getSplits());
  return quantize(builder, layer.op->getLoc(), weight, layer.scheme);
}

static void rewrite(OpBuilder &builder, const Layer &layer) {
  builder.setInsertionPoint(layer.op);
  Codes q = codesOf(builder, layer);
  Location loc = layer.op->getLoc();
  Operation *coded;
  if (auto linear = dyn_cast<nn::LinearOp>(layer.op))
    coded = lowbit::LinearOp::create(
        builder, loc, linear.getType(), linear.getInput(), Value(), q.codes,
        q.scales, q.zeros, linear.getBias(), q.scheme, linear.getSplitsAttr());
  else
    coded = lowbit::EmbeddingOp::create(
        builder, loc, layer.op->getResult(0).getType(),
        cast<nn::EmbeddingOp>(layer.op).getIds(), q.codes, q.scales, q.zeros,
        q.scheme);
  remark::passed(loc, remarkNamed("quantized"))
      << (stringifyMethod(q.scheme.getMethod()) + ", " +
          Twine(q.scheme.getBits()) + " bits")
             .str();
  layer.op->replaceAllUsesWith(coded->getResults());
  layer.op->erase();
}

void QuantizeWeights::runOnOperation() {
  SymbolTable table(getOperation());
  symbols = &table;
  hasTernary = false;
  list.clear();
  layers.clear();
  if (failed(readOptions()))
    return signalPassFailure();
  WalkResult planned = getOperation().walk([&](Operation *op) {
    if (isa<nn::LinearOp, nn::EmbeddingOp>(op) &&
        failed(plan(op, weightOf(op))))
      return WalkResult::interrupt();
    // Layers that are codes already count as named.
    if (isa<lowbit::LinearOp>(op))
      schemeFor(op, cast<lowbit::LinearOp>(op).getWeight());
    return WalkResult::advance();
  });
  if (planned.wasInterrupted())
    return signalPassFailure();
  for (const Override &item : list)
    if (!item.pattern.isUsed()) {
      emitError(getOperation().getLoc())
          << "override '" << item.pattern.getText() << "' matches no layer";
      return signalPassFailure();
    }
  if (hasTernary)
    emitWarning(getOperation().getLoc())
        << "ternary weights give poor text unless the model was trained for "
           "them";
  OpBuilder builder(&getContext());
  for (const Layer &layer : layers)
    rewrite(builder, layer);
}

} // namespace qopt
