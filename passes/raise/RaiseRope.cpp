// Recognises rotary position embeddings that were exported as primitive ops.
//
// Pairs of elements (first, second) = (i, i + R/2), or (2i, 2i + 1), become
//   first  * c_i - second * s_i   and   second * c_i + first * s_i.
// The elements of a candidate are read at both places of pair i, with i a
// variable: slices, concats and transposes are gone then, and what multiplies
// what can be compared.

#include "mlir/IR/Remarks.h"
#include "qopt/passes/Passes.h"
#include "qopt/passes/raise/ElementWriter.h"
#include "qopt/passes/raise/Factors.h"

using namespace mlir;
using namespace qopt::nn;

namespace qopt {

#define GEN_PASS_DEF_RAISEROPE
#include "qopt/passes/Passes.h.inc"

/// The ops that one rotation consists of: from its root to the products with
/// sines and cosines, and what the angles are made of, to see that both halves
/// of a table are equal. A sum behind the products is not entered: it belongs
/// to what is rotated (a bias, a low-rank branch).
class RotationOps {
public:
  explicit RotationOps(Value root) { collectSums(root); }
  bool contains(Operation *op) {
    if (isView(op) || isa<MulOp, NegOp, CastOp, EmbeddingOp>(op))
      return true;
    if (isa<SinOp, CosOp>(op)) {
      collectAngle(op->getOperand(0));
      return true;
    }
    return inside.contains(op);
  }

private:
  static bool mayBeInside(Operation *op) {
    return isView(op) || isa<AddOp, SubOp, MulOp, NegOp, CastOp>(op);
  }
  void collectSums(Value root) {
    SmallVector<Value> open{root};
    while (!open.empty()) {
      Operation *op = open.pop_back_val().getDefiningOp();
      if (!op || !mayBeInside(op) || isa<MulOp>(op) ||
          !inside.insert(op).second)
        continue;
      if (!isa<AddOp, SubOp>(op))
        llvm::append_range(open, op->getOperands());
    }
  }
  void collectAngle(Value angle) {
    SmallVector<Value> open{angle};
    while (!open.empty()) {
      Operation *op = open.pop_back_val().getDefiningOp();
      if (op && mayBeInside(op) && inside.insert(op).second)
        llvm::append_range(open, op->getOperands());
    }
  }
  llvm::DenseSet<Operation *> inside;
};

/// One summand: scale * factors.
struct Term {
  double scale;
  SmallVector<Element> factors;
};

/// `expr` as a sum of two products; nothing if it is not.
static std::optional<std::array<Term, 2>> twoTerms(Element expr) {
  if (expr->code != "add")
    return std::nullopt;
  std::array<Term, 2> terms;
  for (int i : {0, 1}) {
    Factors factors = factorsOf(expr->operands[i]);
    if (factors.scale == 0 || factors.powers.empty())
      return std::nullopt;
    terms[i].scale = factors.scale;
    for (auto [base, power] : factors.powers) {
      if (power != 1)
        return std::nullopt;
      terms[i].factors.push_back(base);
    }
  }
  return terms;
}

/// A rotation of x, whose elements are functions of the variables at the root.
struct Rotation {
  Element first, second; ///< the pair
  Element cos, sin;
};

/// What `a` and `b` share, and what each has beside it.
static std::array<SmallVector<Element>, 3> split(const Term &a, const Term &b) {
  std::array<SmallVector<Element>, 3> parts;
  parts[2] = b.factors;
  for (Element factor : a.factors)
    if (auto found = llvm::find(parts[2], factor); found != parts[2].end()) {
      parts[0].push_back(factor);
      parts[2].erase(found);
    } else {
      parts[1].push_back(factor);
    }
  return parts;
}

static Element product(Elements &elements, ArrayRef<Element> factors,
                       double scale = 1) {
  Element result = elements.number(scale);
  for (Element factor : factors)
    result = elements.apply("mul", {result, factor});
  return result;
}

/// From the elements that replace first and second of a pair. `i` says which
/// term of the second has the factor of `plus`: the x of a rotation and its
/// table could change places, so both are tried.
static std::optional<Rotation> match(Element newFirst, Element newSecond, int i,
                                     Elements &elements) {
  auto a = twoTerms(newFirst), b = twoTerms(newSecond);
  if (!a || !b || (*b)[0].scale < 0 || (*b)[1].scale < 0 ||
      ((*a)[0].scale < 0) == ((*a)[1].scale < 0))
    return std::nullopt;
  const Term &plus = (*a)[(*a)[0].scale < 0], &minus = (*a)[(*a)[0].scale > 0];
  auto [cos, first, second] = split(plus, (*b)[i]);
  auto [sin, second2, first2] = split(minus, (*b)[1 - i]);
  // What scales both products of a table stays in the table.
  if (plus.scale != (*b)[i].scale || minus.scale != -(*b)[1 - i].scale)
    return std::nullopt;
  Rotation r{product(elements, first), product(elements, second),
             product(elements, cos, plus.scale),
             product(elements, sin, -minus.scale)};
  if (cos.empty() || sin.empty() || first.empty() || second.empty() ||
      r.first != product(elements, first2) ||
      r.second != product(elements, second2))
    return std::nullopt;
  return r;
}

/// Reads one candidate and writes it as a rope.
class RopeRaiser {
public:
  RopeRaiser(Elements &elements, Value root)
      : e(elements), root(root), at(e.variables(root)),
        D(cast<RankedTensorType>(root.getType()).getShape().back()), ops(root) {
  }

  Value raise() {
    int64_t rotated = D;
    while (rotated > 0 && isPlain(read(rotated - 1)))
      --rotated;
    if (rotated < 2 || rotated % 2)
      return {};
    for (bool interleaved : {false, true})
      for (int term : {0, 1})
        if (Value rope = raise(rotated, interleaved, term))
          return rope;
    return {};
  }

private:
  Element read(const IndexExpr &channel) {
    Indices place = at;
    place.back() = channel;
    return e.read(root, place, [&](Operation *op) { return ops.contains(op); });
  }
  static bool isPlain(Element expr) { return expr->kind == ElementExpr::load; }
  Value raise(int64_t rotated, bool interleaved, int term);
  Value write(Element x, const Rotation &rotation, const IndexExpr &pair,
              const IndexExpr &channel, bool interleaved);

  Elements &e;
  Value root;
  Indices at;
  int64_t D;
  RotationOps ops;
};

Value RopeRaiser::raise(int64_t rotated, bool interleaved, int term) {
  IndexExpr pair = e.space.addVariable(rotated / 2);
  IndexExpr first = interleaved ? pair * 2 : pair;
  IndexExpr second = interleaved ? pair * 2 + 1 : pair + rotated / 2;
  auto rotation = match(read(first), read(second), term, e);
  if (!rotation || pair.constant())
    return {};
  // x as a function of the channel, from its value at the first of a pair.
  IndexExpr channel = e.space.addVariable(D);
  Element x = rotation->first;
  if (interleaved) {
    // 2 i is the channel: i is half of it wherever it occurs in an even way.
    if (x->kind != ElementExpr::load)
      return {};
    Indices place = x->at;
    for (IndexExpr &position : place) {
      auto factor = position.coefficient(pair.terms.begin()->first.front());
      if (!factor || !factor->constant() || *factor->constant() % 2)
        return {};
      position = position - pair * *factor +
                 channel * IndexExpr(*factor->constant() / 2);
    }
    x = e.load(x->tensor, place);
  } else {
    x = e.replace(x, pair, channel);
  }
  if (e.replace(x, channel, first) != rotation->first ||
      e.replace(x, channel, second) != rotation->second)
    return {};
  if (rotated < D) {
    IndexExpr rest = e.space.addVariable(D - rotated) + rotated;
    if (e.replace(x, channel, rest) != read(rest))
      return {};
  }
  return write(x, *rotation, pair, channel, interleaved);
}

Value RopeRaiser::write(Element x, const Rotation &rotation,
                        const IndexExpr &pair, const IndexExpr &channel,
                        bool interleaved) {
  // Angles depend on the token, never on the head.
  unsigned tokens = 2, heads = 1;
  auto turns = [&](unsigned axis) {
    return e.mentions(rotation.cos, at[axis]) ||
           e.mentions(rotation.sin, at[axis]);
  };
  if (turns(1))
    std::swap(tokens, heads);
  if (turns(heads))
    return {};
  Operation *op = root.getDefiningOp();
  OpBuilder builder(op);
  ElementWriter writer(e, builder, op->getLoc());
  auto type = cast<RankedTensorType>(root.getType());
  Indices order{at[0], at[heads], at[tokens], channel};
  Indices sizes = e.sizes(root);
  Indices full{sizes[0], sizes[heads], sizes[tokens], sizes[3]};
  Value input = writer.write(x, order, type.getElementType());
  if (!input || e.sizes(input) != full)
    return {};
  auto angle = [&](Element table) -> Value {
    Value written =
        writer.write(table, {at[0], at[tokens], pair}, type.getElementType());
    // Batch may stay 1; tokens and pairs are all there.
    if (!written)
      return {};
    e.dims.add(written.getDefiningOp());
    auto shape = cast<RankedTensorType>(written.getType()).getShape();
    int64_t pairs =
        *e.space[pair.terms.begin()->first.front()].extent->constant();
    Indices wanted{shape[0] == 1 ? IndexExpr(1) : sizes[0], sizes[tokens],
                   pairs};
    if (SmallVector<int64_t>(shape) !=
        SmallVector<int64_t>{
            shape[0], wanted[1].constant().value_or(ShapedType::kDynamic),
            pairs})
      written = writer.repeat(written, wanted);
    if (written &&
        getElementTypeOrSelf(written.getType()) != type.getElementType())
      written = CastOp::create(builder, op->getLoc(),
                               cast<RankedTensorType>(written.getType())
                                   .clone(type.getElementType()),
                               written);
    return written;
  };
  Value cos = angle(rotation.cos), sin = angle(rotation.sin);
  if (!cos || !sin)
    return {};
  if (getElementTypeOrSelf(input.getType()) != type.getElementType())
    input = CastOp::create(
        builder, op->getLoc(),
        cast<RankedTensorType>(input.getType()).clone(type.getElementType()),
        input);
  Value rope =
      RopeOp::create(builder, op->getLoc(), input.getType(), input, cos, sin,
                     interleaved ? builder.getUnitAttr() : UnitAttr());
  if (tokens == 1)
    rope = TransposeOp::create(builder, op->getLoc(), rope,
                               ArrayRef<int64_t>{0, 2, 1, 3});
  return rope;
}

/// What a rotation may end in: a sum of halves, or the halves put together.
static bool mayBeRotation(Operation *op) {
  if (!isa<AddOp, ConcatOp, ReshapeOp, TransposeOp>(op) || op->use_empty())
    return false;
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  return type.getRank() == 4 && isa<FloatType>(type.getElementType()) &&
         type.getShape().back() > 1 && type.getShape().back() <= 1024;
}

namespace {

struct RaiseRope final : impl::RaiseRopeBase<RaiseRope> {
  using RaiseRopeBase::RaiseRopeBase;

  void runOnOperation() override {
    Elements elements(getOperation());
    SmallVector<Operation *> candidates;
    getOperation().walk([&](Operation *op) {
      if (op->getNumResults() == 1 && isViewOrPointwise(op))
        candidates.push_back(op);
    });
    // The last op of a rotation comes first, its parts are dead after it.
    for (Operation *op : llvm::reverse(candidates)) {
      if (mayBeRotation(op))
        if (Value rope = RopeRaiser(elements, op->getResult(0)).raise()) {
          op->getResult(0).replaceAllUsesWith(rope);
          remark::passed(
              rope.getLoc(),
              remark::RemarkOpts::name("raised").category("qopt-raise-rope"))
              << "rope";
        }
      if (op->use_empty())
        op->erase();
    }
  }
};

} // namespace
} // namespace qopt
