// The function's signature: inputs with their sizes, outputs.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "qopt/frontends/onnx/Importer.h"

using namespace mlir;

namespace qopt::onnx {

/// What we call a free size: by the input that everyone knows it from.
static std::string canonicalName(StringRef given, StringRef input, int axis,
                                 int rank) {
  bool isPast = input.contains("past") && rank == 4;
  if (input == "input_ids" && rank == 2)
    return axis == 0 ? "batch" : "seq";
  if (isPast && axis == 0)
    return "batch";
  if (isPast && axis == 2)
    return "past";
  if (!given.empty())
    return given.str();
  return (input + "." + Twine(axis)).str();
}

AffineExpr Importer::inputSize(const ::onnx::TensorShapeProto::Dimension &size,
                               StringRef input, int axis) {
  if (size.has_dim_value())
    return getAffineConstantExpr(size.dim_value(), context);
  AffineExpr sum = parseSum(size.dim_param());
  return sum ? sum : symbol((input + "." + Twine(axis)).str());
}

/// The length of an attention mask: it covers the past and what is new, as all
/// who feed such models know. Exporters name it after a sum that does not hold,
/// or as something of its own, and a graph that reads single elements of it
/// does not tell. Nothing where the file says otherwise.
std::optional<AffineExpr>
Importer::maskLength(const ::onnx::ValueInfoProto &mask, int axis) {
  if (mask.name() != "attention_mask" || axis != 1 ||
      mask.type().tensor_type().shape().dim_size() != 2)
    return std::nullopt;
  StringRef given(mask.type().tensor_type().shape().dim(1).dim_param());
  AffineExpr tokens, past = getAffineConstantExpr(0, context);
  for (const auto &input : file.model().graph().input()) {
    StringRef name(input.name());
    const auto &shape = input.type().tensor_type().shape();
    int rank = shape.dim_size();
    for (int i = 0; i < rank && &input != &mask; ++i)
      if (!given.empty() && shape.dim(i).dim_param() == given)
        return std::nullopt;
    bool isPast = name.contains("past") && rank == 4;
    bool isTokens = name == "input_ids" && rank == 2;
    if (!isPast && !isTokens)
      continue;
    const auto &size = shape.dim(isPast ? 2 : 1);
    (isPast ? past : tokens) =
        size.has_dim_value() ? getAffineConstantExpr(size.dim_value(), context)
                             : parseSum(canonicalName(size.dim_param(), name,
                                                      isPast ? 2 : 1, rank));
  }
  if (!tokens || !past)
    return std::nullopt;
  return simplified(past + tokens, symbols.size());
}

/// The sizes of an input, in symbols.
FailureOr<Exprs> Importer::sizesOf(const ::onnx::ValueInfoProto &input) {
  StringRef name(input.name());
  const auto &shape = input.type().tensor_type().shape();
  if (shape.dim_size() > maxRank)
    return emitError(locationOf(name), "input '")
           << name << "' has rank " << shape.dim_size() << ", expects at most "
           << maxRank;
  Exprs own;
  int64_t elements = 1;
  for (int axis = 0; axis < shape.dim_size(); ++axis) {
    ::onnx::TensorShapeProto::Dimension size = shape.dim(axis);
    int64_t value = size.has_dim_value() ? size.dim_value() : 1;
    if (value < 0 || (value > 0 && elements > maxElements / value))
      return emitError(locationOf(name), "input '")
             << name << "' has size " << value << " on axis " << axis
             << ", expects 0 or more, and at most " << maxElements
             << " elements";
    elements *= std::max<int64_t>(value, 1);
    if (auto length = maskLength(input, axis);
        length && !size.has_dim_value()) {
      own.push_back(*length);
      continue;
    }
    std::string given = size.dim_param();
    if (!size.has_dim_value() && StringRef(given).contains('+')) {
      // Exporters write sums that do not hold ("past + 1"): what the size is,
      // the graph tells.
      size.set_dim_param((name + "." + Twine(axis)).str());
    } else if (!size.has_dim_value()) {
      std::string canonical =
          canonicalName(given, name, axis, shape.dim_size());
      // One name of the model's is one name of ours.
      if (!given.empty() && canonical != given)
        equalities.learned |=
            equalities.renamed.try_emplace(given, canonical).second;
      size.set_dim_param(canonical);
    }
    own.push_back(inputSize(size, name, axis));
  }
  return own;
}

LogicalResult Importer::readInputs() {
  SmallVector<Type> types;
  SmallVector<Exprs> sizes;
  SmallVector<std::string> names;
  for (const auto &input : file.model().graph().input()) {
    StringRef name(input.name());
    if (initializers.contains(name))
      continue; // an initializer that is listed as input too
    const auto &type = input.type().tensor_type();
    Type element = elementType(context, type.elem_type());
    if (!input.type().has_tensor_type() || !element || !type.has_shape())
      return emitError(locationOf(name), "unsupported input '")
             << name << "', expects a tensor of known rank and type";
    FailureOr<Exprs> own = sizesOf(input);
    if (failed(own))
      return failure();
    SmallVector<int64_t> shape;
    for (AffineExpr size : *own) {
      auto constant = dyn_cast<AffineConstantExpr>(size);
      shape.push_back(constant ? constant.getValue() : ShapedType::kDynamic);
    }
    types.push_back(RankedTensorType::get(shape, element));
    sizes.push_back(*own);
    names.push_back(name.str());
  }
  builder.setInsertionPointToEnd(module.getBody());
  function = func::FuncOp::create(builder, module.getLoc(), "run",
                                  builder.getFunctionType(types, {}));
  Block *entry = function.addEntryBlock();
  builder.setInsertionPointToEnd(entry);
  // A place for sizes, before everything; it is dead and goes at the end.
  prologueEnd = arith::ConstantIndexOp::create(builder, module.getLoc(), 0);
  SmallVector<Attribute> symbolNames;
  for (const std::string &name : symbols)
    symbolNames.push_back(builder.getStringAttr(name));
  function->setAttr(nn::NnDialect::symbolsAttr,
                    builder.getArrayAttr(symbolNames));
  for (auto [i, name] : llvm::enumerate(names)) {
    function.setArgAttr(i, nn::NnDialect::nameAttr,
                        builder.getStringAttr(name));
    auto map = AffineMap::get(0, symbols.size(), sizes[i], context);
    function.setArgAttr(i, nn::NnDialect::dimsAttr, AffineMapAttr::get(map));
  }
  dims = std::make_unique<nn::Dims>(function);

  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(prologueEnd);
  for (auto [i, name] : llvm::enumerate(names)) {
    Value argument = function.getArgument(i);
    top[name] = Tensor{cast<RankedTensorType>(types[i]), argument, {}, {}};
    for (auto [axis, size] : llvm::enumerate(sizes[i]))
      if (isa<AffineSymbolExpr>(size) && !indices.contains(size)) {
        auto which = arith::ConstantIndexOp::create(builder, module.getLoc(),
                                                    int64_t(axis));
        auto dim =
            tensor::DimOp::create(builder, module.getLoc(), argument, which);
        dims->add(which);
        dims->add(dim);
        indices[size] = dim;
      }
  }
  for (auto [position, name] : llvm::enumerate(symbols))
    if (!indices.contains(getAffineSymbolExpr(position, context)))
      return module.emitError("cannot tell the size '")
             << name << "' from the inputs, expects an input that has it";
  return success();
}

LogicalResult Importer::finish() {
  SmallVector<Value> results;
  SmallVector<Type> types;
  SmallVector<std::string> names;
  for (const auto &output : file.model().graph().output()) {
    auto found = top.find(output.name());
    if (found == top.end())
      return module.emitError("output '")
             << output.name() << "' is given by no node";
    results.push_back(write(found->second, locationOf(output.name())));
    types.push_back(results.back().getType());
    names.push_back(output.name());
  }
  if (results.empty())
    return module.emitError("expects a model with outputs, got none");
  func::ReturnOp::create(builder, module.getLoc(), results);
  function.setFunctionType(
      builder.getFunctionType(function.getArgumentTypes(), types));
  for (auto [i, name] : llvm::enumerate(names))
    function.setResultAttr(i, nn::NnDialect::nameAttr,
                           builder.getStringAttr(name));
  // What was written before its use decided against it.
  for (Operation &op :
       llvm::make_early_inc_range(llvm::reverse(function.getBody().front())))
    if (isOpTriviallyDead(&op))
      op.erase();
  return success();
}

} // namespace qopt::onnx
