// Recognises attention that was exported as matmul, softmax, matmul.

#include "mlir/IR/Remarks.h"
#include "qopt/passes/Passes.h"
#include "qopt/passes/raise/ElementWriter.h"
#include "qopt/passes/raise/Factors.h"

using namespace mlir;
using namespace qopt::nn;

namespace qopt {

#define GEN_PASS_DEF_RAISEATTENTION
#include "qopt/passes/Passes.h.inc"

/// Everything that `value` is computed from by ops for which `through` holds.
static void collectChain(Value value, llvm::DenseSet<Operation *> &chain,
                         function_ref<bool(Operation *)> through) {
  SmallVector<Value> open{value};
  while (!open.empty()) {
    Operation *op = open.pop_back_val().getDefiningOp();
    if (op && through(op) && chain.insert(op).second)
      llvm::append_range(open, op->getOperands());
  }
}

/// The ops of `chain` that depend on `source`.
static llvm::DenseSet<Operation *>
leadingFrom(Operation *source, const llvm::DenseSet<Operation *> &chain) {
  llvm::DenseSet<Operation *> leading;
  SmallVector<Operation *> open{source};
  while (!open.empty())
    for (Operation *user : open.pop_back_val()->getUsers())
      if (chain.contains(user) && leading.insert(user).second)
        open.push_back(user);
  return leading;
}

/// Takes one attention apart, from the product with the values backwards.
class AttentionRaiser {
public:
  AttentionRaiser(Elements &elements, MatmulOp last)
      : e(elements), last(last), builder(last),
        writer(elements, builder, last.getLoc()) {}

  /// The attention, or null and a reason.
  Value raise();
  StringRef reason;

private:
  Value failed(StringRef why) {
    reason = why;
    return {};
  }
  Element readOperand(MatmulOp op, bool rhs, const Indices &batch,
                      const IndexExpr &row, const IndexExpr &column);
  bool findSoftmax();
  bool takeScores(Element scores);
  bool takeSum(Element scores);
  Value takeHeads(Element element, const IndexExpr &row,
                  const IndexExpr &channel);
  Value writeMask();

  Elements &e;
  MatmulOp last, first;
  OpBuilder builder;
  ElementWriter writer;
  SoftmaxOp softmax;
  IndexExpr b, h, t, s;    ///< batch, head, query, key
  Indices batchOfLast;     ///< leading indices of `last`
  Element score = nullptr; ///< the load of `first`
  double scale = 1;
  SmallVector<Element> added;   ///< to the scores
  SmallVector<Element> visible; ///< all of these, or the score is dropped
};

static bool isScoreOp(Operation *op) {
  return isView(op) || isa<AddOp, SubOp, MulOp, DivOp, SelectOp, CastOp>(op);
}

/// The element of an operand at the logical place (batch, row, column).
Element AttentionRaiser::readOperand(MatmulOp op, bool rhs,
                                     const Indices &batch, const IndexExpr &row,
                                     const IndexExpr &column) {
  Value operand = rhs ? op.getRhs() : op.getLhs();
  auto shape = cast<RankedTensorType>(operand.getType()).getShape();
  Indices at(batch.end() - (shape.size() - 2), batch.end());
  for (auto [position, size] : llvm::zip(at, shape))
    if (size == 1)
      position = 0;
  bool swapped = rhs ? op.getTransposeRhs() : op.getTransposeLhs();
  at.push_back(swapped ? column : row);
  at.push_back(swapped ? row : column);
  // Scalars may be multiplied in; concats, a cache's, are not looked into.
  return e.read(operand, at, [](Operation *op) {
    if (auto product = dyn_cast<MulOp>(op))
      return llvm::any_of(op->getOperands(), [](Value v) {
        auto type = cast<RankedTensorType>(v.getType());
        return type.hasStaticShape() && type.getNumElements() == 1;
      });
    // Of the same, it repeats heads.
    if (auto concat = dyn_cast<ConcatOp>(op))
      return llvm::all_equal(concat.getInputs());
    return isa<ReshapeOp, BroadcastOp, TransposeOp, CastOp>(op);
  });
}

/// Behind casts and the replacement of NaN lie the weights of the softmax.
bool AttentionRaiser::findSoftmax() {
  Value weights = last.getLhs();
  while (Operation *op = weights.getDefiningOp()) {
    if (isa<CastOp, ReshapeOp>(op)) {
      weights = op->getOperand(0);
    } else if (auto select = dyn_cast<SelectOp>(op)) {
      auto test = select.getCondition().getDefiningOp<IsNanOp>();
      DenseElementsAttr zero = getNumbers(select.getOnTrue());
      if (!test || test.getInput() != select.getOnFalse() || !zero ||
          !zero.isSplat() || !zero.getSplatValue<APFloat>().isZero())
        return false;
      weights = select.getOnFalse();
    } else {
      softmax = dyn_cast<SoftmaxOp>(op);
      break;
    }
  }
  if (!softmax || last.getTransposeLhs())
    return false;
  auto type = cast<RankedTensorType>(softmax.getType());
  return type.getRank() == 4 && softmax.getAxis() == 3 &&
         last.getType().getRank() == 4;
}

/// scale * score + masks, or a choice between that and "very little".
bool AttentionRaiser::takeSum(Element scores) {
  if (scores->kind == ElementExpr::load &&
      scores->tensor == first.getResult()) {
    score = scores;
    return true;
  }
  auto holdsScore = [&](Element element) {
    SmallVector<Element> stack{element};
    while (!stack.empty()) {
      Element top = stack.pop_back_val();
      if (top->tensor == first.getResult())
        return true;
      stack.append(top->operands.begin(), top->operands.end());
    }
    return false;
  };
  if (scores->code == "add") {
    Element a = scores->operands[0], m = scores->operands[1];
    if (!holdsScore(a))
      std::swap(a, m);
    if (holdsScore(m))
      return false;
    added.push_back(m);
    return takeSum(a);
  }
  if (scores->code == "select") {
    Element yes = scores->operands[1], no = scores->operands[2];
    Element condition = scores->operands[0];
    bool keeps = no->kind == ElementExpr::number && no->value <= -65504;
    bool drops = yes->kind == ElementExpr::number && yes->value <= -65504;
    if (!keeps && !drops)
      return false;
    visible.push_back(keeps ? condition : e.apply("not", condition));
    return takeSum(keeps ? yes : no);
  }
  if (scores->code == "mul" || scores->code == "div") {
    Element a = scores->operands[0], k = scores->operands[1];
    if (scores->code == "mul" && a->kind == ElementExpr::number)
      std::swap(a, k);
    if (k->kind != ElementExpr::number || k->value <= 0)
      return false;
    size_t masks = added.size();
    if (!takeSum(a) || added.size() != masks)
      return false; // a scaled mask
    scale *= scores->code == "mul" ? k->value : 1 / k->value;
    return true;
  }
  return false;
}

bool AttentionRaiser::takeScores(Element scores) {
  return takeSum(scores) && score;
}

/// A tensor [B, heads, rows, channels] whose element is `element`; a head that
/// serves a group of query heads is there once.
Value AttentionRaiser::takeHeads(Element element, const IndexExpr &row,
                                 const IndexExpr &channel) {
  Factors factors = factorsOf(element);
  if (factors.powers.size() != 1 || factors.powers[0].second != 1)
    return {};
  scale *= factors.scale;
  Element x = factors.powers[0].first;
  IndexExpr head = h;
  if (!h.constant()) {
    // h / group, if that is how the element depends on the head.
    IndexExpr hq = *e.space[h.terms.begin()->first.front()].extent;
    if (!e.mentions(x, h)) {
      head = e.space.addVariable(1);
    } else if (auto count = hq.constant()) {
      for (int64_t group = *count; group > 1; --group) {
        if (*count % group)
          continue;
        IndexExpr grouped = e.space.addVariable(*count / group);
        Element of = x->kind == ElementExpr::load ? x : nullptr;
        if (!of)
          break;
        IndexExpr quotient = e.space.floorDiv(h, group);
        Element replaced = e.replace(x, quotient, grouped);
        if (!e.mentions(replaced, h)) {
          x = replaced;
          head = grouped;
          break;
        }
      }
    }
  }
  Type type = last.getType().getElementType();
  Value tensor = writer.write(x, {b, head, row, channel}, type);
  auto written =
      tensor ? cast<RankedTensorType>(tensor.getType()) : RankedTensorType();
  // Exporters widen some products and not others: the op has one type.
  if (tensor && written.getElementType() != type)
    tensor =
        CastOp::create(builder, last.getLoc(), written.clone(type), tensor);
  return tensor;
}

/// What is left of masks, as one operand of the op; null if nothing is.
Value AttentionRaiser::writeMask() {
  Element condition = e.number(1), sum = e.number(0);
  for (Element part : visible)
    condition = e.apply("and", {condition, part});
  for (Element part : added)
    sum = e.apply("add", {sum, part});
  bool isBool = added.empty();
  Element mask =
      isBool
          ? condition
          : e.apply("select", {condition, sum,
                               e.number(-std::numeric_limits<float>::max())});
  return writer.write(mask, {b, h, t, s},
                      isBool ? Type(builder.getI1Type())
                             : getElementTypeOrSelf(softmax.getType()));
}

Value AttentionRaiser::raise() {
  if (!findSoftmax())
    return softmax ? failed("the softmax is not over the keys of [B, H, T, S]")
                   : Value();
  Indices at = e.variables(softmax.getResult());
  b = at[0], h = at[1], t = at[2], s = at[3];
  llvm::DenseSet<Operation *> chain;
  collectChain(softmax.getInput(), chain, isScoreOp);
  // Read only what leads to the product of queries and keys.
  for (Operation *op : chain)
    for (Value operand : op->getOperands())
      if (auto product = operand.getDefiningOp<MatmulOp>())
        first = first && first != product ? MatmulOp() : product;
  if (auto product = softmax.getInput().getDefiningOp<MatmulOp>())
    first = product;
  if (!first)
    return failed("scores do not come from one product");
  llvm::DenseSet<Operation *> leading = leadingFrom(first, chain);
  Element scores = e.read(softmax.getInput(), at,
                          [&](Operation *op) { return leading.contains(op); });
  if (!takeScores(scores))
    return failed("scores are not a scaled product and masks");

  Indices batch(score->at.begin(), score->at.end() - 2);
  if (score->at[score->at.size() - 2] != t || score->at.back() != s)
    return failed("scores are transposed");
  auto query = cast<RankedTensorType>(first.getLhs().getType());
  int64_t depth = query.getShape().back();
  if (first.getTransposeLhs() || ShapedType::isDynamic(depth))
    return failed("queries are transposed");
  IndexExpr d = e.space.addVariable(depth);
  Value q = takeHeads(readOperand(first, false, batch, t, d), t, d);
  Value k = takeHeads(readOperand(first, true, batch, d, s), s, d);
  double scoreScale = scale;
  int64_t width = last.getType().getShape().back();
  IndexExpr channel = e.space.addVariable(width);
  Value v = takeHeads(readOperand(last, true, {b, h}, s, channel), s, channel);
  if (!q || !k || !v || scale != scoreScale)
    return failed("queries, keys or values have no heads of their own");
  auto heads = [](Value x) {
    return cast<RankedTensorType>(x.getType()).getDimSize(1);
  };
  if (heads(k) != heads(v))
    return failed("keys and values have different numbers of heads");
  Value mask;
  if (!added.empty() || !visible.empty()) {
    mask = writeMask();
    if (!mask)
      return failed("the mask cannot be written for all heads");
  }
  return AttentionOp::create(builder, last.getLoc(), last.getType(), q, k, v,
                             mask, Value(), builder.getF64FloatAttr(scoreScale),
                             UnitAttr());
}

namespace {

struct RaiseAttention final : impl::RaiseAttentionBase<RaiseAttention> {
  using RaiseAttentionBase::RaiseAttentionBase;

  void runOnOperation() override {
    Elements elements(getOperation());
    SmallVector<MatmulOp> products;
    getOperation().walk([&](MatmulOp op) { products.push_back(op); });
    for (MatmulOp product : products) {
      AttentionRaiser raiser(elements, product);
      Value attention = raiser.raise();
      auto named = [](StringRef name) {
        return remark::RemarkOpts::name(name).category("qopt-raise-attention");
      };
      if (attention) {
        product.replaceAllUsesWith(attention);
        remark::passed(attention.getLoc(), named("raised")) << "attention";
      } else if (!raiser.reason.empty()) {
        remark::missed(product.getLoc(), named("kept")) << raiser.reason;
      }
    }
  }
};

} // namespace
} // namespace qopt
