// Rounds what becomes part of a past to codes.

#include "mlir/IR/Remarks.h"
#include "qopt/passes/Passes.h"

using namespace mlir;
using namespace qopt::lowbit;

namespace qopt {

#define GEN_PASS_DEF_QUANTIZECACHE
#include "qopt/passes/Passes.h.inc"

/// Whether `value` is an input, perhaps in another basis.
static bool isPast(Value value) {
  auto half = value.getDefiningOp<HadamardOp>();
  return isa<BlockArgument>(half ? half.getInput() : value);
}

/// Where keys or values of an attention grow a past; null if they do not.
static nn::ConcatOp growthOf(Value value) {
  auto concat = value.getDefiningOp<nn::ConcatOp>();
  return concat && concat.getAxis() == 2 && concat.getInputs().size() == 2 &&
                 isPast(concat.getInputs()[0])
             ? concat
             : nullptr;
}

namespace {

struct QuantizeCache final : impl::QuantizeCacheBase<QuantizeCache> {
  using QuantizeCacheBase::QuantizeCacheBase;

  void runOnOperation() override {
    if (bits < 2 || bits > 8 || clip < 1 || clip > 100) {
      emitError(getOperation().getLoc())
          << "expects 2 to 8 bits and a clip of 1 to 100 %, got "
          << bits.getValue() << " and " << clip.getValue();
      return signalPassFailure();
    }
    llvm::SetVector<nn::ConcatOp> growths;
    getOperation().walk([&](nn::AttentionOp attention) {
      for (Value value : {attention.getKey(), attention.getValue()})
        if (nn::ConcatOp growth = growthOf(value))
          growths.insert(growth);
        else
          kept(attention, "its keys or values do not grow a past");
    });
    for (nn::ConcatOp growth : growths)
      quantize(growth);
  }

  void kept(Operation *op, StringRef reason) {
    remark::missed(op->getLoc(), remark::RemarkOpts::name("kept").category(
                                     "qopt-quantize-cache"))
        << reason;
  }

  void quantize(nn::ConcatOp growth) {
    Value now = growth.getInputs()[1];
    auto type = cast<RankedTensorType>(now.getType());
    if (now.getDefiningOp<DequantizeOp>())
      return kept(growth, "what is new is codes already");
    if (type.isDynamicDim(3))
      return kept(growth, "the size of its heads is not known");
    OpBuilder builder(growth);
    auto scheme =
        SchemeAttr::get(&getContext(), Method::sym, bits, Granularity::group,
                        type.getDimSize(3), clip, false, false);
    auto codes = QuantizeOp::create(builder, growth.getLoc(), now, scheme);
    growth.getInputsMutable()[1].assign(
        DequantizeOp::create(builder, growth.getLoc(), type, codes.getCodes(),
                             codes.getScales(), Value(), scheme));
  }
};

} // namespace
} // namespace qopt
