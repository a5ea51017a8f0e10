// Gives layers on codes their input as codes, one scale per token.

#include "mlir/IR/Remarks.h"
#include "qopt/passes/Passes.h"
#include "qopt/passes/Weights.h"

using namespace mlir;
using namespace qopt::lowbit;

namespace qopt {

#define GEN_PASS_DEF_QUANTIZEACTIVATIONS
#include "qopt/passes/Passes.h.inc"

/// Sums of products of codes fit 32 bits up to here (linear_c9).
static constexpr int64_t mostChannels = 131071;

namespace {

struct QuantizeActivations final
    : impl::QuantizeActivationsBase<QuantizeActivations> {
  using QuantizeActivationsBase::QuantizeActivationsBase;

  void runOnOperation() override;

private:
  LogicalResult readOptions();
  /// A reason to leave the layer as it is, or none.
  StringRef refusal(LinearOp linear, SymbolTable &symbols);

  SchemeAttr scheme;
  SmallVector<LayerPattern> left;
};

} // namespace

static remark::RemarkOpts remarkNamed(StringRef name) {
  return remark::RemarkOpts::name(name).category("qopt-quantize-activations");
}

LogicalResult QuantizeActivations::readOptions() {
  left.clear();
  if (bits < 2 || bits > 8 || clip < 1 || clip > 100)
    return emitError(getOperation().getLoc())
           << "expects 2 to 8 bits and a clip of 1 to 100 %, got "
           << bits.getValue() << " and " << clip.getValue();
  scheme = SchemeAttr::get(&getContext(), Method::sym, bits, Granularity::token,
                           0, clip, false, false);
  for (const std::string &entry : splitOption(leave)) {
    std::string message;
    auto pattern = LayerPattern::parse(entry, message);
    if (failed(pattern))
      return emitError(getOperation().getLoc(), message);
    left.push_back(*pattern);
  }
  return success();
}

StringRef QuantizeActivations::refusal(LinearOp linear, SymbolTable &symbols) {
  SmallVector<StringRef> names =
      namesOfLayer(linear, linear.getWeight(), symbols);
  bool isLeft = false;
  for (LayerPattern &pattern : left)
    isLeft |= pattern.matches(names);
  if (isLeft)
    return "left in float as the option says";
  auto role = getRole(linear.getWeight(), symbols);
  if (!head && (role == nn::Role::head || role == nn::Role::embedding))
    return "the head's input stays float";
  if (linear.getWeight().getType().getDimSize(1) > mostChannels)
    return "sums over its channels do not fit 32 bits";
  return "";
}

void QuantizeActivations::runOnOperation() {
  if (failed(readOptions()))
    return signalPassFailure();
  SymbolTable symbols(getOperation());
  SmallVector<LinearOp> layers;
  getOperation().walk([&](LinearOp linear) {
    StringRef reason = refusal(linear, symbols);
    if (linear.getInputScales())
      return; // codes already
    if (reason.empty())
      layers.push_back(linear);
    else
      remark::missed(linear.getLoc(), remarkNamed("kept")) << reason;
  });
  for (const LayerPattern &pattern : left)
    if (!pattern.isUsed()) {
      emitError(getOperation().getLoc())
          << "pattern '" << pattern.getText() << "' matches no layer on codes";
      return signalPassFailure();
    }
  for (LinearOp linear : layers) {
    OpBuilder builder(linear);
    auto q =
        QuantizeOp::create(builder, linear.getLoc(), linear.getInput(), scheme);
    linear.getInputMutable().assign(q.getCodes());
    linear.getInputScalesMutable().assign(q.getScales());
  }
}

} // namespace qopt
