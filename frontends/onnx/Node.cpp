// What an importer rule sees of a node.

#include "qopt/frontends/onnx/Node.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "qopt/dialects/lowbit/Lowbit.h"
#include "qopt/frontends/onnx/Importer.h"

using namespace mlir;

namespace qopt::onnx {

/// A node without a name is known by what it gives.
static const std::string &labelOf(const ::onnx::NodeProto &proto) {
  return proto.name().empty() && proto.output_size() ? proto.output(0)
                                                     : proto.name();
}

InFlightDiagnostic Node::unsupported(const Twine &what) {
  return emitError(loc(), "unsupported ")
         << what << " of '" << proto.op_type() << "' (opset " << opset
         << ") at node '" << labelOf(proto) << "'";
}

InFlightDiagnostic Node::invalid(const Twine &what) {
  return emitError(loc(), "node '")
         << labelOf(proto) << "' (" << proto.op_type() << ") " << what;
}

bool Node::has(int index) {
  return index < proto.input_size() && !proto.input(index).empty();
}

LogicalResult Node::expectInputs(int count) {
  for (int i = 0; i < count; ++i)
    if (!has(i))
      return invalid("has " + Twine(inputs()) + " inputs, expects " +
                     Twine(count));
  return success();
}

Tensor &Node::tensor(int index) {
  static Tensor none;
  if (!has(index))
    return none;
  return scope[proto.input(index)];
}

Value Node::input(int index) { return importer.write(tensor(index), loc()); }

Exprs Node::dims(int index) {
  Tensor &own = tensor(index);
  if (own.value)
    return dims(own.value);
  Exprs sizes; // known contents have a known shape
  for (int64_t size : own.type.getShape())
    sizes.push_back(expr(size));
  return sizes;
}

Exprs Node::dims(Value value) { return Exprs(importer.dims->of(value)); }

const Exprs *Node::integers(int index) {
  Tensor &own = tensor(index);
  return own.integers ? &*own.integers : nullptr;
}

std::optional<SmallVector<int64_t>> Node::constants(int index) {
  const Exprs *known = has(index) ? integers(index) : nullptr;
  if (!known)
    return std::nullopt;
  SmallVector<int64_t> values;
  for (AffineExpr expr : *known) {
    auto constant = dyn_cast<AffineConstantExpr>(expr);
    if (!constant)
      return std::nullopt;
    values.push_back(constant.getValue());
  }
  return values;
}

std::optional<double> Node::real(int index) {
  if (!has(index))
    return std::nullopt;
  Tensor &own = tensor(index);
  if (own.reals && own.reals->size() == 1)
    return own.reals->front();
  auto integer = constants(index);
  if (integer && integer->size() == 1)
    return double(integer->front());
  return std::nullopt;
}

const ::onnx::AttributeProto *Node::attribute(StringRef name) {
  for (const auto &attribute : proto.attribute())
    if (attribute.name() == name && attribute.ref_attr_name().empty())
      return &attribute;
  return nullptr;
}

int64_t Node::integer(StringRef name, int64_t absent) {
  const auto *found = attribute(name);
  return found ? found->i() : absent;
}

double Node::real(StringRef name, double absent) {
  const auto *found = attribute(name);
  return found ? found->f() : absent;
}

std::string Node::text(StringRef name, StringRef absent) {
  const auto *found = attribute(name);
  return found ? found->s() : absent.str();
}

std::optional<SmallVector<int64_t>> Node::list(StringRef name) {
  const auto *found = attribute(name);
  if (!found)
    return std::nullopt;
  return SmallVector<int64_t>(found->ints().begin(), found->ints().end());
}

FailureOr<int64_t> Node::axis(int64_t axis, int64_t rank) {
  int64_t front = axis < 0 ? axis + rank : axis;
  if (front < 0 || front >= rank)
    return invalid("has axis " + Twine(axis) + ", expects one of " +
                   Twine(rank) + " axes");
  return front;
}

LogicalResult Node::sortAxes(MutableArrayRef<int64_t> axes, int64_t rank) {
  for (int64_t &each : axes) {
    auto front = axis(each, rank);
    if (failed(front))
      return failure();
    each = *front;
  }
  llvm::sort(axes);
  if (std::adjacent_find(axes.begin(), axes.end()) != axes.end())
    return invalid("names an axis twice");
  return success();
}

bool Node::wants(int index) {
  return index < proto.output_size() && !proto.output(index).empty();
}

void Node::set(int index, Value value) {
  set(index,
      Tensor{mlir::cast<RankedTensorType>(value.getType()), value, {}, {}});
}

void Node::set(int index, Tensor tensor) {
  if (wants(index))
    scope[proto.output(index)] = std::move(tensor);
}

void Node::setElements(ArrayRef<int64_t> places, ArrayRef<int64_t> shape) {
  const Tensor &from = tensor(0);
  Tensor to;
  to.type = from.type.clone(shape);
  if (from.integers) {
    to.integers.emplace();
    for (int64_t place : places)
      to.integers->push_back((*from.integers)[place]);
  } else {
    to.reals.emplace();
    for (int64_t place : places)
      to.reals->push_back((*from.reals)[place]);
  }
  set(0, std::move(to));
}

OpBuilder &Node::builder() { return importer.builder; }
nn::Dims &Node::dimensions() { return *importer.dims; }
Value Node::index(AffineExpr expr) { return importer.index(expr); }

AffineExpr Node::expr(int64_t value) {
  return getAffineConstantExpr(value, builder().getContext());
}

Value Node::scalar(double value, Type element) {
  auto type = RankedTensorType::get({}, element);
  Attribute number = isa<FloatType>(element)
                         ? Attribute(builder().getFloatAttr(element, value))
                         : builder().getIntegerAttr(element, int64_t(value));
  return create<arith::ConstantOp>(
      mlir::cast<TypedAttr>(DenseElementsAttr::get(type, number)));
}

RankedTensorType Node::typeOf(const Exprs &dims, Type element) {
  SmallVector<int64_t> shape;
  for (AffineExpr size : dims) {
    auto constant = dyn_cast<AffineConstantExpr>(size);
    shape.push_back(constant ? constant.getValue() : ShapedType::kDynamic);
  }
  return RankedTensorType::get(shape, element);
}

LogicalResult Node::checkSizes(const Exprs &dims) {
  if (int64_t(dims.size()) > maxRank)
    return invalid("gives a tensor of rank " + Twine(dims.size()) +
                   ", expects at most " + Twine(maxRank));
  int64_t elements = 1;
  for (AffineExpr size : dims) {
    auto constant = dyn_cast<AffineConstantExpr>(size);
    if (!constant)
      continue;
    int64_t value = constant.getValue();
    if (value < 0 || (value > 0 && elements > maxElements / value))
      return invalid("gives a tensor of size " + Twine(value) +
                     ", expects 0 or more, and at most " + Twine(maxElements) +
                     " elements");
    elements *= std::max<int64_t>(value, 1);
  }
  return success();
}

SmallVector<Value> Node::sizes(const Exprs &dims) {
  SmallVector<Value> values;
  for (AffineExpr size : dims)
    if (!isa<AffineConstantExpr>(size))
      values.push_back(index(size));
  return values;
}

static Type elementOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getElementType();
}

Value Node::reshape(Value value, const Exprs &dims) {
  if (this->dims(value) == dims)
    return value;
  return create<nn::ReshapeOp>(typeOf(dims, elementOf(value)), value,
                               sizes(dims));
}

Value Node::transpose(Value value, ArrayRef<int64_t> permutation) {
  // Two that undo each other leave what was there.
  auto before = value.getDefiningOp<nn::TransposeOp>();
  if (before) {
    bool undone = true;
    for (auto [i, axis] : llvm::enumerate(permutation))
      undone &= before.getPermutation()[axis] == int64_t(i);
    if (undone)
      return before.getInput();
  }
  // Codes that share one scale may be turned instead.
  if (auto coded = value.getDefiningOp<lowbit::DequantizeOp>();
      coded && coded.getScheme().getPer() == lowbit::Granularity::tensor) {
    Value codes = transpose(coded.getCodes(), permutation);
    return create<lowbit::DequantizeOp>(
        mlir::cast<RankedTensorType>(codes.getType()).clone(elementOf(value)),
        codes, coded.getScales(), coded.getZeros(), coded.getScheme());
  }
  return create<nn::TransposeOp>(value, permutation);
}

Value Node::broadcast(Value value, const Exprs &dims) {
  if (this->dims(value) == dims)
    return value;
  return create<nn::BroadcastOp>(typeOf(dims, elementOf(value)), value,
                                 sizes(dims));
}

Value Node::slice(Value value, int64_t axis, AffineExpr start, AffineExpr size,
                  int64_t step) {
  Exprs dims = this->dims(value);
  if (dims[axis] == size && step == 1)
    return value;
  dims[axis] = size;
  RankedTensorType type = typeOf(dims, elementOf(value));
  Value dynamic = type.isDynamicDim(axis) ? index(size) : Value();
  return create<nn::SliceOp>(type, value, index(start), dynamic, uint64_t(axis),
                             uint64_t(step));
}

Value Node::concat(ValueRange values, int64_t axis) {
  if (values.size() == 1)
    return values[0];
  Exprs sizes = dims(values[0]);
  for (Value value : values.drop_front())
    sizes[axis] =
        simplified(sizes[axis] + dims(value)[axis], importer.symbolCount());
  return create<nn::ConcatOp>(typeOf(sizes, elementOf(values[0])), values,
                              uint64_t(axis));
}

Value Node::cast(Value value, Type element) {
  auto type = mlir::cast<RankedTensorType>(value.getType());
  if (type.getElementType() == element)
    return value;
  // What codes mean is rounded once.
  if (auto coded = value.getDefiningOp<lowbit::DequantizeOp>();
      coded && type.getElementType().isF32() && isa<FloatType>(element))
    return create<lowbit::DequantizeOp>(type.clone(element), coded.getCodes(),
                                        coded.getScales(), coded.getZeros(),
                                        coded.getScheme());
  return create<nn::CastOp>(type.clone(element), value);
}

bool Node::unify(AffineExpr a, AffineExpr b) { return importer.learn(a, b); }

FailureOr<Exprs> Node::broadcastDims(const Exprs &a, const Exprs &b) {
  Exprs sizes(std::max(a.size(), b.size()), expr(1));
  for (size_t i = 0; i < sizes.size(); ++i) {
    size_t back = sizes.size() - i;
    AffineExpr x = back > a.size() ? expr(1) : a[a.size() - back];
    AffineExpr y = back > b.size() ? expr(1) : b[b.size() - back];
    if (x == expr(1) || y == expr(1)) {
      sizes[i] = x == expr(1) ? y : x;
      continue;
    }
    if (!unify(x, y)) {
      auto error = invalid("has operands that do not broadcast: sizes ");
      std::string text;
      llvm::raw_string_ostream(text) << x << " and " << y;
      return error << text << " on axis " << i;
    }
    sizes[i] = isa<AffineConstantExpr>(y) ? y : x;
  }
  return sizes;
}

bool Node::isParameter(int index) {
  Value value = tensor(index).value;
  Operation *op = value ? value.getDefiningOp() : nullptr;
  while (op && isa<nn::TransposeOp, nn::CastOp>(op))
    op = op->getOperand(0).getDefiningOp();
  return op && isa<ml_program::GlobalLoadOp, lowbit::DequantizeOp>(op);
}

/// The value of a tensor whose contents are known, or that was written.
Value Importer::write(Tensor &tensor, Location loc) {
  if (tensor.value)
    return tensor.value;
  RankedTensorType type = tensor.type;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(prologueEnd);
  auto add = [&](auto op) {
    dims->add(op);
    return op->getResult(0);
  };
  SmallVector<Attribute> numbers;
  bool constant = true;
  if (tensor.reals)
    for (double value : *tensor.reals)
      numbers.push_back(builder.getFloatAttr(type.getElementType(), value));
  else
    for (AffineExpr expr : *tensor.integers) {
      auto number = dyn_cast<AffineConstantExpr>(expr);
      constant &= bool(number);
      if (number)
        numbers.push_back(
            builder.getIntegerAttr(type.getElementType(), number.getValue()));
    }
  if (constant) {
    auto dense = DenseElementsAttr::get(type, numbers);
    return tensor.value = add(
               arith::ConstantOp::create(builder, loc, cast<TypedAttr>(dense)));
  }
  SmallVector<Value> elements;
  auto scalar = RankedTensorType::get({}, type.getElementType());
  auto single = RankedTensorType::get({1}, type.getElementType());
  for (AffineExpr expr : *tensor.integers) {
    Value element =
        add(nn::FromIndexOp::create(builder, loc, scalar, index(expr)));
    if (type.getRank() == 0)
      return tensor.value = element;
    elements.push_back(add(
        nn::ReshapeOp::create(builder, loc, single, element, ValueRange())));
  }
  auto line =
      RankedTensorType::get({int64_t(elements.size())}, type.getElementType());
  Value all = elements.size() == 1
                  ? elements[0]
                  : add(nn::ConcatOp::create(builder, loc, line, elements,
                                             uint64_t(0)));
  if (all.getType() != type)
    all = add(nn::ReshapeOp::create(builder, loc, type, all, ValueRange()));
  return tensor.value = all;
}

} // namespace qopt::onnx
