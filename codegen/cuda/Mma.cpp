// Matrix instructions, factors of theirs in shared memory, and numbers as sums
// of such that they multiply exactly.

#include "qopt/codegen/cuda/Mma.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/tile/Math.h"

using namespace mlir;

namespace qopt::cuda {

void multiplyMatrices(Emitter &e, NVVM::MMATypes type, int64_t terms,
                      ArrayRef<Value> a, ArrayRef<Value> b,
                      MutableArrayRef<Value> sums) {
  bool isInteger = type == NVVM::MMATypes::s8;
  SmallVector<Type> four(4, isInteger ? Type(e.b.getI32Type()) : e.f32());
  auto result = LLVM::LLVMStructType::getLiteral(e.b.getContext(), four);
  std::optional<NVVM::MMAIntOverflow> overflow;
  if (isInteger)
    overflow = NVVM::MMAIntOverflow::wrapped;
  Value product = NVVM::MmaOp::create(
      e.b, e.loc, result, a, b, ValueRange(sums), {16, 8, terms}, std::nullopt,
      overflow, std::array{type, type},
      std::array{NVVM::MMALayout::row, NVVM::MMALayout::col});
  for (int64_t i = 0; i < 4; ++i)
    sums[i] = LLVM::ExtractValueOp::create(e.b, e.loc, product, i);
}

Value highHalves(Emitter &e, Value low, Value high) {
  VectorType bytes = e.vector(4, e.b.getI8Type());
  auto bytesOf = [&](Value x) {
    return LLVM::BitcastOp::create(e.b, e.loc, bytes, x);
  };
  Value both = vector::ShuffleOp::create(
      e.b, e.loc, bytesOf(low), bytesOf(high), ArrayRef<int64_t>{2, 3, 6, 7});
  return LLVM::BitcastOp::create(e.b, e.loc, e.b.getI32Type(), both);
}

/// What is left of `x` without the bits of `mask`; nothing of what is not
/// finite, for infinity less infinity is no number.
static std::pair<Value, Value> cut(Emitter &e, Value x, int32_t mask) {
  Math m{e.b, e.loc};
  Type i32 = e.b.getI32Type();
  Value bits = m.bits(x, i32);
  Value high =
      m.bits(arith::AndIOp::create(e.b, e.loc, bits, e.i32(mask)), e.f32());
  return {high, m.sub(x, high)};
}

/// 0 in place of a rest of what is not finite.
static Value ifFinite(Emitter &e, Value x, Value rest) {
  Math m{e.b, e.loc};
  Value isFinite = m.compare(arith::CmpFPredicate::OLT, m.abs(x), HUGE_VAL);
  return m.select(isFinite, rest, e.constant(0.0, e.f32()));
}

SmallVector<Value> splitInThree(Emitter &e, Value x) {
  constexpr int32_t upper = int32_t(0xffff0000);
  auto [high, rest] = cut(e, x, upper);
  auto [middle, low] = cut(e, ifFinite(e, x, rest), upper);
  return {high, middle, low};
}

SmallVector<Value> splitInTwo(Emitter &e, Value x) {
  Math m{e.b, e.loc};
  auto [big, rest] = cut(e, x, int32_t(0xffffe000));
  // The instruction cuts off 13 bits: half of their unit rounds to nearest.
  Value bits = m.bits(ifFinite(e, x, rest), e.b.getI32Type());
  bits = arith::AddIOp::create(e.b, e.loc, bits, e.i32(0x1000));
  return {big, m.bits(bits, e.f32())};
}

Value pairOperand(Emitter &e, Value low, Value high) {
  Value pair = e.vectorOf({low, high});
  return low.getType().isBF16() ? Value(LLVM::BitcastOp::create(
                                      e.b, e.loc, e.b.getI32Type(), pair))
                                : pair;
}

int64_t SharedFactor::strideOf(FloatType element, bool alongTerms,
                               int64_t length) {
  return length + (element.isF32() && alongTerms ? 4 : 8);
}

Value SharedFactor::index(Emitter &e, Value i, Value k) const {
  return alongTerms ? e.add(e.mul(i, stride), k) : e.add(e.mul(k, stride), i);
}

/// Of 16 bits: matrices of 8 x 8, one after the other as the instruction takes
/// their registers; rows of them are rows in memory, turned on their way where
/// those are terms.
Terms SharedFactor::matrices(Emitter &e, Value i, Value k, bool isA) const {
  Type i32 = e.b.getI32Type();
  // Lane l has the address of row l % 8 of matrix l / 8.
  Value inside = e.rem(e.lane, 8), which = e.div(e.lane, 8);
  Value second = e.mul(isA ? e.rem(which, 2) : e.constant(0), 8);
  Value secondTerm = e.mul(isA ? e.div(which, 2) : e.rem(which, 2), 8);
  Value row = e.add(i, second), term = e.add(k, secondTerm);
  (alongTerms ? row : term) = e.add(alongTerms ? row : term, inside);
  Value address = e.offset(memory, index(e, row, term), element);
  unsigned count = isA ? 4 : 2;
  SmallVector<Type> types(count, i32);
  auto type = LLVM::LLVMStructType::getLiteral(e.b.getContext(), types);
  auto layout = alongTerms ? NVVM::MMALayout::row : NVVM::MMALayout::col;
  auto shape = NVVM::LdStMatrixShapeAttr::get(e.b.getContext(), 8, 8);
  Value loaded =
      NVVM::LdMatrixOp::create(e.b, e.loc, type, address, count, layout, shape,
                               NVVM::LdStMatrixEltType::B16);
  Terms result(1);
  for (unsigned r = 0; r < count; ++r) {
    Value word = LLVM::ExtractValueOp::create(e.b, e.loc, loaded, r);
    if (element.isF16())
      word = LLVM::BitcastOp::create(e.b, e.loc, e.vector(2, element), word);
    result[0].push_back(word);
  }
  return result;
}

Terms SharedFactor::words(Emitter &e, Value i, Value k, bool isA) const {
  Math m{e.b, e.loc};
  Value row = e.add(i, e.div(e.lane, 4)), term = e.add(k, e.rem(e.lane, 4));
  Terms result(2);
  for (int64_t r = 0; r < (isA ? 4 : 2); ++r) {
    Value at = index(e, e.add(row, e.constant(isA ? 8 * (r % 2) : 0)),
                     e.add(term, e.constant(4 * (isA ? r / 2 : r))));
    SmallVector<Value> parts = splitInTwo(e, e.load(e.f32(), memory, at));
    for (int64_t t = 0; t < 2; ++t)
      result[t].push_back(m.bits(parts[t], e.b.getI32Type()));
  }
  return result;
}

Terms SharedFactor::fragmentA(Emitter &e, Value i, Value k) const {
  return element.isF32() ? words(e, i, k, true) : matrices(e, i, k, true);
}

Terms SharedFactor::fragmentB(Emitter &e, Value i, Value k) const {
  return element.isF32() ? words(e, i, k, false) : matrices(e, i, k, false);
}

void multiplyTerms(Emitter &e, FloatType element, const Terms &a,
                   const Terms &b, MutableArrayRef<Value> sums) {
  if (!element.isF32()) {
    auto type = element.isF16() ? NVVM::MMATypes::f16 : NVVM::MMATypes::bf16;
    multiplyMatrices(e, type, 16, a[0], b[0], sums);
    return;
  }
  // The small ones first.
  multiplyMatrices(e, NVVM::MMATypes::tf32, 8, a[1], b[0], sums);
  multiplyMatrices(e, NVVM::MMATypes::tf32, 8, a[0], b[1], sums);
  multiplyMatrices(e, NVVM::MMATypes::tf32, 8, a[0], b[0], sums);
}

} // namespace qopt::cuda
