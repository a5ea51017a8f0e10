// Ops that give the same elements another shape.

#include "qopt/frontends/onnx/Importer.h"
#include "qopt/frontends/onnx/Node.h"

using namespace mlir;

namespace qopt::onnx {

/// The same elements under another static shape.
static void setReshaped(Node &node, ArrayRef<int64_t> shape) {
  Tensor tensor = node.tensor(0);
  tensor.type = tensor.type.clone(shape);
  tensor.value = nullptr;
  node.set(0, std::move(tensor));
}

static void setShape(Node &node, const Exprs &dims) {
  RankedTensorType type = node.typeOf(dims, node.type(0).getElementType());
  if (node.tensor(0).isKnown() && type.hasStaticShape())
    return setReshaped(node, type.getShape());
  node.set(0, node.reshape(node.input(0), dims));
}

/// The product of some sizes.
static AffineExpr product(Node &node, const Exprs &dims) {
  AffineExpr all = node.expr(1);
  for (AffineExpr size : dims)
    all = all * size;
  return simplified(all, node.importer.symbolCount());
}

namespace {

/// A product of sizes: a number and symbols or sums, with repetition.
struct Factors {
  int64_t number = 1;
  SmallVector<AffineExpr> others;
};

} // namespace

static void split(AffineExpr expr, Factors &factors) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
    factors.number *= constant.getValue();
  } else if (expr.getKind() == AffineExprKind::Mul) {
    auto binary = cast<AffineBinaryOpExpr>(expr);
    split(binary.getLHS(), factors);
    split(binary.getRHS(), factors);
  } else {
    factors.others.push_back(expr);
  }
}

/// total / part where it divides; null where that cannot be told.
static AffineExpr divided(Node &node, const Exprs &total, const Exprs &part) {
  Factors above, below;
  for (AffineExpr size : total)
    split(size, above);
  for (AffineExpr size : part)
    split(size, below);
  for (AffineExpr factor : below.others) {
    auto found = llvm::find(above.others, factor);
    if (found == above.others.end())
      return {};
    above.others.erase(found);
  }
  if (below.number == 0)
    return {};
  if (above.number % below.number == 0) {
    AffineExpr rest = node.expr(above.number / below.number);
    for (AffineExpr factor : above.others)
      rest = rest * factor;
    return simplified(rest, node.importer.symbolCount());
  }
  if (above.others.empty())
    return {};
  AffineExpr rest = node.expr(above.number);
  for (AffineExpr factor : above.others)
    rest = rest * factor;
  return rest.floorDiv(below.number);
}

static LogicalResult importReshape(Node &node) {
  if (failed(node.expectInputs(2)))
    return failure();
  const Exprs *wanted = node.integers(1);
  if (!wanted)
    return node.unsupported("shape that depends on data");
  Exprs from = node.dims(0), to = *wanted, others;
  bool zeros = node.integer("allowzero", 0) == 0;
  int unknown = -1;
  for (auto [i, size] : llvm::enumerate(to)) {
    auto constant = dyn_cast<AffineConstantExpr>(size);
    int64_t value = constant ? constant.getValue() : 1;
    if (value == -1 && unknown < 0) {
      unknown = i;
      continue;
    }
    if (value == 0 && zeros) {
      if (i >= from.size())
        return node.invalid("keeps axis " + Twine(i) + " of a tensor of rank " +
                            Twine(from.size()));
      size = from[i];
    } else if (value < 0) {
      return node.invalid("has size " + Twine(value) + " in its shape");
    }
    others.push_back(size);
  }
  if (failed(node.checkSizes(others)))
    return failure();
  if (unknown >= 0) {
    to[unknown] = divided(node, from, others);
    if (!to[unknown])
      return node.unsupported("size -1 that does not follow from the others");
  }
  AffineExpr difference = simplified(product(node, from) - product(node, to),
                                     node.importer.symbolCount());
  auto constant = dyn_cast<AffineConstantExpr>(difference);
  if (constant && constant.getValue() != 0)
    return node.invalid("changes the number of elements by " +
                        Twine(constant.getValue()));
  setShape(node, to);
  return success();
}

static LogicalResult importFlatten(Node &node) {
  if (failed(node.expectInputs(1)))
    return failure();
  Exprs dims = node.dims(0);
  int64_t rank = dims.size(), axis = node.integer("axis", 1);
  axis = axis < 0 ? axis + rank : axis;
  if (axis < 0 || axis > rank)
    return node.invalid("has axis " + Twine(axis));
  Exprs front(dims.begin(), dims.begin() + axis);
  Exprs back(dims.begin() + axis, dims.end());
  setShape(node, {product(node, front), product(node, back)});
  return success();
}

/// Axes as an attribute, later as an input; failure after an error.
static FailureOr<SmallVector<int64_t>> axesOf(Node &node, int64_t rank,
                                              bool required) {
  SmallVector<int64_t> axes;
  if (auto given = node.list("axes"))
    axes = *given;
  else if (node.has(1)) {
    auto known = node.constants(1);
    if (!known)
      return node.unsupported("axes that depend on data");
    axes = *known;
  } else if (required) {
    return node.invalid("expects axes");
  }
  if (failed(node.sortAxes(axes, rank)))
    return failure();
  return axes;
}

static LogicalResult importUnsqueeze(Node &node) {
  if (failed(node.expectInputs(1)))
    return failure();
  Exprs dims = node.dims(0);
  auto given = node.list("axes");
  auto known = given ? given : node.constants(1);
  if (!known)
    return node.unsupported("axes that depend on data");
  if (known->size() > 64)
    return node.invalid("adds " + Twine(known->size()) + " axes");
  auto axes = axesOf(node, dims.size() + known->size(), true);
  if (failed(axes))
    return failure();
  for (int64_t axis : *axes)
    dims.insert(dims.begin() + axis, node.expr(1));
  setShape(node, dims);
  return success();
}

static LogicalResult importSqueeze(Node &node) {
  if (failed(node.expectInputs(1)))
    return failure();
  Exprs dims = node.dims(0), kept;
  auto axes = axesOf(node, dims.size(), false);
  if (failed(axes))
    return failure();
  for (auto [i, size] : llvm::enumerate(dims)) {
    bool named = llvm::is_contained(*axes, int64_t(i));
    if (named && size != node.expr(1))
      return node.unsupported("axis " + Twine(i) + ", whose size is not 1");
    if (!named && !(axes->empty() && size == node.expr(1)))
      kept.push_back(size);
  }
  setShape(node, kept);
  return success();
}

// clang-format off
static const OpImport table[] = {
    // domain  name     since  until   import
    {"",      "Flatten",   1,   newest, importFlatten},
    {"",      "Reshape",   5,   newest, importReshape},
    {"",      "Squeeze",   1,   newest, importSqueeze},
    {"",      "Unsqueeze", 1,   newest, importUnsqueeze},
};
// clang-format on

const llvm::ArrayRef<OpImport> reshapeOps = table;

} // namespace qopt::onnx
