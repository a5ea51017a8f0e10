// Loops over elements that lie side by side, see Span.h.

#include "qopt/codegen/cpu/Span.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace qopt::cpu {

Type lanesOf(Type element, int64_t lanes) {
  return lanes == 1 ? element : Type(VectorType::get(lanes, element));
}

Value splat(Emitter &e, Value scalar, int64_t lanes) {
  return lanes == 1
             ? scalar
             : Value(vector::BroadcastOp::create(
                   e.b, e.loc, lanesOf(scalar.getType(), lanes), scalar));
}

Value loadFloats(Emitter &e, Value tensor, Value index, int64_t lanes) {
  return loadFloats(e, e.pointer(tensor), getElementTypeOrSelf(tensor), index,
                    lanes);
}

Value loadFloats(Emitter &e, Value base, Type element, Value index,
                 int64_t lanes) {
  Value x = e.load(lanesOf(element, lanes), base, index);
  Type wide = lanesOf(e.f32(), lanes);
  if (element.isF64())
    return arith::TruncFOp::create(e.b, e.loc, wide, x);
  return element == e.f32() ? x
                            : Value(arith::ExtFOp::create(e.b, e.loc, wide, x));
}

void storeFloats(Emitter &e, Value value, Value tensor, Value index) {
  storeFloats(e, value, e.pointer(tensor), getElementTypeOrSelf(tensor), index);
}

void storeFloats(Emitter &e, Value value, Value base, Type element,
                 Value index) {
  Type type = Math::with(value.getType(), element);
  if (element.isF64())
    value = arith::ExtFOp::create(e.b, e.loc, type, value);
  else if (element != e.f32())
    value = arith::TruncFOp::create(e.b, e.loc, type, value);
  e.store(value, base, index);
}

Value loadNumber(Emitter &e, Value tensor) {
  if (auto constant = tensor.getDefiningOp<arith::ConstantOp>()) {
    auto value = cast<DenseElementsAttr>(constant.getValue());
    return arith::ConstantOp::create(
        e.b, e.loc, cast<TypedAttr>(value.getSplatValue<Attribute>()));
  }
  return e.load(getElementTypeOrSelf(tensor), e.pointer(tensor), e.constant(0));
}

Value least(Emitter &e, Value a, Value b) {
  return e.b.createOrFold<arith::MinSIOp>(e.loc, a, b);
}

Value minus(Emitter &e, Value a, Value b) {
  return e.b.createOrFold<arith::SubIOp>(e.loc, a, b);
}

/// Where the last whole vector ends.
Value Span::whole(int64_t lanes) {
  Value count =
      arith::AndIOp::create(e.b, e.loc, minus(e, to, from), e.constant(-lanes));
  return e.add(from, count);
}

void Span::each(Body body) { each(e.lanes(), body); }

void Span::each(int64_t lanes, Body body) {
  Value end = whole(lanes);
  e.loop(from, end, lanes, [&](Value i) { body(i, lanes); });
  e.loop(end, to, 1, [&](Value i) { body(i, 1); });
}

SmallVector<Value> Span::joined(ArrayRef<Value> neutral, Terms terms,
                                function_ref<Value(Value, Value)> join,
                                function_ref<Value(Value)> across) {
  auto step = [&](Value i, ValueRange carried, int64_t lanes) {
    SmallVector<Value> next(carried);
    for (auto [sum, term] : llvm::zip_equal(next, terms(i, lanes)))
      sum = join(sum, term);
    return next;
  };
  int64_t lanes = e.lanes();
  Value end = whole(lanes);
  SmallVector<Value> first;
  for (Value value : neutral)
    first.push_back(splat(e, value, lanes));
  auto sums = e.loop(from, end, lanes, first, [&](Value i, ValueRange sum) {
    return step(i, sum, lanes);
  });
  for (Value &sum : sums)
    sum = across(sum);
  return e.loop(end, to, 1, sums,
                [&](Value i, ValueRange sum) { return step(i, sum, 1); });
}

SmallVector<Value> Span::sums(Type element, int64_t count, Terms terms) {
  Math m{e.b, e.loc};
  SmallVector<Value> zeros(count, e.constant(0.0, element));
  return joined(
      zeros, terms, [&](Value x, Value y) { return m.add(x, y); },
      [&](Value sums) -> Value {
        return vector::ReductionOp::create(e.b, e.loc,
                                           vector::CombiningKind::ADD, sums,
                                           arith::FastMathFlags::reassoc);
      });
}

Value Span::largest(function_ref<Value(Value, int64_t)> of) {
  Math m{e.b, e.loc};
  Value none = e.constant(-HUGE_VAL, e.f32());
  return joined(
      none,
      [&](Value i, int64_t lanes) { return SmallVector<Value>{of(i, lanes)}; },
      [&](Value x, Value y) { return m.larger(y, x); },
      [&](Value sums) -> Value {
        return vector::ReductionOp::create(
            e.b, e.loc, vector::CombiningKind::MAXNUMF, sums);
      })[0];
}

} // namespace qopt::cpu
