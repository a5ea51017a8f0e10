// Cuts what one level computes out of the program.
//
// What depends on no token (weights, tables of positions) is computed in every
// segment anew: it is known at compile time, or cheap.

#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"
#include "qopt/passes/calibrate/Stream.h"

using namespace mlir;

namespace qopt::calibrate {

namespace {

class SegmentBuilder {
public:
  SegmentBuilder(func::FuncOp function, const nn::Dims &dims,
                 const DenseMap<Value, int64_t> &levels, int64_t level,
                 SmallVector<Value> &inputs)
      : function(function), dims(dims), levels(levels), level(level),
        inputs(inputs), b(function.getContext()) {}

  OwningOpRef<ModuleOp> build(ArrayRef<Value> outputs);

private:
  Value get(Value value);
  Value addInput(Value value);
  Value index(AffineExpr expr);

  func::FuncOp function, segment;
  const nn::Dims &dims;
  const DenseMap<Value, int64_t> &levels;
  int64_t level;
  SmallVector<Value> &inputs;
  OpBuilder b;
  IRMapping mapping;
  SmallVector<Value> symbols; ///< batch and seq
};

} // namespace

Value SegmentBuilder::addInput(Value value) {
  Value argument =
      segment.getBody().front().addArgument(value.getType(), value.getLoc());
  inputs.push_back(value);
  mapping.map(value, argument);
  return argument;
}

Value SegmentBuilder::index(AffineExpr expr) {
  return affine::expandAffineExpr(b, function.getLoc(), expr, {}, symbols);
}

/// The value in the segment; what it depends on comes along.
Value SegmentBuilder::get(Value value) {
  if (Value mapped = mapping.lookupOrNull(value))
    return mapped;
  if (isa<IndexType>(value.getType()))
    if (AffineExpr expr = dims.ofIndex(value)) {
      mapping.map(value, index(expr));
      return mapping.lookup(value);
    }
  auto found = levels.find(value);
  if (found != levels.end() && found->second < level)
    return addInput(value);
  Operation *op = value.getDefiningOp();
  for (Value operand : op->getOperands())
    get(operand);
  b.clone(*op, mapping);
  return mapping.lookup(value);
}

OwningOpRef<ModuleOp> SegmentBuilder::build(ArrayRef<Value> outputs) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(function.getLoc());
  b.setInsertionPointToEnd(module->getBody());
  segment = func::FuncOp::create(b, function.getLoc(), "segment",
                                 b.getFunctionType({}, {}));
  segment->setAttr(nn::NnDialect::symbolsAttr,
                   function->getAttr(nn::NnDialect::symbolsAttr));
  Block *body = segment.addEntryBlock();
  b.setInsertionPointToEnd(body);
  // The tokens are always there: they tell the sizes.
  Value ids = function.getArgument(0);
  Value argument = addInput(ids);
  for (int64_t axis = 0; axis < 2; ++axis)
    symbols.push_back(
        tensor::DimOp::create(b, function.getLoc(), argument, axis));
  SmallVector<Value> results;
  for (Value output : outputs)
    results.push_back(get(output));
  func::ReturnOp::create(b, function.getLoc(), results);
  segment.setFunctionType(b.getFunctionType(body->getArgumentTypes(),
                                            ValueRange(results).getTypes()));
  unsigned count = dims.symbols().size();
  for (auto [i, input] : llvm::enumerate(inputs)) {
    segment.setArgAttr(i, nn::NnDialect::nameAttr,
                       b.getStringAttr("in" + Twine(i)));
    segment.setArgAttr(i, nn::NnDialect::dimsAttr,
                       AffineMapAttr::get(AffineMap::get(
                           0, count, dims.of(input), b.getContext())));
  }
  for (size_t i = 0; i < results.size(); ++i)
    segment.setResultAttr(i, nn::NnDialect::nameAttr,
                          b.getStringAttr("out" + Twine(i)));
  // The parameters that it loads.
  SymbolTable from(function->getParentOfType<ModuleOp>()), to(*module);
  segment.walk([&](ml_program::GlobalLoadOp load) {
    StringAttr name = load.getGlobal().getLeafReference();
    if (!to.lookup(name))
      to.insert(from.lookup(name)->clone(), module->getBody()->begin());
  });
  return module;
}

OwningOpRef<ModuleOp> cutSegment(func::FuncOp function, const nn::Dims &dims,
                                 const DenseMap<Value, int64_t> &levels,
                                 int64_t level, SmallVector<Value> &inputs,
                                 ArrayRef<Value> outputs) {
  return SegmentBuilder(function, dims, levels, level, inputs).build(outputs);
}

} // namespace qopt::calibrate
