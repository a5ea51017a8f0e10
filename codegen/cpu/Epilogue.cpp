// What follows a linear layer in its kernel.

#include "qopt/codegen/cpu/Epilogue.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "qopt/codegen/cpu/Elementwise.h"
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

/// Lanes of 16 bits are integers to memory: LLVM takes masked halves apart, by
/// a library call for each.
static Type inMemory(Emitter &e, Type element) {
  return element.isF16() || element.isBF16() ? e.b.getI16Type() : element;
}

Value loadVector(Emitter &e, int64_t lanes, Value base, Value index,
                 Type element, int64_t width) {
  VectorType type = e.vector(lanes, inMemory(e, element));
  Value x;
  if (width == lanes) {
    x = e.load(type, base, index);
  } else {
    Value zero = arith::ConstantOp::create(e.b, e.loc, e.b.getZeroAttr(type));
    x = LLVM::MaskedLoadOp::create(
        e.b, e.loc, type, e.offset(base, index, element),
        maskOf(e, lanes, width), zero, element.getIntOrFloatBitWidth() / 8);
  }
  if (type.getElementType() == element)
    return x;
  x = Math{e.b, e.loc}.bits(x, element);
  return arith::ExtFOp::create(e.b, e.loc, e.vector(lanes), x);
}

void storeVector(Emitter &e, Value value, Value base, Value index,
                 int64_t width) {
  Type element = getElementTypeOrSelf(value.getType());
  Type stored = inMemory(e, element);
  int64_t lanes = cast<VectorType>(value.getType()).getNumElements();
  if (stored != element)
    value = Math{e.b, e.loc}.bits(value, stored);
  if (width == lanes)
    return e.store(value, base, index);
  LLVM::MaskedStoreOp::create(e.b, e.loc, value, e.offset(base, index, element),
                              maskOf(e, lanes, width),
                              element.getIntOrFloatBitWidth() / 8);
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

/// A vector of an operand.
Value Epilogue::operand(Value tensor, Value row, Value column, int64_t width) {
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
  Value index =
      type.getRank() == 1 ? column : e.add(e.mul(row, outputs), column);
  return loadVector(e, lanes, e.pointer(tensor), index, element, width);
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
                                       index, type.getElementType(), lanes);
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

Value Epilogue::compute(Value sum, Value row, Value column, int64_t width) {
  llvm::DenseMap<Value, Value> values;
  if (bias)
    sum = m.add(sum, operand(bias, e.constant(0), column, width));
  values[linear->getResult(0)] = rounded(sum, linear->getResult(0));
  for (Operation &op : e.kernel.getBlock().without_terminator()) {
    if (&op == linear || isa<arith::ConstantOp>(op))
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
        value = operand(tensor, row, column, width);
      operands.push_back(value);
    }
    values[result] = rounded(emitElement(e.b, &op, operands), result);
  }
  return values.at(e.kernel.getResultValues()[0]);
}

void Epilogue::finish(Value sum, Value row, Value column, int64_t width) {
  Value result = e.kernel.getResultValues()[0];
  Type element = cast<RankedTensorType>(result.getType()).getElementType();
  Type type = VectorType::get(lanes, element);
  Value y = compute(sum, row, column, width);
  if (y.getType() != type)
    y = arith::TruncFOp::create(e.b, e.loc, type, y);
  storeVector(e, y, e.pointer(result), e.add(e.mul(row, outputs), column),
              width);
}

void Epilogue::finish(Value sum, Value row, Value column) {
  auto atMost = [&](int64_t bound) {
    return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::sle, column,
                                 e.constant(bound));
  };
  int64_t rest = outputs % lanes;
  e.branch(
      atMost(outputs - lanes), [&] { finish(sum, row, column, lanes); },
      [&] {
        if (rest)
          e.branch(atMost(outputs - rest),
                   [&] { finish(sum, row, column, rest); });
      });
}

} // namespace qopt::cpu
