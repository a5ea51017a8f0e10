// Ops that move elements.

#include <numeric>

#include "qopt/frontends/onnx/Importer.h"
#include "qopt/frontends/onnx/Node.h"

using namespace mlir;

namespace qopt::onnx {

static LogicalResult importTranspose(Node &node) {
  if (failed(node.expectInputs(1)))
    return failure();
  SmallVector<int64_t> permutation;
  if (auto given = node.list("perm"))
    permutation = *given;
  else
    for (int64_t axis = node.rank(0); axis-- > 0;)
      permutation.push_back(axis);
  SmallVector<bool> seen(node.rank(0), false);
  bool valid = int64_t(permutation.size()) == node.rank(0);
  for (int64_t axis : permutation) {
    valid = valid && axis >= 0 && axis < node.rank(0) && !seen[axis];
    if (valid)
      seen[axis] = true;
  }
  if (!valid)
    return node.invalid("expects a permutation of " + Twine(node.rank(0)) +
                        " axes");
  node.set(0, node.transpose(node.input(0), permutation));
  return success();
}

static LogicalResult importExpand(Node &node) {
  if (failed(node.expectInputs(2)))
    return failure();
  const Exprs *wanted = node.integers(1);
  if (!wanted)
    return node.unsupported("shape that depends on data");
  for (AffineExpr size : *wanted)
    if (auto constant = dyn_cast<AffineConstantExpr>(size);
        constant && constant.getValue() < 0)
      return node.invalid("has a negative size in its shape");
  auto all = node.broadcastDims(node.dims(0), *wanted);
  if (failed(all))
    return failure();
  if (failed(node.checkSizes(*all)))
    return failure();
  RankedTensorType type = node.typeOf(*all, node.type(0).getElementType());
  if (node.tensor(0).isKnown() && type.hasStaticShape() &&
      type.getNumElements() <= maxContents &&
      node.type(0).getNumElements() == 1) {
    SmallVector<int64_t> places(type.getNumElements(), 0);
    node.setElements(places, type.getShape());
    return success();
  }
  node.set(0, node.broadcast(node.input(0), *all));
  return success();
}

static LogicalResult importTile(Node &node) {
  if (failed(node.expectInputs(2)))
    return failure();
  const Exprs *repeats = node.integers(1);
  Exprs dims = node.dims(0);
  if (!repeats || repeats->size() != dims.size())
    return node.unsupported("repeats that depend on data");
  // [a, b] -> [1, a, 1, b] -> [r, a, s, b] -> [r a, s b]
  Exprs apart, wide, merged;
  for (auto [size, repeat] : llvm::zip_equal(dims, *repeats)) {
    apart.append({node.expr(1), size});
    wide.append({repeat, size});
    merged.push_back(simplified(repeat * size, node.importer.symbolCount()));
  }
  if (failed(node.checkSizes(wide)))
    return failure();
  Value value = node.reshape(node.input(0), apart);
  value = node.broadcast(value, wide);
  node.set(0, node.reshape(value, merged));
  return success();
}

static LogicalResult importConcat(Node &node) {
  if (failed(node.expectInputs(1)))
    return failure();
  auto axis = node.axis(node.integer("axis", 0), node.rank(0));
  if (failed(axis))
    return failure();
  bool known = true;
  Exprs first = node.dims(0);
  int64_t total = 0;
  for (int i = 0; i < node.inputs(); ++i) {
    if (!node.has(i) || node.rank(i) != node.rank(0) ||
        node.type(i).getElementType() != node.type(0).getElementType())
      return node.invalid("expects tensors of one rank and element type");
    known &= bool(node.tensor(i).integers);
    Exprs dims = node.dims(i);
    for (size_t other = 0; other < dims.size(); ++other)
      if (int64_t(other) != *axis && !node.unify(first[other], dims[other]))
        return node.invalid("has inputs of different sizes on axis " +
                            Twine(other));
    if (known)
      total += node.type(i).getNumElements();
  }
  if (known && node.rank(0) == 1 && total <= maxContents) {
    Tensor tensor;
    tensor.type = node.type(0).clone({total});
    tensor.integers.emplace();
    for (int i = 0; i < node.inputs(); ++i)
      llvm::append_range(*tensor.integers, *node.integers(i));
    node.set(0, std::move(tensor));
    return success();
  }
  SmallVector<Value> values;
  for (int i = 0; i < node.inputs(); ++i)
    if (node.dims(i)[*axis] != node.expr(0))
      values.push_back(node.input(i));
  if (values.empty())
    values.push_back(node.input(0));
  node.set(0, node.concat(values, *axis));
  return success();
}

static LogicalResult importSplit(Node &node) {
  if (failed(node.expectInputs(1)))
    return failure();
  auto axis = node.axis(node.integer("axis", 0), node.rank(0));
  if (failed(axis))
    return failure();
  AffineExpr size = node.dims(0)[*axis];
  SmallVector<int64_t> parts;
  if (auto given = node.list("split"))
    parts = *given;
  else if (node.has(1)) {
    auto known = node.constants(1);
    if (!known)
      return node.unsupported("split that depends on data");
    parts = *known;
  } else if (auto constant = dyn_cast<AffineConstantExpr>(size)) {
    int64_t part = llvm::divideCeil(constant.getValue(), node.outputs());
    for (int i = 0; i < node.outputs(); ++i)
      parts.push_back(std::min(part, constant.getValue() - part * i));
  } else {
    return node.unsupported("split of a size that is not known");
  }
  int64_t start = 0;
  if (int(parts.size()) != node.outputs())
    return node.invalid("has " + Twine(parts.size()) + " parts for " +
                        Twine(node.outputs()) + " outputs");
  if (llvm::any_of(parts,
                   [](int64_t part) { return part < 0 || part > maxElements; }))
    return node.invalid("has a part that no size could be");
  if (auto constant = dyn_cast<AffineConstantExpr>(size))
    if (constant.getValue() !=
        std::accumulate(parts.begin(), parts.end(), int64_t(0)))
      return node.invalid("has parts that do not sum to " +
                          Twine(constant.getValue()));
  for (auto [i, part] : llvm::enumerate(parts)) {
    node.set(
        i, node.slice(node.input(0), *axis, node.expr(start), node.expr(part)));
    start += part;
  }
  return success();
}

namespace {

/// One axis of a slice.
struct Range {
  int64_t axis, step;
  AffineExpr start, size;
};

} // namespace

/// Sizes and places of ONNX: from the end if negative, then inside.
static FailureOr<Range> rangeOf(Node &node, int64_t axis, AffineExpr size,
                                AffineExpr start, AffineExpr end,
                                int64_t step) {
  unsigned symbols = node.importer.symbolCount();
  auto constantOf = [](AffineExpr expr) -> std::optional<int64_t> {
    auto constant = dyn_cast<AffineConstantExpr>(expr);
    return constant ? std::optional(constant.getValue()) : std::nullopt;
  };
  auto placed = [&](AffineExpr at) -> AffineExpr {
    if (auto value = constantOf(at)) {
      if (*value < 0)
        at = simplified(at + size, symbols);
      else if (*value > (int64_t(1) << 40))
        at = size; // "to the end"
    }
    // Inside, where that can be told.
    auto beyond = constantOf(simplified(at - size, symbols));
    if (beyond && *beyond > 0)
      at = size;
    if (auto value = constantOf(at); value && *value < 0)
      at = node.expr(0);
    return at;
  };
  if (step == 0)
    return node.invalid("has step 0");
  step = std::min(step, maxElements);
  if (step < 0) {
    auto s = constantOf(size), from = constantOf(start), to = constantOf(end);
    if (!s || !from || !to)
      return node.unsupported("step " + Twine(step) + " over a dynamic size");
    int64_t back = step < -maxElements ? maxElements : -step, top = *s - 1;
    int64_t first = std::min(*from < 0 ? *from + *s : *from, top);
    int64_t last = std::min(*to < 0 ? *to + *s : *to, top);
    if (*to < -*s)
      last = -1;
    first = std::max<int64_t>(first, std::min<int64_t>(top, 0));
    last = std::max<int64_t>(last, -1);
    int64_t count = first > last ? (first - last + back - 1) / back : 0;
    return Range{axis, -back, node.expr(first), node.expr(count)};
  }
  AffineExpr first = placed(start), last = placed(end);
  AffineExpr span = simplified(last - first, symbols);
  if (auto value = constantOf(span); value && *value < 0)
    span = node.expr(0);
  if (step != 1)
    span = simplified(span.ceilDiv(step), symbols);
  return Range{axis, step, first, span};
}

static LogicalResult importSlice(Node &node) {
  if (failed(node.expectInputs(1)))
    return failure();
  Exprs starts, ends;
  SmallVector<int64_t> axes, steps;
  auto listed = [&](StringRef name, Exprs &values) {
    if (auto given = node.list(name))
      for (int64_t value : *given)
        values.push_back(node.expr(value));
  };
  listed("starts", starts);
  listed("ends", ends);
  if (auto given = node.list("axes"))
    axes = *given;
  if (node.has(1)) {
    if (failed(node.expectInputs(3)))
      return failure();
    if (!node.integers(1) || !node.integers(2))
      return node.unsupported("slice that depends on data");
    starts = *node.integers(1);
    ends = *node.integers(2);
    for (auto [i, list] : {std::pair(3, &axes), std::pair(4, &steps)})
      if (node.has(i)) {
        auto known = node.constants(i);
        if (!known)
          return node.unsupported("axes or steps that depend on data");
        *list = *known;
      }
  }
  if (axes.empty())
    for (size_t i = 0; i < starts.size(); ++i)
      axes.push_back(i);
  steps.resize(starts.size(), 1);
  if (ends.size() != starts.size() || axes.size() != starts.size())
    return node.invalid("expects as many ends and axes as starts");
  Exprs dims = node.dims(0);
  SmallVector<Range> ranges;
  for (size_t i = 0; i < starts.size(); ++i) {
    auto axis = node.axis(axes[i], node.rank(0));
    if (failed(axis))
      return failure();
    auto range =
        rangeOf(node, *axis, dims[*axis], starts[i], ends[i], steps[i]);
    if (failed(range))
      return failure();
    ranges.push_back(*range);
  }
  auto isNumber = [](AffineExpr expr) { return isa<AffineConstantExpr>(expr); };
  if (node.tensor(0).isKnown() && node.rank(0) == 1 && ranges.size() == 1 &&
      isNumber(ranges[0].start) && isNumber(ranges[0].size)) {
    SmallVector<int64_t> places;
    int64_t start = cast<AffineConstantExpr>(ranges[0].start).getValue();
    int64_t count = cast<AffineConstantExpr>(ranges[0].size).getValue();
    for (int64_t i = 0; i < count; ++i)
      places.push_back(start + i * ranges[0].step);
    node.setElements(places, {count});
    return success();
  }
  Value value = node.input(0);
  for (const Range &range : ranges)
    value = node.slice(value, range.axis, range.start, range.size, range.step);
  node.set(0, value);
  return success();
}
static LogicalResult importTrilu(Node &node) {
  if (failed(node.expectInputs(1)))
    return failure();
  if (node.rank(0) < 2)
    return node.invalid("expects a matrix");
  Value diagonal;
  if (node.has(1)) {
    const Exprs *known = node.integers(1);
    if (!known || known->size() != 1)
      return node.unsupported("diagonal that depends on data");
    diagonal = node.index(known->front());
  }
  node.set(0, node.create<nn::TriangleOp>(node.type(0), node.input(0), diagonal,
                                          node.integer("upper", 1) != 0));
  return success();
}
// clang-format off
static const OpImport table[] = {
    // domain  name     since  until   import
    {"",      "Concat",    4,   newest, importConcat},
    {"",      "Expand",    8,   newest, importExpand},
    {"",      "Slice",     1,   newest, importSlice},
    {"",      "Split",     2,   newest, importSplit},
    {"",      "Tile",      6,   newest, importTile},
    {"",      "Transpose", 1,   newest, importTranspose},
    {"",      "Trilu",     14,  newest, importTrilu},
};
// clang-format on

const llvm::ArrayRef<OpImport> viewOps = table;

} // namespace qopt::onnx
