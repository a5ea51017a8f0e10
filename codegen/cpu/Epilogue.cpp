// What follows a product of matrices in its kernel.

#include "qopt/codegen/cpu/Epilogue.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "qopt/codegen/tile/Elementwise.h"
#include "qopt/dialects/nn/Nn.h"

using namespace mlir;

namespace qopt::cpu {

/// The first lanes, the others zero.
static Value maskOf(Emitter &e, int64_t lanes, int64_t width) {
  SmallVector<bool> bits(lanes, false);
  std::fill_n(bits.begin(), width, true);
  auto type = VectorType::get(lanes, e.b.getI1Type());
  return arith::ConstantOp::create(e.b, e.loc,
                                   DenseElementsAttr::get(type, bits));
}

Value maskOf(Emitter &e, int64_t lanes, Value width) {
  auto type = e.vector(lanes, e.b.getI32Type());
  SmallVector<int32_t> places = llvm::to_vector(llvm::seq<int32_t>(lanes));
  Value place = arith::ConstantOp::create(
      e.b, e.loc, DenseElementsAttr::get(type, ArrayRef<int32_t>(places)));
  Value bound = arith::MinSIOp::create(e.b, e.loc, width, e.constant(lanes));
  bound = arith::TruncIOp::create(e.b, e.loc, e.b.getI32Type(), bound);
  bound = vector::BroadcastOp::create(e.b, e.loc, type, bound);
  return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::slt, place,
                               bound);
}

/// Lanes of 16 bits are integers to memory: LLVM takes masked halves apart, by
/// a library call for each. A bool is a byte.
static Type inMemory(Emitter &e, Type element) {
  if (element.isInteger(1))
    return e.b.getI8Type();
  return element.isF16() || element.isBF16() ? e.b.getI16Type() : element;
}

Value loadVector(Emitter &e, int64_t lanes, Value base, Value index,
                 Type element, Value mask) {
  VectorType type = e.vector(lanes, inMemory(e, element));
  Type stored = type.getElementType();
  Value x;
  if (!mask) {
    x = e.load(type, base, index);
  } else {
    Value zero = arith::ConstantOp::create(e.b, e.loc, e.b.getZeroAttr(type));
    x = LLVM::MaskedLoadOp::create(e.b, e.loc, type,
                                   e.offset(base, index, stored), mask, zero,
                                   stored.getIntOrFloatBitWidth() / 8);
  }
  if (stored == element)
    return x;
  if (element.isInteger(1))
    return arith::TruncIOp::create(e.b, e.loc, e.vector(lanes, element), x);
  x = Math{e.b, e.loc}.bits(x, element);
  return arith::ExtFOp::create(e.b, e.loc, e.vector(lanes), x);
}

Value loadVector(Emitter &e, int64_t lanes, Value base, Value index,
                 Type element, int64_t width) {
  Value mask = width == lanes ? Value() : maskOf(e, lanes, width);
  return loadVector(e, lanes, base, index, element, mask);
}

void storeVector(Emitter &e, Value value, Value base, Value index, Value mask) {
  Type element = getElementTypeOrSelf(value.getType());
  Type stored = inMemory(e, element);
  if (!mask)
    return e.store(value, base, index);
  if (element.isInteger(1))
    value = arith::ExtUIOp::create(e.b, e.loc,
                                   Math::with(value.getType(), stored), value);
  else if (stored != element)
    value = Math{e.b, e.loc}.bits(value, stored);
  LLVM::MaskedStoreOp::create(e.b, e.loc, value, e.offset(base, index, stored),
                              mask, stored.getIntOrFloatBitWidth() / 8);
}

void storeVector(Emitter &e, Value value, Value base, Value index,
                 int64_t width) {
  int64_t lanes = cast<VectorType>(value.getType()).getNumElements();
  Value mask = width == lanes ? Value() : maskOf(e, lanes, width);
  storeVector(e, value, base, index, mask);
}

bool isEpilogueOp(Operation *op, kernel::FuncOp kernel) {
  if (auto branch = dyn_cast<nn::LinearOp>(op)) {
    auto weight = dyn_cast<BlockArgument>(branch.getWeight());
    return weight && isa<BlockArgument>(branch.getInput()) &&
           !branch.getBias() && kernel.getLayout(weight).getPanel() > 0 &&
           !branch.getInput().getType().getElementType().isF64();
  }
  return isElementwise(op) || isa<arith::ConstantOp>(op);
}

Value Epilogue::position(Value row, Value column) {
  Value all = ShapedType::isDynamic(outputs)
                  ? e.size(e.dims.of(linear->getResult(0)).back())
                  : e.constant(outputs);
  return e.add(e.mul(row, all), column);
}

/// A vector of an operand.
Value Epilogue::operand(Value tensor, Value row, Value column, Value mask) {
  auto type = cast<RankedTensorType>(tensor.getType());
  Type element = type.getElementType();
  DenseElementsAttr constant;
  if (matchPattern(tensor, m_Constant(&constant))) {
    Type wide = element.isF16() || element.isBF16() ? e.f32() : element;
    if (isa<FloatType>(wide))
      return e.constant(constant.getSplatValue<APFloat>().convertToDouble(),
                        VectorType::get(lanes, wide));
    return m.integer(constant.getSplatValue<APInt>().getSExtValue(),
                     VectorType::get(lanes, wide));
  }
  if (type.hasStaticShape() && type.getNumElements() == 1) {
    Value x = e.load(element, e.pointer(tensor), e.constant(0));
    if (element.isF16() || element.isBF16())
      x = arith::ExtFOp::create(e.b, e.loc, e.f32(), x);
    return vector::BroadcastOp::create(e.b, e.loc,
                                       VectorType::get(lanes, x.getType()), x);
  }
  Value index = type.getRank() == 1 ? column : position(row, column);
  return loadVector(e, lanes, e.pointer(tensor), index, element, mask);
}

/// u . b: the sums over the rank, in order.
Value Epilogue::branch(Operation *op, Value row, Value column) {
  auto linear = cast<nn::LinearOp>(op);
  RankedTensorType type = linear.getWeight().getType();
  Type narrow = linear.getInput().getType().getElementType();
  int64_t rank = type.getDimSize(1);
  int64_t panel =
      e.kernel.getLayout(cast<BlockArgument>(linear.getWeight())).getPanel();
  Value width = e.constant(panel);
  Value first = e.mul(arith::DivUIOp::create(e.b, e.loc, column, width), rank);
  Value inside = arith::RemUIOp::create(e.b, e.loc, column, width);
  return e.loop(e.constant(0), e.constant(rank), 1,
                e.constant(0.0, e.vector(lanes)), [&](Value r, ValueRange sum) {
                  Value u = e.load(narrow, e.pointer(linear.getInput()),
                                   e.add(e.mul(row, rank), r));
                  if (narrow != e.f32())
                    u = arith::ExtFOp::create(e.b, e.loc, e.f32(), u);
                  Value all = vector::BroadcastOp::create(e.b, e.loc,
                                                          e.vector(lanes), u);
                  Value index = e.add(e.mul(e.add(first, r), panel), inside);
                  Value b = loadVector(e, lanes, e.pointer(linear.getWeight()),
                                       index, type.getElementType(), Value());
                  return SmallVector<Value>{m.fma(all, b, sum[0])};
                })[0];
}

/// Through the element type of a tensor and back: its op rounds.
Value Epilogue::rounded(Value value, Value tensor) {
  Type element = cast<RankedTensorType>(tensor.getType()).getElementType();
  if (!element.isF16() && !element.isBF16())
    return value;
  Value half = arith::TruncFOp::create(e.b, e.loc,
                                       VectorType::get(lanes, element), value);
  return arith::ExtFOp::create(e.b, e.loc, value.getType(), half);
}

Value Epilogue::compute(Value sum, Value row, Value column, Value mask) {
  llvm::DenseMap<Value, Value> values;
  if (bias)
    sum = m.add(sum, operand(bias, e.constant(0), column, mask));
  values[linear->getResult(0)] = rounded(sum, linear->getResult(0));
  for (Operation &op : e.kernel.getBlock().without_terminator()) {
    // A view is one of what the product reads.
    if (&op == linear || isa<arith::ConstantOp, nn::TransposeOp>(op))
      continue;
    Value result = op.getResult(0);
    if (isa<nn::LinearOp>(op)) {
      values[result] = rounded(branch(&op, row, column), result);
      continue;
    }
    SmallVector<Value> operands;
    for (Value tensor : op.getOperands()) {
      Value &value = values[tensor];
      if (!value)
        value = operand(tensor, row, column, mask);
      operands.push_back(value);
    }
    values[result] = rounded(emitElement(e.b, &op, operands), result);
  }
  return values.at(e.kernel.getResultValues()[0]);
}

void Epilogue::prefetch(Value row, Value column) {
  SmallVector<Value> tensors{e.kernel.getResultValues()[0]};
  for (Operation &op : e.kernel.getBlock().without_terminator())
    if (isElementwise(&op))
      for (Value tensor : op.getOperands())
        if (isa<BlockArgument>(tensor) &&
            !llvm::is_contained(tensors, tensor) &&
            e.dims.of(tensor) == e.dims.of(linear->getResult(0)))
          tensors.push_back(tensor);
  for (Value tensor : tensors) {
    Type element = cast<RankedTensorType>(tensor.getType()).getElementType();
    LLVM::Prefetch::create(
        e.b, e.loc, e.offset(e.pointer(tensor), position(row, column), element),
        /*rw=*/0, /*hint=*/2, /*cache=*/1);
  }
}

void Epilogue::finish(Value sum, Value row, Value column, Value mask) {
  Value result = e.kernel.getResultValues()[0];
  Type element = cast<RankedTensorType>(result.getType()).getElementType();
  Type type = VectorType::get(lanes, element);
  Value y = compute(sum, row, column, mask);
  if (y.getType() != type)
    y = arith::TruncFOp::create(e.b, e.loc, type, y);
  storeVector(e, y, e.pointer(result), position(row, column), mask);
}

void Epilogue::finish(Value sum, Value row, Value column) {
  auto atMost = [&](Value bound) {
    return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::sle, column,
                                 bound);
  };
  auto whole = [&] { finish(sum, row, column, Value()); };
  if (ShapedType::isDynamic(outputs)) {
    Value left = arith::SubIOp::create(
        e.b, e.loc, e.size(e.dims.of(linear->getResult(0)).back()), column);
    Value fits = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::sge,
                                       left, e.constant(lanes));
    return e.branch(fits, whole,
                    [&] { finish(sum, row, column, maskOf(e, lanes, left)); });
  }
  int64_t rest = outputs % lanes;
  e.branch(atMost(e.constant(outputs - lanes)), whole, [&] {
    if (rest)
      e.branch(atMost(e.constant(outputs - rest)),
               [&] { finish(sum, row, column, maskOf(e, lanes, rest)); });
  });
}

} // namespace qopt::cpu
