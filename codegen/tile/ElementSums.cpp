// Elements that are made of many: reductions, running sums, matrix products.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/tile/Element.h"
#include "qopt/codegen/tile/Math.h"
#include "qopt/dialects/nn/Nn.h"

using namespace mlir;

namespace qopt::tile {

static RankedTensorType ranked(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// x + y, or another way to join two; sums of floats may be reordered, so that
/// they become vectors.
static Value join(Emitter &e, nn::Reduction kind, Value x, Value y) {
  auto reorder = arith::FastMathFlags::reassoc | arith::FastMathFlags::contract;
  bool isFloat = isa<FloatType>(x.getType());
  bool isBool = x.getType().isInteger(1); // true is 1, not -1
  OpBuilder &b = e.b;
  switch (kind) {
  case nn::Reduction::sum:
  case nn::Reduction::mean:
    return isFloat ? Value(arith::AddFOp::create(b, e.loc, x, y, reorder))
                   : Value(arith::AddIOp::create(b, e.loc, x, y));
  case nn::Reduction::prod:
    return isFloat ? Value(arith::MulFOp::create(b, e.loc, x, y, reorder))
                   : Value(arith::MulIOp::create(b, e.loc, x, y));
  case nn::Reduction::max:
    return isFloat  ? Value(arith::MaximumFOp::create(b, e.loc, x, y))
           : isBool ? Value(arith::OrIOp::create(b, e.loc, x, y))
                    : Value(arith::MaxSIOp::create(b, e.loc, x, y));
  case nn::Reduction::min:
    return isFloat  ? Value(arith::MinimumFOp::create(b, e.loc, x, y))
           : isBool ? Value(arith::AndIOp::create(b, e.loc, x, y))
                    : Value(arith::MinSIOp::create(b, e.loc, x, y));
  }
  llvm_unreachable("not a reduction");
}

/// What joins to nothing.
static Value neutral(Emitter &e, nn::Reduction kind, Type type) {
  bool most = kind == nn::Reduction::min, least = kind == nn::Reduction::max;
  double one = kind == nn::Reduction::prod;
  if (isa<FloatType>(type))
    return e.constant(most ? HUGE_VAL : least ? -HUGE_VAL : one, type);
  unsigned bits = type.getIntOrFloatBitWidth();
  APInt value = bits == 1 ? APInt(1, most || one != 0)
                : most    ? APInt::getSignedMaxValue(bits)
                : least   ? APInt::getSignedMinValue(bits)
                          : APInt(bits, one != 0);
  return arith::ConstantOp::create(e.b, e.loc, e.b.getIntegerAttr(type, value));
}

/// All elements that a nn.reduce joins; `own` are the indices of the axes that
/// stay.
Value Elements::joined(Operation *op, Indices own, Value neutral, Join join,
                       function_ref<Value(const Indices &)> element) {
  auto reduce = cast<nn::ReduceOp>(op);
  Value input = reduce.getInput();
  auto before = known;
  Value sum;
  if (joinAll) {
    Value count = e.constant(1);
    for (int64_t axis : reduce.getAxes())
      count = e.mul(count, e.size(input, axis));
    sum = joinAll(count, neutral, join, [&](Value position) {
      forget();
      auto axes = reduce.getAxes();
      for (size_t i = axes.size(); i-- > 1;) {
        Value size = e.size(input, axes[i]);
        own[axes[i]] = arith::RemUIOp::create(e.b, e.loc, position, size);
        position = arith::DivUIOp::create(e.b, e.loc, position, size);
      }
      if (!axes.empty())
        own[axes[0]] = position;
      return element(own);
    });
  } else {
    std::function<Value(size_t, Value)> over = [&](size_t i, Value sum) {
      if (i == reduce.getAxes().size()) {
        forget();
        return join(sum, element(own));
      }
      int64_t axis = reduce.getAxes()[i];
      return e.loop(e.constant(0), e.size(input, axis), 1, sum,
                    [&](Value index, ValueRange carried) {
                      own[axis] = index;
                      return SmallVector<Value>{over(i + 1, carried[0])};
                    })[0];
    };
    sum = over(0, neutral);
  }
  known = std::move(before);
  return sum;
}

Value Elements::reduce(Operation *op, ArrayRef<Value> indices) {
  auto reduce = cast<nn::ReduceOp>(op);
  Value input = reduce.getInput();
  Indices own;
  auto next = indices.begin();
  for (int64_t axis = 0; axis < ranked(input).getRank(); ++axis) {
    bool gone = llvm::is_contained(reduce.getAxes(), axis);
    own.push_back(gone ? Value() : *next);
    if (!gone || reduce.getKeepDims())
      ++next;
  }
  Type type = registerType(input), summed = type;
  bool isMean = reduce.getKind() == nn::Reduction::mean;
  if (isMean && !isa<FloatType>(type))
    summed = e.b.getI64Type(); // a sum may be wider than what it is of
  auto element = [&](const Indices &place) -> Value {
    Value x = at(input, place);
    if (summed == type)
      return x;
    return type.isInteger(1)
               ? Value(arith::ExtUIOp::create(e.b, e.loc, summed, x))
               : Value(arith::ExtSIOp::create(e.b, e.loc, summed, x));
  };
  Value sum = joined(
      op, own, neutral(e, reduce.getKind(), summed),
      [&](Value x, Value y) { return join(e, reduce.getKind(), x, y); },
      element);
  if (!isMean)
    return sum;
  Value count = e.constant(1);
  for (int64_t axis : reduce.getAxes())
    count = e.mul(count, e.size(input, axis));
  if (!isa<FloatType>(type)) {
    // The mean of nothing is 0.
    count = arith::MaxSIOp::create(e.b, e.loc, count, e.constant(1));
    Value mean = arith::DivSIOp::create(e.b, e.loc, sum, count);
    return type == summed
               ? mean
               : Value(arith::TruncIOp::create(e.b, e.loc, type, mean));
  }
  count = arith::SIToFPOp::create(e.b, e.loc, type, count);
  return arith::DivFOp::create(e.b, e.loc, sum, count);
}

Value Elements::cumsum(Operation *op, ArrayRef<Value> indices) {
  auto cumsum = cast<nn::CumsumOp>(op);
  Value input = cumsum.getInput(), index = indices[cumsum.getAxis()];
  // The elements up to this one: before it, or, reversed, behind it.
  Value one = e.constant(1), inclusive = e.add(index, one);
  Value from = e.constant(0), to = cumsum.getExclusive() ? index : inclusive;
  if (cumsum.getReverse()) {
    from = cumsum.getExclusive() ? inclusive : index;
    to = e.size(input, cumsum.getAxis());
  }
  auto before = known;
  Value sum =
      e.loop(from, to, 1, neutral(e, nn::Reduction::sum, registerType(input)),
             [&](Value i, ValueRange carried) {
               forget();
               Indices own(indices);
               own[cumsum.getAxis()] = i;
               return SmallVector<Value>{
                   join(e, nn::Reduction::sum, carried[0], at(input, own))};
             })[0];
  known = std::move(before);
  return sum;
}

Value Elements::matmul(Operation *op, ArrayRef<Value> indices) {
  auto matmul = cast<nn::MatmulOp>(op);
  auto own = [&](Value operand, bool transposed, Value row, Value column) {
    RankedTensorType type = ranked(operand);
    Indices place(indices.drop_back(2).take_back(type.getRank() - 2));
    for (auto [axis, index] : llvm::enumerate(place))
      if (type.getDimSize(axis) == 1)
        index = e.constant(0);
    if (transposed)
      std::swap(row, column);
    place.append({row, column});
    return at(operand, place);
  };
  Value row = indices[indices.size() - 2], column = indices.back();
  Value lhs = matmul.getLhs();
  int64_t inner = ranked(lhs).getRank() - (matmul.getTransposeLhs() ? 2 : 1);
  auto before = known;
  Value sum = e.loop(
      e.constant(0), e.size(lhs, inner), 1,
      neutral(e, nn::Reduction::sum, registerType(op->getResult(0))),
      [&](Value k, ValueRange carried) {
        forget();
        auto reorder =
            arith::FastMathFlags::reassoc | arith::FastMathFlags::contract;
        Value product = arith::MulFOp::create(
            e.b, e.loc, own(lhs, matmul.getTransposeLhs(), row, k),
            own(matmul.getRhs(), matmul.getTransposeRhs(), k, column), reorder);
        return SmallVector<Value>{
            join(e, nn::Reduction::sum, carried[0], product)};
      })[0];
  known = std::move(before);
  return sum;
}

/// u . b, of a low-rank branch behind a product: the sums over the rank, in
/// order.
Value Elements::linear(Operation *op, ArrayRef<Value> indices) {
  auto linear = cast<nn::LinearOp>(op);
  Indices row(indices.drop_back());
  auto before = known;
  Value sum =
      e.loop(e.constant(0), e.size(linear.getWeight(), 1), 1,
             e.constant(0.0, e.f32()), [&](Value k, ValueRange carried) {
               forget();
               Indices place(row);
               place.push_back(k);
               return SmallVector<Value>{Math{e.b, e.loc}.fma(
                   at(linear.getInput(), place),
                   at(linear.getWeight(), {indices.back(), k}), carried[0])};
             })[0];
  known = std::move(before);
  Type element = ranked(op->getResult(0)).getElementType();
  if (element == e.f32())
    return sum;
  Value half = arith::TruncFOp::create(e.b, e.loc, element, sum);
  return arith::ExtFOp::create(e.b, e.loc, e.f32(), half);
}

} // namespace qopt::tile
