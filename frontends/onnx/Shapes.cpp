// Ops whose results are sizes, and constants.

#include "qopt/frontends/onnx/Importer.h"
#include "qopt/frontends/onnx/Node.h"

using namespace mlir;

namespace qopt::onnx {

static Tensor integersOf(Node &node, ArrayRef<int64_t> shape, Exprs values,
                         Type element = {}) {
  Tensor tensor;
  tensor.type = RankedTensorType::get(
      shape, element ? element : node.builder().getI64Type());
  tensor.integers = std::move(values);
  return tensor;
}

static LogicalResult importConstant(Node &node) {
  if (const auto *value = node.attribute("value")) {
    auto tensor = node.importer.constant(
        value->t(), node.proto.output_size() ? node.proto.output(0) : "",
        node.loc());
    if (failed(tensor))
      return failure();
    node.set(0, std::move(*tensor));
    return success();
  }
  Tensor tensor;
  Type f32 = node.builder().getF32Type();
  if (const auto *value = node.attribute("value_int")) {
    tensor = integersOf(node, {}, {node.expr(value->i())});
  } else if (const auto *value = node.attribute("value_ints")) {
    Exprs all;
    for (int64_t number : value->ints())
      all.push_back(node.expr(number));
    tensor = integersOf(node, {int64_t(all.size())}, all);
  } else if (const auto *value = node.attribute("value_float")) {
    tensor.type = RankedTensorType::get({}, f32);
    tensor.reals.emplace(1, value->f());
  } else if (const auto *value = node.attribute("value_floats")) {
    tensor.type = RankedTensorType::get({value->floats_size()}, f32);
    tensor.reals.emplace(value->floats().begin(), value->floats().end());
  } else {
    return node.unsupported("value");
  }
  node.set(0, std::move(tensor));
  return success();
}

static LogicalResult importShape(Node &node) {
  if (!node.has(0))
    return node.invalid("expects an input");
  Exprs dims = node.dims(0);
  int64_t rank = dims.size();
  auto clamp = [&](int64_t at) {
    return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  int64_t start = clamp(node.integer("start", 0));
  int64_t end = clamp(node.integer("end", rank));
  Exprs part;
  for (int64_t i = start; i < end; ++i)
    part.push_back(dims[i]);
  node.set(0, integersOf(node, {int64_t(part.size())}, part));
  return success();
}

static LogicalResult importSize(Node &node) {
  if (!node.has(0))
    return node.invalid("expects an input");
  AffineExpr product = node.expr(1);
  for (AffineExpr size : node.dims(0))
    product = product * size;
  node.set(0, integersOf(node, {},
                         {simplified(product, node.importer.symbolCount())}));
  return success();
}

static LogicalResult importConstantOfShape(Node &node) {
  const Exprs *sizes = node.has(0) ? node.integers(0) : nullptr;
  if (!sizes)
    return node.unsupported("shape that depends on data");
  if (failed(node.checkSizes(*sizes)))
    return failure();
  Tensor fill;
  fill.type = RankedTensorType::get({}, node.builder().getF32Type());
  fill.reals.emplace(1, 0.0);
  if (const auto *value = node.attribute("value")) {
    auto given = node.importer.constant(value->t(), "value", node.loc());
    if (failed(given))
      return failure();
    if (given->type.getNumElements() != 1)
      return node.invalid("expects a value of one element");
    fill = std::move(*given);
    fill.type = RankedTensorType::get({}, fill.type.getElementType());
  }
  RankedTensorType type = node.typeOf(*sizes, fill.type.getElementType());
  if (type.hasStaticShape() && type.getNumElements() <= maxContents) {
    int64_t count = type.getNumElements();
    if (fill.integers)
      fill.integers = Exprs(count, fill.integers->front());
    else
      fill.reals = std::vector<double>(count, fill.reals->front());
    fill.type = type;
    node.set(0, std::move(fill));
    return success();
  }
  Value scalar = node.importer.write(fill, node.loc());
  node.set(0, node.broadcast(scalar, *sizes));
  return success();
}

/// start + i * step for i in [0, (limit - start) / step)
static LogicalResult importRange(Node &node) {
  for (int i = 0; i < 3; ++i)
    if (!node.has(i) || node.rank(i) > 1 ||
        (node.rank(i) == 1 && node.type(i).getDimSize(0) != 1) ||
        node.type(i).getElementType() != node.type(0).getElementType())
      return node.invalid("expects three scalars of one type");
  Type element = node.type(0).getElementType();
  const Exprs *start = node.integers(0), *limit = node.integers(1);
  auto step = node.constants(2);
  if (!start || !limit || !step || step->front() <= 0) {
    // Of floats, all of them known.
    auto from = node.real(0), to = node.real(1), by = node.real(2);
    if (!from || !to || !by || *by == 0)
      return node.unsupported("range that depends on data");
    double count = std::max(0.0, std::ceil((*to - *from) / *by));
    if (count > 1e9)
      return node.unsupported("range of " + Twine(std::to_string(count)) +
                              " elements");
    Exprs size{node.expr(int64_t(count))};
    Value line = node.create<nn::IotaOp>(node.typeOf(size, element), Value());
    Value scaled = node.create<nn::MulOp>(line, node.scalar(*by, element));
    node.set(0, node.create<nn::AddOp>(scaled, node.scalar(*from, element)));
    return success();
  }
  AffineExpr span = limit->front() - start->front();
  AffineExpr count =
      simplified(step->front() == 1 ? span : span.ceilDiv(step->front()),
                 node.importer.symbolCount());
  if (auto known = dyn_cast<AffineConstantExpr>(count)) {
    if (known.getValue() <= maxContents) {
      Exprs values;
      for (int64_t i = 0; i < known.getValue(); ++i)
        values.push_back(simplified(start->front() + i * step->front(),
                                    node.importer.symbolCount()));
      node.set(0, integersOf(node, {int64_t(values.size())}, values, element));
      return success();
    }
  }
  Exprs size{count};
  if (failed(node.checkSizes(size)))
    return failure();
  RankedTensorType type = node.typeOf(size, element);
  Value dynamic = type.hasStaticShape() ? Value() : node.index(count);
  Value line = node.create<nn::IotaOp>(type, dynamic);
  if (step->front() != 1)
    line = node.create<nn::MulOp>(line, node.scalar(step->front(), element));
  if (start->front() != node.expr(0))
    line = node.create<nn::AddOp>(line, node.input(0));
  node.set(0, line);
  return success();
}

// clang-format off
static const OpImport constants[] = {
    // domain name               since until   import
    {"",      "Constant",        1,    newest, importConstant},
    {"",      "ConstantOfShape", 9,    newest, importConstantOfShape},
};
static const OpImport shapes[] = {
    {"",      "Range",           11,   newest, importRange},
    {"",      "Shape",           1,    newest, importShape},
    {"",      "Size",            1,    newest, importSize},
};
// clang-format on

const llvm::ArrayRef<OpImport> constantOps = constants;
const llvm::ArrayRef<OpImport> shapeOps = shapes;

} // namespace qopt::onnx
