// Recognises causal and padding masks in the mask operand of an attention.

#include "mlir/IR/Remarks.h"
#include "qopt/passes/Passes.h"
#include "qopt/passes/raise/ElementWriter.h"

using namespace mlir;
using namespace qopt::nn;

namespace qopt {

#define GEN_PASS_DEF_RAISEATTENTIONMASK
#include "qopt/passes/Passes.h.inc"

/// When an added mask is 0, given that it is 0 or very negative; null if that
/// cannot be seen.
static Element whenVisible(Element added, Elements &e) {
  if (added->kind == ElementExpr::number)
    return added->value == 0        ? e.number(1)
           : added->value <= -65504 ? e.number(0)
                                    : nullptr;
  auto operand = [&](unsigned i) { return whenVisible(added->operands[i], e); };
  if (added->code == "select") {
    Element condition = added->operands[0], yes = operand(1), no = operand(2);
    if (!yes || !no)
      return nullptr;
    return e.apply("or", {e.apply("and", {condition, yes}),
                          e.apply("and", {e.apply("not", condition), no})});
  }
  if (added->code == "add" || added->code == "minimum" ||
      added->code == "maximum") {
    Element a = operand(0), b = operand(1);
    if (!a || !b)
      return nullptr;
    return e.apply(added->code == "maximum" ? "or" : "and", {a, b});
  }
  if (added->code == "mul") {
    // (1 - m) * lowest, for an attention mask m of 0 and 1.
    Element a = added->operands[0], b = added->operands[1];
    if (b->kind == ElementExpr::number)
      std::swap(a, b);
    if (a->kind == ElementExpr::number && a->value <= -65504 && e.asIndex(b))
      return e.apply("eq0", b);
  }
  return nullptr;
}

static void splitAnd(Element condition, SmallVectorImpl<Element> &parts) {
  if (condition->code == "and")
    for (Element operand : condition->operands)
      splitAnd(operand, parts);
  else if (condition->kind != ElementExpr::number || condition->value == 0)
    parts.push_back(condition);
}

/// The element of a mask that is repeated to the places of `at`.
static Element readMask(Value mask, const Indices &at, Elements &e) {
  auto shape = cast<RankedTensorType>(mask.getType()).getShape();
  Indices place(at.end() - shape.size(), at.end());
  for (auto [position, size] : llvm::zip_equal(place, shape))
    if (size == 1)
      position = 0;
  return e.read(mask, place, isViewOrPointwise);
}

/// Rewrites the masks of one attention; a reason if they stay.
static StringRef raiseMask(AttentionOp op, Elements &e) {
  Indices query = e.sizes(op.getQuery()), key = e.sizes(op.getKey());
  Indices at{e.space.addVariable(query[0]), e.space.addVariable(query[1]),
             e.space.addVariable(query[2]), e.space.addVariable(key[2])};
  IndexExpr t = at[2], s = at[3];
  Element condition = e.number(1);
  if (Value mask = op.getMask()) {
    Element element = readMask(mask, at, e);
    if (isa<FloatType>(getElementTypeOrSelf(mask.getType())))
      element = whenVisible(element, e);
    if (!element)
      return "an added mask is not a choice of 0 and very little";
    condition = element;
  }
  if (Value keyMask = op.getKeyMask())
    condition = e.apply("and", {condition, readMask(keyMask, {at[0], s}, e)});

  SmallVector<Element> parts;
  splitAnd(condition, parts);
  Element seen = e.apply("ge0", e.index(t + key[2] - query[2] - s));
  Element ofKeys = e.number(1);
  // A single query that follows all keys sees them all.
  bool causal = op.getCausal() && seen->kind != ElementExpr::number;
  for (Element part : parts) {
    if (part == seen) {
      causal = true;
      continue;
    }
    if (e.mentions(part, t) || e.mentions(part, at[1]))
      return "a mask is neither causal nor of keys alone";
    ofKeys = e.apply("and", {ofKeys, part});
  }
  OpBuilder builder(op);
  Value keyMask;
  if (ofKeys->kind != ElementExpr::number || ofKeys->value != 1) {
    ElementWriter writer(e, builder, op.getLoc());
    keyMask = writer.write(ofKeys, {at[0], s}, builder.getI1Type());
    if (keyMask) {
      e.dims.add(keyMask.getDefiningOp());
      keyMask = writer.repeat(keyMask, {query[0], key[2]});
    }
    if (!keyMask)
      return "the mask of keys cannot be written as [B, S]";
  }
  op.getMaskMutable().clear();
  op.getKeyMaskMutable().clear();
  if (keyMask)
    op.getKeyMaskMutable().assign(keyMask);
  op.setCausal(causal);
  return "";
}

namespace {

struct RaiseAttentionMask final
    : impl::RaiseAttentionMaskBase<RaiseAttentionMask> {
  using RaiseAttentionMaskBase::RaiseAttentionMaskBase;

  void runOnOperation() override {
    Elements elements(getOperation());
    getOperation().walk([&](AttentionOp op) {
      if (!op.getMask() && !op.getKeyMask() && !op.getCausal())
        return;
      auto named = [](StringRef name) {
        return remark::RemarkOpts::name(name).category(
            "qopt-raise-attention-mask");
      };
      StringRef reason = raiseMask(op, elements);
      if (reason.empty())
        remark::passed(op.getLoc(), named("raised")) << "attention mask";
      else
        remark::missed(op.getLoc(), named("kept")) << reason;
    });
  }
};

} // namespace
} // namespace qopt
