// What matrix instructions take of packed codes and of the rows that they are
// multiplied by.

#include "qopt/codegen/cuda/LowbitFragments.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/cuda/Mma.h"

using namespace mlir;

namespace qopt::cuda {

static Type elementOf(const LowbitShape &shape) {
  lowbit::LinearOp op = shape.op;
  return getElementTypeOrSelf(op.getInput().getType());
}

Fragments::Fragments(Emitter &e, const LowbitShape &shape)
    : lift(shape.packing.bits == 8 ? 0 : shape.packing.offset),
      e(e), m{e.b, e.loc}, shape(shape), place(e),
      isWide(elementOf(shape).isF32()) {
  if (!shape.codes)
    factor = isWide ? FloatType(e.b.getBF16Type())
                    : cast<FloatType>(elementOf(shape));
}

void Fragments::findZeros(Value panel, Value group) {
  lowbit::LinearOp op = shape.op;
  zeros.clear();
  if (shape.codes || !op.getZeros())
    return;
  for (int64_t i = 0; i < 2 * shape.packing.fields; ++i) {
    Value row = e.add(place.row, e.constant(16 * (i / 2) + 8 * (i % 2)));
    zeros.push_back(loadScale(e, shape, op.getZeros(), panel, row, group));
  }
}

/// A bf16 in place of a vector's element is what a matrix instruction takes.
Value Fragments::asOperand(Value pair) {
  return factor.isBF16() ? Value(LLVM::BitcastOp::create(
                               e.b, e.loc, e.b.getI32Type(), pair))
                         : pair;
}

/// A vector with `value`, an i32 that the type holds, twice.
static Value twice(Emitter &e, Value value, FloatType type) {
  Value x = arith::SIToFPOp::create(e.b, e.loc, e.f32(), value);
  x = arith::TruncFOp::create(e.b, e.loc, type, x);
  return vector::BroadcastOp::create(e.b, e.loc, e.vector(2, type), x);
}

/// Codes of 8 bits, which the mantissa of a bf16 beside 128 does not hold.
Fragments::Values Fragments::numbersOfBytes(Value word, Value zero) {
  Value lift = liftOf(e, shape, zero);
  Values pairs, x;
  for (int64_t i = 0; i < 4; ++i)
    x.push_back(numberOf(e, shape, word, 0, i, lift));
  for (int64_t i = 0; i < 4; i += 2)
    pairs.push_back(highHalves(e, x[i], x[i + 1]));
  return pairs;
}

Fragments::Values Fragments::numbers(Value word, int64_t field, Value zero) {
  if (factor.isBF16() && shape.packing.bits == 8)
    return numbersOfBytes(word, zero);
  // The bits of 1024 in f16, and of 128 in bf16: units are the last place.
  bool isHalf = factor.isF16();
  int64_t high = isHalf ? 0x64 : 0x43, one = isHalf ? 1024 : 128;
  VectorType bytes = e.vector(4, e.b.getI8Type());
  Value codes = LLVM::BitcastOp::create(e.b, e.loc, bytes,
                                        fieldOf(e, shape, word, field));
  Value exponents = arith::ConstantOp::create(
      e.b, e.loc,
      SplatElementsAttr::get(bytes, e.b.getI8IntegerAttr(int8_t(high))));
  VectorType pair = e.vector(2, factor);
  Value zeros = zero ? twice(e, zero, factor) : Value();
  Values result;
  for (int64_t i = 0; i < 4; i += 2) {
    Value x = vector::ShuffleOp::create(e.b, e.loc, codes, exponents,
                                        ArrayRef<int64_t>{i, 4, i + 1, 4});
    x = LLVM::BitcastOp::create(e.b, e.loc, pair, x);
    // A difference of bf16 is an FMA before sm_90.
    Value lift = m.real(-double(one + shape.packing.offset), pair);
    x = isHalf ? m.add(x, lift) : m.fma(x, m.real(1, pair), lift);
    if (zeros)
      x = isHalf ? m.sub(x, zeros) : m.fma(zeros, m.real(-1, pair), x);
    result.push_back(asOperand(x));
  }
  return result;
}

Fragments::Values Fragments::weight(Value words, int64_t field, int64_t step) {
  Values result;
  if (shape.codes) {
    for (int64_t j = 0; j < 4; ++j) {
      Value codes = fieldOf(e, shape, e.element(words, j), field);
      if (shape.packing.bits == 8)
        codes = arith::XOrIOp::create(e.b, e.loc, codes,
                                      e.i32(int32_t(0x80808080)));
      result.push_back(codes);
    }
    return result;
  }
  Values rows[2];
  for (int64_t j = 0; j < 2; ++j)
    rows[j] = numbers(e.element(words, 2 * step + j), field,
                      zeros.empty() ? Value() : zeros[2 * field + j]);
  for (int64_t half = 0; half < 2; ++half)
    for (int64_t j = 0; j < 2; ++j)
      result.push_back(rows[j][half]);
  return result;
}

Fragments::Terms Fragments::input(Value row, Value column, int64_t step) {
  Value second = e.add(column, e.constant(16));
  if (shape.codes)
    return {
        {loadCodes(e, shape, row, column), loadCodes(e, shape, row, second)}};
  SmallVector<Value> x = loadFour(e, shape, row, step ? second : column);
  if (!isWide)
    return {{asOperand(e.vectorOf({x[0], x[1]})),
             asOperand(e.vectorOf({x[2], x[3]}))}};
  Terms terms(3);
  SmallVector<Value> parts[4];
  for (int64_t i = 0; i < 4; ++i)
    parts[i] = splitInThree(e, x[i]);
  for (int64_t term = 0; term < 3; ++term)
    for (int64_t i = 0; i < 4; i += 2)
      terms[term].push_back(highHalves(e, parts[i][term], parts[i + 1][term]));
  return terms;
}

void Fragments::multiply(ArrayRef<Value> w, const Terms &x,
                         MutableArrayRef<Value> sums) {
  // The smallest first.
  for (const Values &term : llvm::reverse(x)) {
    if (shape.codes)
      multiplyMatrices(e, NVVM::MMATypes::s8, 32, w, term, sums);
    else
      multiplyMatrices(
          e, factor.isF16() ? NVVM::MMATypes::f16 : NVVM::MMATypes::bf16, 16, w,
          term, sums);
  }
}

Value Fragments::addInput(const Terms &x, Value sum) {
  for (Value codes : x[0])
    sum = dot4(e, e.i32(0x01010101), codes, sum);
  return sum;
}

} // namespace qopt::cuda
