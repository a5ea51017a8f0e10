// How readers want codes to lie, see Layouts.h.

#include "qopt/passes/kernel/Layouts.h"

#include "qopt/dialects/lowbit/Lowbit.h"
#include "qopt/dialects/train/Train.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace qopt {

namespace {

/// What a reader takes in lines and panels.
struct PackedOperands {
  Value codes, scales, zeros;
  lowbit::SchemeAttr scheme;
};

} // namespace

static PackedOperands packedOperands(Operation *reader) {
  return llvm::TypeSwitch<Operation *, PackedOperands>(reader)
      .Case([](lowbit::LinearOp op) {
        return PackedOperands{op.getWeight(), op.getWeightScales(),
                              op.getZeros(), op.getScheme()};
      })
      .Case([](lowbit::EmbeddingOp op) {
        return PackedOperands{op.getTable(), op.getScales(), op.getZeros(),
                              op.getScheme()};
      })
      .Case([](train::PackedLinearGradOp op) {
        return PackedOperands{op.getWeight(), op.getScales(), op.getZeros(),
                              op.getScheme()};
      })
      .Default(PackedOperands());
}

/// Codes of a scheme, for the narrowest vectors.
static kernel::LayoutAttr packed(lowbit::SchemeAttr scheme,
                                 const LayoutFacts &facts) {
  bool ternary = scheme.getMethod() == lowbit::Method::ternary;
  int64_t bits = scheme.getBits();
  return kernel::LayoutAttr::packed(scheme.getContext(), bits, facts.lanes,
                                    ternary ? 1 : int64_t(1) << (bits - 1),
                                    facts.fragments && bits != 3);
}

kernel::LayoutAttr layoutOfCodes(OpOperand &use, const LayoutFacts &facts) {
  PackedOperands operands = packedOperands(use.getOwner());
  Value value = use.get();
  if (!operands.codes || (value != operands.codes && value != operands.scales &&
                          value != operands.zeros))
    return {};
  kernel::LayoutAttr lines = packed(operands.scheme, facts);
  if (value == operands.codes)
    return lines;
  if (operands.scheme.getPer() == lowbit::Granularity::tensor)
    return {};
  return kernel::LayoutAttr::get(value.getContext(), lines.getPanel());
}

/// The layout that all readers want; null if that is row-major, or none.
static kernel::LayoutAttr commonLayout(Value codes, const LayoutFacts &facts) {
  if (codes.use_empty())
    return {};
  kernel::LayoutAttr first = layoutOfCodes(*codes.use_begin(), facts);
  bool agree = llvm::all_of(codes.getUses(), [&](OpOperand &use) {
    return layoutOfCodes(use, facts) == first;
  });
  return agree ? first : kernel::LayoutAttr();
}

llvm::DenseMap<Value, kernel::LayoutAttr>
layoutsOfCodes(func::FuncOp entry, const LayoutFacts &facts) {
  llvm::DenseMap<Value, kernel::LayoutAttr> layouts;
  for (auto quantize : entry.getOps<lowbit::QuantizeOp>())
    for (Value result : quantize->getResults())
      if (kernel::LayoutAttr layout = commonLayout(result, facts))
        layouts[result] = layout;
  return layouts;
}

int64_t weightBytes(ModuleOp program) {
  int64_t end = 0;
  for (auto weight : program.getOps<kernel::WeightOp>())
    end = std::max<int64_t>(end, weight.getOffset() + weight.getBytes());
  return end;
}

} // namespace qopt
