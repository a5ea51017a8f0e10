// Reads an element through views and pointwise ops.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "qopt/passes/raise/ElementExpr.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace qopt::nn;

namespace qopt {

bool isView(Operation *op) {
  return isa<ReshapeOp, BroadcastOp, TransposeOp, SliceOp, ConcatOp, GatherOp,
             GatherNdOp, GatherElementsOp, ScatterNdOp, TriangleOp, IotaOp,
             FromIndexOp>(op);
}

bool isViewOrPointwise(Operation *op) {
  if (isView(op) || isa<CompareOp, SelectOp, CastOp, CumsumOp, ReduceOp>(op))
    return true;
  return isa<AddOp, SubOp, MulOp, DivOp, RemainderOp, PowOp, MaximumOp,
             MinimumOp, AndOp, OrOp, XorOp, NegOp, AbsOp, ExpOp, LogOp, SqrtOp,
             RsqrtOp, ReciprocalOp, SinOp, CosOp, TanhOp, SigmoidOp, SiluOp,
             ReluOp, FloorOp, CeilOp, RoundOp, NotOp, IsNanOp, IsInfOp>(op);
}

/// What no exporter writes is not read to its end: ops behind each other, reads
/// in all, and the nodes of an expression, shared ones counted where they
/// stand.
static constexpr int maxDepth = 512, maxReads = 20000;
static constexpr double maxWeight = 20000;

/// One read, which keeps what it has seen.
class ElementReader {
public:
  ElementReader(Elements &elements, const Elements::Through &through)
      : e(elements), through(through) {}

  Element read(Value tensor, const Indices &at);

private:
  Element readOp(Operation *op, const Indices &at);
  Element readReshape(ReshapeOp op, const Indices &at);
  Element readConcat(ConcatOp op, const Indices &at);
  Element readGather(GatherOp op, const Indices &at);
  Element readEmbedding(EmbeddingOp op, const Indices &at);
  Element readGatherNd(GatherNdOp op, const Indices &at);
  Element readGatherElements(GatherElementsOp op, const Indices &at);
  Element readScatter(ScatterNdOp op, const Indices &at);
  Element readTriangle(TriangleOp op, const Indices &at);
  Element readCast(CastOp op, const Indices &at);
  Element readReduce(ReduceOp op, const Indices &at);
  Element readPointwise(Operation *op, const Indices &at);
  /// An operand that may be repeated to the shape of the result.
  Element operand(Operation *op, unsigned i, const Indices &at);
  /// The position that `index` names on an axis of `size`.
  IndexExpr wrapped(Element index, const IndexExpr &size);

  Elements &e;
  const Elements::Through &through;
  int depth = 0, reads = 0;
  DenseMap<Value, std::vector<std::pair<Indices, Element>>> seen;
};

Element Elements::read(Value tensor, const Indices &at,
                       const Through &through) {
  return ElementReader(*this, through).read(tensor, at);
}

Element ElementReader::read(Value tensor, const Indices &at) {
  auto &places = seen[tensor];
  for (auto &[place, element] : places)
    if (place == at)
      return element;
  Element element = e.tables.read(e, tensor, at);
  Operation *op = tensor.getDefiningOp();
  if (!element && op && depth < maxDepth && reads < maxReads && through(op)) {
    ++depth, ++reads;
    element = readOp(op, at);
    --depth;
  }
  if (!element || element->weight > maxWeight)
    element = e.load(tensor, at);
  seen[tensor].emplace_back(at, element);
  return element;
}

Element ElementReader::operand(Operation *op, unsigned i, const Indices &at) {
  Value value = op->getOperand(i);
  auto shape = cast<RankedTensorType>(value.getType()).getShape();
  Indices place(at.end() - shape.size(), at.end());
  for (auto [position, size] : llvm::zip_equal(place, shape))
    if (size == 1)
      position = 0;
  return read(value, place);
}

Element ElementReader::readReshape(ReshapeOp op, const Indices &at) {
  Indices from = e.sizes(op.getInput()), to = e.sizes(op.getResult());
  Indices place(from.size());
  auto skipped = [](const Indices &sizes) {
    std::vector<size_t> axes;
    for (size_t i = 0; i < sizes.size(); ++i)
      if (sizes[i] != IndexExpr(1))
        axes.push_back(i);
    return axes;
  };
  std::vector<size_t> in = skipped(from), out = skipped(to);
  // Axes that stay, at the back and at the front: their places stay too.
  while (!in.empty() && !out.empty() && from[in.back()] == to[out.back()]) {
    place[in.back()] = at[out.back()];
    in.pop_back(), out.pop_back();
  }
  while (!in.empty() && !out.empty() && from[in.front()] == to[out.front()]) {
    place[in.front()] = at[out.front()];
    in.erase(in.begin()), out.erase(out.begin());
  }
  IndexExpr flat;
  for (size_t axis : out)
    flat = flat * to[axis] + at[axis];
  for (size_t axis : llvm::reverse(in)) {
    bool first = axis == in.front();
    place[axis] = first ? flat : e.space.remainder(flat, from[axis]);
    flat = first ? IndexExpr() : e.space.floorDiv(flat, from[axis]);
  }
  return read(op.getInput(), place);
}

Element ElementReader::readConcat(ConcatOp op, const Indices &at) {
  int64_t axis = op.getAxis();
  Indices starts{0};
  for (Value input : op.getInputs())
    starts.push_back(starts.back() + e.sizes(input)[axis]);
  // The first input that has not ended.
  Element result = nullptr;
  for (size_t i = op.getInputs().size(); i-- > 0;) {
    Indices place = at;
    bool isOne = starts[i + 1] - starts[i] == IndexExpr(1);
    place[axis] = isOne ? IndexExpr() : place[axis] - starts[i];
    Element before = e.apply("ge0", e.index(starts[i + 1] - at[axis] - 1));
    if (before->kind == ElementExpr::number && before->value == 0)
      continue;
    Element from = e.apply("ge0", e.index(at[axis] - starts[i]));
    if (from->kind == ElementExpr::number && from->value == 0)
      continue;
    Element here = read(op.getInputs()[i], place);
    result = result ? e.apply("select", {before, here, result}) : here;
  }
  return result;
}

IndexExpr ElementReader::wrapped(Element index, const IndexExpr &size) {
  auto position = e.asIndex(index);
  if (!position)
    return e.space.ofData(index);
  if (e.space.isNonNegative(*position))
    return *position;
  if (e.space.isNonNegative(IndexExpr(-1) - *position))
    return *position + size;
  // Unknown: the same unknown place for the same index.
  return e.space.ofData(
      e.apply("select", {e.apply("ge0", e.index(*position)), e.index(*position),
                         e.index(*position + size)}));
}

Element ElementReader::readGather(GatherOp op, const Indices &at) {
  size_t axis = op.getAxis();
  size_t rank = cast<RankedTensorType>(op.getIndices().getType()).getRank();
  Indices where(at.begin() + axis, at.begin() + axis + rank);
  Indices place(at.begin(), at.begin() + axis);
  place.push_back(
      wrapped(read(op.getIndices(), where), e.sizes(op.getInput())[axis]));
  place.insert(place.end(), at.begin() + axis + rank, at.end());
  return read(op.getInput(), place);
}

/// Rows of a table, which rotary angles may be.
Element ElementReader::readEmbedding(EmbeddingOp op, const Indices &at) {
  Element row = read(op.getIds(), Indices(at.begin(), at.end() - 1));
  auto position = e.asIndex(row);
  return read(op.getTable(),
              {position ? *position : e.space.ofData(row), at.back()});
}

Element ElementReader::readGatherNd(GatherNdOp op, const Indices &at) {
  auto type = cast<RankedTensorType>(op.getIndices().getType());
  size_t batch = op.getBatchDims(), outer = type.getRank() - 1;
  Indices sizes = e.sizes(op.getInput());
  Indices place(at.begin(), at.begin() + batch);
  for (int64_t i = 0; i < type.getShape().back(); ++i) {
    Indices where(at.begin(), at.begin() + outer);
    where.push_back(i);
    place.push_back(wrapped(read(op.getIndices(), where), sizes[batch + i]));
  }
  place.insert(place.end(), at.begin() + outer, at.end());
  return read(op.getInput(), place);
}

Element ElementReader::readGatherElements(GatherElementsOp op,
                                          const Indices &at) {
  Indices place = at;
  IndexExpr &position = place[op.getAxis()];
  position =
      wrapped(read(op.getIndices(), at), e.sizes(op.getInput())[op.getAxis()]);
  return read(op.getInput(), place);
}

/// Updates of a rectangle: place k of the indices is a variable of its own.
Element ElementReader::readScatter(ScatterNdOp op, const Indices &at) {
  Indices extents = e.sizes(op.getIndices());
  size_t depth =
      cast<RankedTensorType>(op.getIndices().getType()).getShape().back();
  Indices grid;
  for (size_t i = 0; i + 1 < extents.size(); ++i)
    grid.push_back(e.space.addVariable(extents[i]));
  Indices source(grid.size());
  std::vector<bool> isPlaced(grid.size());
  Element covered = e.number(1);
  for (size_t k = 0; k < depth; ++k) {
    Indices where = grid;
    where.push_back(k);
    auto target = e.asIndex(read(op.getIndices(), where));
    if (!target)
      return nullptr;
    IndexExpr extent = 1, offset = *target;
    for (size_t i = 0; i < grid.size(); ++i) {
      if (grid[i].constant() ||
          !target->mentions(grid[i].terms.begin()->first.front()))
        continue;
      offset = *target - grid[i];
      source[i] = at[k] - offset;
      isPlaced[i] = true;
      extent = extents[i];
      break;
    }
    for (const IndexExpr &variable : grid)
      if (!variable.constant() &&
          offset.mentions(variable.terms.begin()->first.front()))
        return nullptr;
    // A place lies inside its tensor: only bounds within it are asked for.
    auto require = [&](const IndexExpr &position) {
      covered = e.apply("and", {covered, e.apply("ge0", e.index(position))});
    };
    if (offset != IndexExpr())
      require(at[k] - offset);
    if (offset + extent != e.sizes(op.getInput())[k])
      require(offset + extent - at[k] - 1);
  }
  for (size_t i = 0; i < grid.size(); ++i)
    if (!grid[i].constant() && !isPlaced[i])
      return nullptr; // several updates may meet at one place
  Indices updated = source;
  updated.insert(updated.end(), at.begin() + depth, at.end());
  return e.apply("select", {covered, read(op.getUpdates(), updated),
                            read(op.getInput(), at)});
}

Element ElementReader::readTriangle(TriangleOp op, const Indices &at) {
  std::optional<IndexExpr> diagonal = IndexExpr();
  if (op.getDiagonal())
    diagonal = e.ofIndexValue(op.getDiagonal());
  if (!diagonal)
    return nullptr;
  IndexExpr d = at.back() - at[at.size() - 2] - *diagonal;
  Element kept = e.apply("ge0", e.index(op.getUpper() ? d : IndexExpr() - d));
  return e.apply("select", {kept, read(op.getInput(), at), e.number(0)});
}

Element ElementReader::readCast(CastOp op, const Indices &at) {
  Type from = getElementTypeOrSelf(op.getInput().getType());
  Type to = getElementTypeOrSelf(op.getType());
  Element value = read(op.getInput(), at);
  if (to.isInteger(1))
    return e.isBool(value) ? value
                           : e.compare(Predicate::ne, value, e.number(0));
  if (isa<FloatType>(from) && isa<IntegerType>(to))
    return e.apply("truncate", value);
  return value;
}

/// Of one number everywhere: how often it is there.
Element ElementReader::readReduce(ReduceOp op, const Indices &at) {
  Indices sizes = e.sizes(op.getInput()), place(sizes.size());
  Element input = read(op.getInput(), place);
  Indices anywhere = e.variables(op.getInput());
  if (input->kind != ElementExpr::number ||
      read(op.getInput(), anywhere) != input || op.getKind() == Reduction::prod)
    return nullptr;
  IndexExpr count = 1;
  for (int64_t axis : op.getAxes())
    count = count * sizes[axis];
  return op.getKind() == Reduction::sum
             ? e.apply("mul", {input, e.index(count)})
             : input;
}

Element ElementReader::readPointwise(Operation *op, const Indices &at) {
  if (auto compare = dyn_cast<CompareOp>(op))
    return e.compare(compare.getPredicate(), operand(op, 0, at),
                     operand(op, 1, at));
  SmallVector<Element> operands;
  for (unsigned i = 0; i < op->getNumOperands(); ++i)
    operands.push_back(operand(op, i, at));
  bool isInteger =
      getElementTypeOrSelf(op->getResult(0).getType()).isSignlessInteger();
  if (isInteger && isa<DivOp, RemainderOp>(op)) {
    auto a = e.asIndex(operands[0]), b = e.asIndex(operands[1]);
    if (!a || !b || !e.space.isNonNegative(*a) ||
        !e.space.isNonNegative(*b - 1))
      return nullptr;
    return e.index(isa<DivOp>(op) ? e.space.floorDiv(*a, *b)
                                  : e.space.remainder(*a, *b));
  }
  return e.apply(op->getName().stripDialect(), operands);
}

Element ElementReader::readOp(Operation *op, const Indices &at) {
  return TypeSwitch<Operation *, Element>(op)
      .Case([&](ReshapeOp op) { return readReshape(op, at); })
      .Case([&](BroadcastOp op) { return operand(op, 0, at); })
      .Case([&](TransposeOp op) {
        Indices place(at.size());
        for (auto [axis, from] : llvm::enumerate(op.getPermutation()))
          place[from] = at[axis];
        return read(op.getInput(), place);
      })
      .Case([&](SliceOp op) -> Element {
        auto start = e.ofIndexValue(op.getStart());
        if (!start)
          return nullptr;
        Indices place = at;
        place[op.getAxis()] =
            *start + place[op.getAxis()] * IndexExpr(op.getStep());
        return read(op.getInput(), place);
      })
      .Case([&](ConcatOp op) { return readConcat(op, at); })
      .Case([&](GatherOp op) { return readGather(op, at); })
      .Case([&](GatherNdOp op) { return readGatherNd(op, at); })
      .Case([&](EmbeddingOp op) { return readEmbedding(op, at); })
      .Case([&](GatherElementsOp op) { return readGatherElements(op, at); })
      .Case([&](ScatterNdOp op) { return readScatter(op, at); })
      .Case([&](TriangleOp op) { return readTriangle(op, at); })
      .Case([&](IotaOp) { return e.index(at.front()); })
      .Case([&](FromIndexOp op) -> Element {
        auto value = e.ofIndexValue(op.getIndex());
        return value ? e.index(*value) : nullptr;
      })
      .Case([&](CumsumOp op) -> Element {
        // Of ones: how many there are so far.
        Element input = read(op.getInput(), at);
        if (input->kind != ElementExpr::number || op.getReverse())
          return nullptr;
        return e.apply("mul",
                       {input, e.index(at[op.getAxis()] + !op.getExclusive())});
      })
      .Case([&](ReduceOp op) { return readReduce(op, at); })
      .Case([&](CastOp op) { return readCast(op, at); })
      .Default([&](Operation *op) { return readPointwise(op, at); });
}

} // namespace qopt
