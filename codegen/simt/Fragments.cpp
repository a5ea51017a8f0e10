// Products of matrices whose elements the lanes of a warp hold.

#include "qopt/codegen/simt/Fragments.h"

#include <algorithm>
#include <cstring>

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qopt/codegen/simt/Decoder.h"
#include "qopt/codegen/simt/Formats.h"

using namespace mlir;

namespace qopt::simt {

static float number(Factor factor, uint32_t bits) {
  switch (factor) {
  case Factor::f16:
    return fromF16(bits);
  case Factor::bf16:
    return floatOf(bits << 16);
  default:
    return floatOf(bits & ~0x1fffu);
  }
}

static int64_t integer(Factor factor, uint32_t bits) {
  return factor == Factor::s8 ? int64_t(int8_t(bits)) : int64_t(uint8_t(bits));
}

void multiply(const Product &product, const uint32_t *a, const uint32_t *b,
              const uint32_t *c, uint32_t *d) {
  bool isInteger = product.a == Factor::s8 || product.a == Factor::u8;
  unsigned K = product.k;
  for (unsigned m = 0; m < 16; ++m)
    for (unsigned n = 0; n < 8; ++n) {
      uint32_t sum = c[m * 8 + n];
      for (unsigned k = 0; k < K; ++k) {
        uint32_t x = a[m * K + k], y = b[k * 8 + n];
        if (!isInteger) {
          float product1 = number(product.a, x) * number(product.b, y);
          sum = bitsOf(floatOf(sum) + product1);
          continue;
        }
        int64_t next =
            int32_t(sum) + integer(product.a, x) * integer(product.b, y);
        if (product.saturates)
          next = std::clamp<int64_t>(next, INT32_MIN, INT32_MAX);
        sum = next;
      }
      d[m * 8 + n] = sum;
    }
}

namespace {

/// An element of a lane's fragment. A register is one of the list, or its
/// elements are apart (vector<2xf16>).
uint32_t elementOf(Warp &warp, const uint32_t *list, bool apart, unsigned lane,
                   unsigned reg, unsigned element, unsigned per) {
  if (apart)
    return warp.at<uint32_t>(list[reg * per + element])[lane];
  unsigned bits = 32 / per;
  uint32_t value = warp.at<uint32_t>(list[reg])[lane] >> (element * bits);
  return per == 1 ? value : value & ((1u << bits) - 1);
}

/// What stepMma has in `number`.
struct Packed {
  static int64_t of(const Product &product, bool apart, bool f16Sums) {
    return int64_t(product.a) | int64_t(product.b) << 4 |
           int64_t(product.k) << 8 | int64_t(product.saturates) << 16 |
           int64_t(apart) << 17 | int64_t(f16Sums) << 18;
  }
  explicit Packed(int64_t n)
      : product{Factor(n & 15), Factor(n >> 4 & 15), unsigned(n >> 8 & 255),
                bool(n >> 16 & 1)},
        apart(n >> 17 & 1), f16Sums(n >> 18 & 1) {}
  Product product;
  bool apart, f16Sums;
};

/// to .. to + 3 = the fragments in the list: a, b, c; `a` and `b` say how many
/// registers (whole ones) the factors have.
void stepMma(Warp &warp, const Instr &i) {
  if (!warp.gather(warp.lanes))
    return;
  if (warp.active != allLanes)
    return warp.fault("expects 32 lanes to multiply matrices");
  Packed how(i.number);
  const Product &product = how.product;
  unsigned per = perRegister(product.a), K = product.k;
  unsigned wide = how.apart ? per : 1;
  const uint32_t *a = warp.listOf(i), *b = a + i.a * wide, *c = b + i.b * wide;
  uint32_t A[16 * 32], B[32 * 8], C[16 * 8], D[16 * 8];
  for (unsigned lane = 0; lane < warpSize; ++lane) {
    for (unsigned reg = 0; reg < i.a; ++reg)
      for (unsigned j = 0; j < per; ++j) {
        Place place = placeInA(lane, reg, j, per);
        A[place.row * K + place.column] =
            elementOf(warp, a, how.apart, lane, reg, j, per);
      }
    for (unsigned reg = 0; reg < i.b; ++reg)
      for (unsigned j = 0; j < per; ++j) {
        Place place = placeInB(lane, reg, j, per);
        B[place.row * 8 + place.column] =
            elementOf(warp, b, how.apart, lane, reg, j, per);
      }
    for (unsigned j = 0; j < 4; ++j) {
      Place place = placeInC(lane, j);
      uint32_t bits = warp.at<uint32_t>(c[j])[lane];
      C[place.row * 8 + place.column] =
          how.f16Sums ? bitsOf(fromF16(bits)) : bits;
    }
  }
  multiply(product, A, B, C, D);
  for (unsigned lane = 0; lane < warpSize; ++lane)
    for (unsigned j = 0; j < 4; ++j) {
      Place place = placeInC(lane, j);
      uint32_t bits = D[place.row * 8 + place.column];
      warp.at<uint32_t>(i.to + j)[lane] =
          how.f16Sums ? toF16(floatOf(bits)) : bits;
    }
}

/// to .. to + count - 1 = matrices whose rows lie at the addresses in a;
/// `number`: transposed.
void stepLoadMatrix(Warp &warp, const Instr &i) {
  if (!warp.gather(warp.lanes))
    return;
  if (warp.active != allLanes)
    return warp.fault("expects 32 lanes to load matrices");
  const uint64_t *address = warp.at<uint64_t>(i.a);
  constexpr unsigned rowBytes = 16;
  uint16_t matrix[8][8];
  for (unsigned m = 0; m < i.b; ++m) {
    for (unsigned row = 0; row < 8; ++row) {
      unsigned lane = m * 8 + row;
      if (spaceOf(address[lane]) != Space::shared)
        return warp.fault("thread " + Twine(warp.threadOf(lane)) +
                          " loads a matrix from memory that is not shared");
      char *from =
          warp.access(lane, address[lane], rowBytes, rowBytes, Access::read);
      if (!from)
        return;
      std::memcpy(matrix[row], from, rowBytes);
    }
    uint32_t *to = warp.at<uint32_t>(i.to + m);
    for (unsigned lane = 0; lane < warpSize; ++lane) {
      Place low = placeInRows(lane, 0, i.number);
      Place high = placeInRows(lane, 1, i.number);
      to[lane] = matrix[low.row][low.column] |
                 uint32_t(matrix[high.row][high.column]) << 16;
    }
  }
}

} // namespace

static std::optional<Factor> factorOf(NVVM::MMATypes type) {
  switch (type) {
  case NVVM::MMATypes::f16:
    return Factor::f16;
  case NVVM::MMATypes::bf16:
    return Factor::bf16;
  case NVVM::MMATypes::tf32:
    return Factor::tf32;
  case NVVM::MMATypes::s8:
    return Factor::s8;
  case NVVM::MMATypes::u8:
    return Factor::u8;
  default:
    return std::nullopt;
  }
}

/// The type of a factor, as the attribute or the operands say it.
static std::optional<Factor> factorOf(std::optional<NVVM::MMATypes> type,
                                      ValueRange operands) {
  if (!type && !operands.empty())
    type = NVVM::MmaOp::inferOperandMMAType(operands.front().getType(), false);
  return type ? factorOf(*type) : std::nullopt;
}

static LogicalResult writeMma(Decoder &d, NVVM::MmaOp op) {
  auto a = factorOf(op.getMultiplicandAPtxType(), op.getOperandA());
  auto b = factorOf(op.getMultiplicandBPtxType(), op.getOperandB());
  auto shape = op.getShape();
  if (!a || !b || shape.getM() != 16 || shape.getN() != 8 ||
      op.getLayoutA() != NVVM::MMALayout::row ||
      op.getLayoutB() != NVVM::MMALayout::col)
    return d.unknown("expects m16n8, row times column, of f16, bf16, tf32, s8 "
                     "or u8");
  unsigned per = perRegister(*a);
  if (perRegister(*b) != per)
    return d.unknown("expects factors of one size");
  unsigned K = shape.getK();
  // 8 or 16 bytes of K for each row: one or two registers of B.
  unsigned bRegisters = K / (4 * per);
  bool halves = *a == Factor::f16;
  if (K % (4 * per) || bRegisters < 1 || bRegisters > 2 ||
      op.getOperandA().size() != 2 * bRegisters ||
      op.getOperandB().size() != bRegisters)
    return d.unknown("expects 4 or 8 registers' worth of K");
  SmallVector<uint32_t> list;
  for (ValueRange operands :
       {ValueRange(op.getOperandA()), ValueRange(op.getOperandB()),
        ValueRange(op.getOperandC())})
    for (Value operand : operands)
      llvm::append_range(list, d.of(operand));
  bool apart = halves; // vector<2xf16>
  auto result = d.scalarsOf(op.getType());
  bool f16Sums = result->front().kind == Scalar::f16;
  size_t expected = 3 * bRegisters * (apart ? per : 1) + 4;
  if (list.size() != expected || result->size() != 4)
    return d.unknown("expects 4 sums a lane");
  bool saturates =
      op.getIntOverflowBehavior() == NVVM::MMAIntOverflow::satfinite;
  Product product = {*a, *b, K, saturates};
  Registers to = d.define(op);
  d.list(d.emit(stepMma, to.front(), 2 * bRegisters, bRegisters, 0,
                Packed::of(product, apart, f16Sums)),
         list);
  return success();
}

static LogicalResult writeLoadMatrix(Decoder &d, NVVM::LdMatrixOp op) {
  if (op.getShape().getM() != 8 || op.getShape().getN() != 8 ||
      op.getEltType() != NVVM::LdStMatrixEltType::B16)
    return d.unknown("expects m8n8 of b16");
  Registers to = d.define(op);
  d.emit(stepLoadMatrix, to.front(), d.of(op.getPtr())[0], op.getNum(), 0,
         op.getLayout() == NVVM::MMALayout::col);
  return success();
}

void addMatrices(Writers &writers) {
  writers.add<NVVM::MmaOp>(writeMma);
  writers.add<NVVM::LdMatrixOp>(writeLoadMatrix);
}

} // namespace qopt::simt
