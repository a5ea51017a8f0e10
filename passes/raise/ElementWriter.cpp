// Turns element expressions back into views and pointwise ops.

#include "qopt/passes/raise/ElementWriter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace qopt::nn;

namespace qopt {

static Type elementType(Value tensor) {
  return getElementTypeOrSelf(tensor.getType());
}

static SmallVector<int64_t> shapeOf(const Indices &sizes) {
  SmallVector<int64_t> shape;
  for (const IndexExpr &size : sizes)
    shape.push_back(size.constant().value_or(ShapedType::kDynamic));
  return shape;
}

IndexExpr ElementWriter::extentOf(const IndexExpr &variable) {
  return variable.constant()
             ? IndexExpr(1)
             : *e.space[variable.terms.begin()->first.front()].extent;
}

Value ElementWriter::writeSize(const IndexExpr &expr) {
  auto learned = [&](auto op) -> Value {
    e.dims.add(op);
    return op;
  };
  if (auto constant = expr.constant())
    return learned(arith::ConstantIndexOp::create(builder, loc, *constant));
  for (BlockArgument argument : e.function.getArguments()) {
    if (!isa<RankedTensorType>(argument.getType()))
      continue;
    for (auto [axis, size] : llvm::enumerate(e.sizes(argument)))
      if (size == expr) {
        auto dim = tensor::DimOp::create(builder, loc, argument, axis);
        e.dims.add(dim.getIndex().getDefiningOp());
        return learned(dim);
      }
  }
  if (expr.terms.size() == 1 && expr.terms.begin()->first.size() == 1 &&
      expr.terms.begin()->second == 1)
    return {}; // a symbol that no argument shows
  Value sum;
  for (const auto &[monomial, coefficient] : expr.terms) {
    Value product;
    if (coefficient != 1 || monomial.empty())
      product = writeSize(coefficient);
    for (unsigned atom : monomial) {
      Value factor = writeSize(IndexExpr::ofAtom(atom));
      if (!factor)
        return {};
      product =
          product
              ? learned(arith::MulIOp::create(builder, loc, product, factor))
              : factor;
    }
    sum = sum ? learned(arith::AddIOp::create(builder, loc, sum, product))
              : product;
  }
  return sum;
}

Value ElementWriter::reshape(Value tensor, const Indices &sizes) {
  if (e.sizes(tensor) == sizes)
    return tensor;
  SmallVector<Value> dynamic;
  for (const IndexExpr &size : sizes)
    if (!size.constant()) {
      dynamic.push_back(writeSize(size));
      if (!dynamic.back())
        return {};
    }
  auto result = ReshapeOp::create(
      builder, loc, RankedTensorType::get(shapeOf(sizes), elementType(tensor)),
      tensor, dynamic);
  e.dims.add(result);
  return result;
}

Value ElementWriter::repeat(Value tensor, const Indices &sizes) {
  if (e.sizes(tensor) == sizes)
    return tensor;
  SmallVector<Value> dynamic;
  for (const IndexExpr &size : sizes)
    if (!size.constant()) {
      dynamic.push_back(writeSize(size));
      if (!dynamic.back())
        return {};
    }
  return BroadcastOp::create(
      builder, loc, RankedTensorType::get(shapeOf(sizes), elementType(tensor)),
      tensor, dynamic);
}

Value ElementWriter::cast(Value tensor, Type type) {
  if (!tensor || elementType(tensor) == type)
    return tensor;
  auto to = mlir::cast<RankedTensorType>(tensor.getType()).clone(type);
  return CastOp::create(builder, loc, to, tensor);
}

/// Cuts what `position` names out of one axis and tells which variables run
/// along it: none, one with a step, or several that were flattened.
Value ElementWriter::pick(Value tensor, int64_t axis, const IndexExpr &position,
                          const Indices &variables, std::vector<Part> &parts) {
  IndexExpr size = e.sizes(tensor)[axis], start = position;
  struct Run {
    int64_t stride;
    Part part;
  };
  std::vector<Run> runs;
  for (auto [i, variable] : llvm::enumerate(variables)) {
    if (variable.constant())
      continue;
    auto factor = position.coefficient(variable.terms.begin()->first.front());
    if (!factor || !factor->constant())
      return {};
    if (int64_t stride = *factor->constant()) {
      runs.push_back({stride, {unsigned(i), extentOf(variable)}});
      start = start - variable * *factor;
    }
  }
  for (const auto &[monomial, coefficient] : start.terms)
    for (unsigned atom : monomial)
      if (e.space[atom].kind != IndexAtom::size)
        return {};
  llvm::stable_sort(
      runs, [](const Run &a, const Run &b) { return a.stride > b.stride; });
  IndexExpr covered = 1;
  for (size_t i = runs.size(); i-- > 0; covered = covered * runs[i].part.extent)
    if (runs.size() > 1 && IndexExpr(runs[i].stride) != covered)
      return {};
  for (const Run &run : runs)
    parts.push_back(run.part);
  int64_t step = runs.size() == 1 ? runs[0].stride : 1;
  if (step < 1 || (start == IndexExpr() && step == 1 && covered == size))
    return step < 1 ? Value() : tensor;
  Indices sizes = e.sizes(tensor);
  sizes[axis] = covered;
  Value from = writeSize(start);
  Value count = covered.constant() ? Value() : writeSize(covered);
  if (!from || (!covered.constant() && !count))
    return {};
  auto slice = SliceOp::create(
      builder, loc, RankedTensorType::get(shapeOf(sizes), elementType(tensor)),
      tensor, from, count, axis, step);
  e.dims.add(slice);
  return slice;
}

/// The index that an element reader made `position` of, for an axis of `size`:
/// a gather counts negative ones from the end by itself.
IndexExpr ElementWriter::unwrapped(const IndexExpr &position,
                                   const IndexExpr &size) {
  if (position.terms.size() != 1 || position.terms.begin()->second != 1 ||
      position.terms.begin()->first.size() != 1)
    return position;
  Element choice = e.space[position.terms.begin()->first.front()].element;
  if (!choice || choice->code != "select")
    return position;
  auto yes = e.asIndex(choice->operands[1]),
       no = e.asIndex(choice->operands[2]);
  bool wraps = yes && no && *no - *yes == size &&
               choice->operands[0] == e.apply("ge0", e.index(*yes));
  return wraps ? *yes : position;
}

/// A place that is read from a tensor: gathers along one axis, for every place
/// of the variables that the index depends on.
Value ElementWriter::gather(Value tensor, int64_t axis,
                            const IndexExpr &position, const Indices &variables,
                            std::vector<Part> &parts) {
  Value indices =
      writeIndex(unwrapped(position, e.sizes(tensor)[axis]), variables);
  if (!indices)
    return {};
  learn(indices);
  Indices sizes = e.sizes(indices), run;
  for (auto [i, size] : llvm::enumerate(sizes))
    if (size != IndexExpr(1)) {
      parts.push_back({unsigned(i), size});
      run.push_back(size);
    }
  if (indices = reshape(indices, run); !indices)
    return {};
  auto gathered = GatherOp::create(builder, loc, tensor, indices, axis);
  e.dims.add(gathered);
  return gathered;
}

/// Tells the sizes of what was written and is not known yet.
void ElementWriter::learn(Value value) {
  Operation *op = value.getDefiningOp();
  bool isScalar = mlir::cast<RankedTensorType>(value.getType()).getRank() == 0;
  if (!op || isScalar || !e.dims.of(value).empty())
    return;
  for (Value operand : op->getOperands())
    if (isa<RankedTensorType>(operand.getType()))
      learn(operand);
  e.dims.add(op);
}

Value ElementWriter::writeLoad(Element expr, const Indices &variables) {
  Value tensor = expr->tensor;
  std::vector<Part> parts;
  auto isData = [&](const IndexExpr &position) {
    return llvm::any_of(position.terms, [&](const auto &term) {
      return llvm::any_of(term.first, [&](unsigned atom) {
        return e.space[atom].kind == IndexAtom::data;
      });
    });
  };
  int64_t axis = 0;
  for (const IndexExpr &position : expr->at) {
    size_t before = parts.size();
    bool gathers = isData(position);
    tensor = gathers ? gather(tensor, axis, position, variables, parts)
                     : pick(tensor, axis, position, variables, parts);
    if (!tensor)
      return {};
    // A gather has an axis for each variable, a pick one for all.
    axis += gathers ? parts.size() - before : 1;
  }
  Indices split;
  for (const Part &part : parts)
    split.push_back(part.extent);
  if (tensor = reshape(tensor, split); !tensor)
    return {};
  // To the order of the variables, each at most once.
  auto order = llvm::to_vector(llvm::seq<int64_t>(0, parts.size()));
  llvm::sort(order, [&](int64_t a, int64_t b) {
    return parts[a].variable < parts[b].variable;
  });
  Indices sizes(variables.size(), IndexExpr(1));
  for (size_t i = 0; i < order.size(); ++i) {
    if (i > 0 && parts[order[i]].variable == parts[order[i - 1]].variable)
      return {};
    sizes[parts[order[i]].variable] = parts[order[i]].extent;
  }
  if (!llvm::is_sorted(order)) {
    auto moved = TransposeOp::create(builder, loc, tensor, order);
    e.dims.add(moved);
    tensor = moved;
  }
  return reshape(tensor, sizes);
}

Value ElementWriter::writeIndex(const IndexExpr &expr,
                                const Indices &variables) {
  Type i64 = builder.getI64Type();
  Value sum;
  for (const auto &[monomial, coefficient] : expr.terms) {
    Value product;
    if (coefficient != 1 || monomial.empty())
      product = write(e.number(coefficient), variables, i64);
    for (unsigned atom : monomial) {
      IndexExpr self = IndexExpr::ofAtom(atom);
      Value factor;
      if (e.space[atom].kind == IndexAtom::data) {
        factor = cast(write(e.space[atom].element, variables, i64), i64);
      } else if (e.space[atom].kind == IndexAtom::size) {
        if (Value size = writeSize(self))
          factor =
              reshape(FromIndexOp::create(builder, loc,
                                          RankedTensorType::get({}, i64), size),
                      Indices(variables.size(), IndexExpr(1)));
      } else if (auto found = llvm::find(variables, self);
                 found != variables.end()) {
        Indices sizes(variables.size(), IndexExpr(1));
        IndexExpr extent = extentOf(self);
        sizes[found - variables.begin()] = extent;
        Value size = extent.constant() ? Value() : writeSize(extent);
        if (!extent.constant() && !size)
          return {};
        auto iota = IotaOp::create(
            builder, loc, RankedTensorType::get(shapeOf({extent}), i64), size);
        e.dims.add(iota);
        factor = reshape(iota, sizes);
      }
      if (!factor)
        return {};
      product = product ? MulOp::create(builder, loc, product, factor) : factor;
    }
    sum = sum ? Value(AddOp::create(builder, loc, sum, product)) : product;
  }
  return sum;
}

Value ElementWriter::writeApply(Element expr, const Indices &variables,
                                Type number) {
  StringRef code = expr->code;
  bool isSelect = code == "select";
  SmallVector<Value> operands;
  Type type;
  for (Element operand : expr->operands) {
    bool isCondition = isSelect && operands.empty();
    Value value;
    if (operand->kind != ElementExpr::number)
      if (value = write(operand, variables, number); !value)
        return {};
    if (value && !isCondition && (!type || !isa<FloatType>(type)))
      type = elementType(value);
    operands.push_back(value);
  }
  if (!type)
    type = number;
  Type boolean = builder.getI1Type();
  for (auto [i, operand] : llvm::enumerate(expr->operands)) {
    Type wanted = isSelect && i == 0 ? boolean : type;
    operands[i] = operands[i] ? cast(operands[i], wanted)
                              : write(operand, variables, wanted);
  }
  auto zero = [&] { return write(e.number(0), variables, type); };
  if (code == "ge0")
    return CompareOp::create(builder, loc, Predicate::ge, operands[0], zero());
  if (code == "eq0")
    return CompareOp::create(builder, loc, Predicate::eq, operands[0], zero());
  if (code == "lt" || code == "le" || code == "eq")
    return CompareOp::create(builder, loc,
                             code == "lt"   ? Predicate::lt
                             : code == "le" ? Predicate::le
                                            : Predicate::eq,
                             operands[0], operands[1]);
  if (code == "truncate")
    return cast(operands[0], builder.getI64Type());
  if (isSelect)
    return SelectOp::create(builder, loc, operands[0], operands[1],
                            operands[2]);
  OperationState state(loc, ("nn." + code).str());
  state.addOperands(operands);
  if (operands.size() == 1 && code != "is_nan" && code != "is_inf") {
    state.addTypes(operands[0].getType());
  } else {
    auto info = state.name.getRegisteredInfo();
    auto infer = info ? info->getInterface<InferTypeOpInterface>() : nullptr;
    SmallVector<Type> types;
    if (!infer ||
        failed(infer->inferReturnTypes(builder.getContext(), loc, operands, {},
                                       nullptr, {}, types)))
      return {};
    state.addTypes(types);
  }
  return builder.create(state)->getResult(0);
}

Value ElementWriter::write(Element expr, const Indices &variables,
                           Type number) {
  switch (expr->kind) {
  case ElementExpr::number: {
    SmallVector<int64_t> ones(variables.size(), 1);
    auto type = RankedTensorType::get(ones, number);
    Attribute value =
        isa<FloatType>(number)
            ? Attribute(builder.getFloatAttr(number, expr->value))
            : Attribute(builder.getIntegerAttr(number, int64_t(expr->value)));
    return arith::ConstantOp::create(builder, loc,
                                     DenseElementsAttr::get(type, value));
  }
  case ElementExpr::index:
    return writeIndex(expr->position, variables);
  case ElementExpr::load:
    return writeLoad(expr, variables);
  case ElementExpr::apply:
    return writeApply(expr, variables, number);
  }
  return {};
}

} // namespace qopt
