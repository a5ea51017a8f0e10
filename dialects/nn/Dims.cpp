// The sizes of every tensor, op by op.

#include "qopt/dialects/nn/Dims.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "qopt/dialects/nn/Nn.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

#include "qopt/dialects/nn/NnInterfaces.cpp.inc"

namespace qopt::nn {

using Exprs = SmallVector<AffineExpr>;

static RankedTensorType ranked(Value value) {
  return cast<RankedTensorType>(value.getType());
}

Dims::Dims(func::FuncOp function) : context(function.getContext()) {
  if (auto symbols = function->getAttrOfType<ArrayAttr>(NnDialect::symbolsAttr))
    for (Attribute name : symbols)
      names.push_back(cast<StringAttr>(name).str());
  for (BlockArgument argument : function.getArguments()) {
    auto map = function.getArgAttrOfType<AffineMapAttr>(argument.getArgNumber(),
                                                        NnDialect::dimsAttr);
    if (argument.getType().isIndex() && map)
      indices[argument] = map.getValue().getResult(0);
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type)
      continue;
    Exprs &sizes = tensors[argument];
    for (auto [i, size] : llvm::enumerate(type.getShape()))
      if (ShapedType::isStatic(size))
        sizes.push_back(getAffineConstantExpr(size, context));
      else
        sizes.push_back(map && i < map.getValue().getNumResults()
                            ? map.getValue().getResult(i)
                            : AffineExpr());
  }
  function.walk([&](Operation *op) { add(op); });
}

Dims::Dims(Block &block, ArrayRef<AffineMap> arguments)
    : context(block.getParentOp()->getContext()) {
  for (auto [argument, map] : llvm::zip_equal(block.getArguments(), arguments))
    if (isa<RankedTensorType>(argument.getType()))
      tensors[argument] = Exprs(map.getResults());
    else
      indices[argument] = map.getResult(0);
  for (Operation &op : block)
    add(&op);
}

ArrayRef<AffineExpr> Dims::of(Value tensor) const {
  auto found = tensors.find(tensor);
  return found == tensors.end() ? ArrayRef<AffineExpr>() : found->second;
}

AffineExpr Dims::ofIndex(Value index) const { return indices.lookup(index); }

AffineExpr Dims::elements(Value tensor) const {
  AffineExpr product = getAffineConstantExpr(1, context);
  for (AffineExpr size : of(tensor)) {
    if (!size)
      return {};
    product = product * size;
  }
  return product;
}

void Dims::add(Operation *op) {
  if (op->getNumResults() == 1 && op->getResult(0).getType().isIndex())
    return addIndex(op);
  for (OpResult result : op->getResults())
    if (isa<RankedTensorType>(result.getType()))
      addTensor(op, result);
}

void Dims::addIndex(Operation *op) {
  AffineExpr &value = indices[op->getResult(0)];
  auto operand = [&](unsigned i) { return ofIndex(op->getOperand(i)); };
  IntegerAttr constant;
  if (matchPattern(op, m_Constant(&constant))) {
    value = getAffineConstantExpr(constant.getInt(), context);
  } else if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    auto sizes = of(dim.getSource());
    auto axis = dim.getConstantIndex();
    if (axis && *axis >= 0 && *axis < int64_t(sizes.size()))
      value = sizes[*axis];
  } else if (op->getNumOperands() == 2 && operand(0) && operand(1)) {
    AffineExpr a = operand(0), b = operand(1);
    value = TypeSwitch<Operation *, AffineExpr>(op)
                .Case([&](arith::AddIOp) { return a + b; })
                .Case([&](arith::SubIOp) { return a - b; })
                .Case([&](arith::MulIOp) { return a * b; })
                .Case([&](arith::DivSIOp) { return a.floorDiv(b); })
                .Case([&](arith::FloorDivSIOp) { return a.floorDiv(b); })
                .Case([&](arith::CeilDivSIOp) { return a.ceilDiv(b); })
                .Case([&](arith::RemSIOp) { return a % b; })
                .Default(AffineExpr());
  }
}

/// The sizes of an elementwise result: at each place, of the operand that is
/// not repeated there.
static Exprs broadcastSizes(const Dims &dims, Operation *op, int64_t rank,
                            MLIRContext *context) {
  Exprs sizes(rank, getAffineConstantExpr(1, context));
  for (Value operand : op->getOperands()) {
    if (!isa<RankedTensorType>(operand.getType()))
      continue;
    int64_t skipped = rank - ranked(operand).getRank();
    for (auto [i, size] : llvm::enumerate(dims.of(operand)))
      if (ranked(operand).getDimSize(i) != 1 && size)
        sizes[skipped + i] = size;
  }
  return sizes;
}

/// Static sizes from the type, dynamic ones from `operands`, in order.
static Exprs fromOperands(const Dims &dims, RankedTensorType type,
                          ValueRange operands) {
  Exprs sizes;
  for (int64_t size : type.getShape()) {
    if (ShapedType::isStatic(size)) {
      sizes.push_back(getAffineConstantExpr(size, type.getContext()));
    } else if (operands.empty()) {
      sizes.push_back({});
    } else {
      sizes.push_back(dims.ofIndex(operands.front()));
      operands = operands.drop_front();
    }
  }
  return sizes;
}

static Exprs concatSizes(const Dims &dims, ConcatOp op) {
  Exprs sizes(dims.of(op.getInputs().front()));
  AffineExpr &sum = sizes[op.getAxis()];
  for (Value input : op.getInputs().drop_front()) {
    AffineExpr more = dims.of(input)[op.getAxis()];
    sum = sum && more ? sum + more : AffineExpr();
  }
  return sizes;
}

static Exprs matmulSizes(const Dims &dims, MatmulOp op, int64_t rank,
                         MLIRContext *context) {
  Exprs sizes(rank, getAffineConstantExpr(1, context));
  for (Value operand : {op.getLhs(), op.getRhs()}) {
    ArrayRef<AffineExpr> batch = dims.of(operand).drop_back(2);
    for (auto [i, size] : llvm::enumerate(batch))
      if (ranked(operand).getDimSize(i) != 1)
        sizes[rank - 2 - batch.size() + i] = size;
  }
  sizes[rank - 2] = dims.of(op.getLhs()).take_back(2)[op.getTransposeLhs()];
  sizes[rank - 1] = dims.of(op.getRhs()).take_back(2)[!op.getTransposeRhs()];
  return sizes;
}

static Exprs reduceSizes(const Dims &dims, ReduceOp op, MLIRContext *context) {
  Exprs sizes;
  for (auto [i, size] : llvm::enumerate(dims.of(op.getInput())))
    if (!llvm::is_contained(op.getAxes(), int64_t(i)))
      sizes.push_back(size);
    else if (op.getKeepDims())
      sizes.push_back(getAffineConstantExpr(1, context));
  return sizes;
}

/// The indices' sizes in place of those of the axes they look up.
static Exprs spliced(ArrayRef<AffineExpr> before, ArrayRef<AffineExpr> middle,
                     ArrayRef<AffineExpr> after) {
  Exprs sizes(before);
  llvm::append_range(sizes, middle);
  llvm::append_range(sizes, after);
  return sizes;
}

void Dims::addTensor(Operation *op, OpResult result) {
  RankedTensorType type = ranked(result);
  Exprs sizes =
      TypeSwitch<Operation *, Exprs>(op)
          .Case([&](ReshapeOp op) {
            return fromOperands(*this, type, op.getSizes());
          })
          .Case([&](BroadcastOp op) {
            return fromOperands(*this, type, op.getSizes());
          })
          .Case([&](IotaOp op) {
            return fromOperands(*this, type, op->getOperands());
          })
          .Case([&](TransposeOp op) {
            Exprs moved;
            for (int64_t axis : op.getPermutation())
              moved.push_back(of(op.getInput())[axis]);
            return moved;
          })
          .Case([&](SliceOp op) {
            Exprs sizes(of(op.getInput()));
            if (op.getSize())
              sizes[op.getAxis()] = ofIndex(op.getSize());
            return sizes;
          })
          .Case([&](ConcatOp op) { return concatSizes(*this, op); })
          .Case([&](GatherOp op) {
            auto input = of(op.getInput());
            return spliced(input.take_front(op.getAxis()), of(op.getIndices()),
                           input.drop_front(op.getAxis() + 1));
          })
          .Case([&](GatherNdOp op) {
            auto indices = of(op.getIndices());
            int64_t depth = ranked(op.getIndices()).getShape().back();
            return spliced(
                indices.drop_back(), {},
                of(op.getInput()).drop_front(op.getBatchDims() + depth));
          })
          .Case([&](GatherElementsOp op) { return Exprs(of(op.getIndices())); })
          .Case([&](ReduceOp op) { return reduceSizes(*this, op, context); })
          .Case([&](CrossEntropyOp op) {
            return Exprs(of(op.getLogits()).drop_back());
          })
          .Case([&](KlDivergenceOp op) {
            return Exprs(of(op.getStudent()).drop_back());
          })
          .Case([&](EmbeddingOp op) {
            return spliced(of(op.getIds()), of(op.getTable()).back(), {});
          })
          .Case([&](MatmulOp op) {
            return matmulSizes(*this, op, type.getRank(), context);
          })
          .Case([&](LinearOp op) {
            return spliced(
                of(op.getInput()).drop_back(), {},
                getAffineConstantExpr(type.getShape().back(), context));
          })
          .Case<RmsNormOp, RopeOp, SoftmaxOp, CumsumOp, TriangleOp,
                ScatterNdOp>(
              [&](auto op) { return Exprs(of(op->getOperand(0))); })
          .Case([&](AttentionOp op) {
            return spliced(of(op.getQuery()).drop_back(), {},
                           of(op.getValue()).back());
          })
          .Case([&](CacheAppendOp op) {
            Exprs sizes(of(op.getInput()));
            AffineExpr past = ofIndex(op.getPast());
            sizes[2] = past && sizes[2] ? past + sizes[2] : AffineExpr();
            return sizes;
          })
          .Default([&](Operation *op) {
            // Other dialects say it themselves.
            if (auto sized = dyn_cast<SizesOpInterface>(op))
              return sized.getResultSizes(result.getResultNumber(),
                                          [&](Value v) { return of(v); });
            if (auto own = op->getAttrOfType<ArrayAttr>(NnDialect::dimsAttr))
              return Exprs(cast<AffineMapAttr>(own[result.getResultNumber()])
                               .getValue()
                               .getResults());
            bool ours = isa_and_nonnull<NnDialect>(op->getDialect());
            return ours ? broadcastSizes(*this, op, type.getRank(), context)
                        : Exprs(type.getRank(), AffineExpr());
          });
  sizes.resize(type.getRank());
  for (auto [i, size] : llvm::enumerate(type.getShape()))
    if (ShapedType::isStatic(size))
      sizes[i] = getAffineConstantExpr(size, context);
  tensors[result] = std::move(sizes);
}

} // namespace qopt::nn
