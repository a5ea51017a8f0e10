// Arithmetic of floating-point numbers, as PTX has it: IEEE, denormals kept.

#include "qopt/codegen/simt/Decoder.h"
#include "qopt/codegen/simt/Formats.h"
#include "llvm/ADT/APFloat.h"

using namespace mlir;

namespace qopt::simt {

namespace {

struct FAdd {
  template <class V> static V of(V a, V b) { return a + b; }
};
struct FSub {
  template <class V> static V of(V a, V b) { return a - b; }
};
struct FMul {
  template <class V> static V of(V a, V b) { return a * b; }
};
struct FDiv {
  template <class V> static V of(V a, V b) { return a / b; }
};
/// Of zeros, +0 is the larger one.
template <class V> bool isLess(V a, V b) {
  return a < b || (a == b && std::signbit(a) && !std::signbit(b));
}
/// A number, if one of the two is one.
struct MaxNum {
  template <class V> static V of(V a, V b) {
    return std::isnan(a) ? b : std::isnan(b) ? a : isLess(a, b) ? b : a;
  }
};
struct MinNum {
  template <class V> static V of(V a, V b) {
    return std::isnan(a) ? b : std::isnan(b) ? a : isLess(b, a) ? b : a;
  }
};
/// NaN, if one of the two is.
struct Maximum {
  template <class V> static V of(V a, V b) {
    return std::isnan(a) ? a : std::isnan(b) ? b : isLess(a, b) ? b : a;
  }
};
struct Minimum {
  template <class V> static V of(V a, V b) {
    return std::isnan(a) ? a : std::isnan(b) ? b : isLess(b, a) ? b : a;
  }
};
struct CopySign {
  template <class V> static V of(V a, V b) { return std::copysign(a, b); }
};
// Unary ones; b is ignored.
struct Sqrt {
  template <class V> static V of(V a, V) { return std::sqrt(a); }
};
struct Floor {
  template <class V> static V of(V a, V) { return std::floor(a); }
};
struct Ceil {
  template <class V> static V of(V a, V) { return std::ceil(a); }
};
struct Trunc {
  template <class V> static V of(V a, V) { return std::trunc(a); }
};
struct Round {
  template <class V> static V of(V a, V) { return std::round(a); }
};
struct RoundEven {
  template <class V> static V of(V a, V) { return std::nearbyint(a); }
};

template <class T, class F> void stepFloat(Warp &warp, const Instr &i) {
  const auto *a = warp.at<typename T::Bits>(i.a);
  const auto *b = warp.at<typename T::Bits>(i.b);
  auto *to = warp.at<typename T::Bits>(i.to);
  warp.each([&](unsigned lane) {
    to[lane] = T::put(F::of(T::get(a[lane]), T::get(b[lane])));
  });
}

/// to = a ^ b or a & b: signs, NaN or not.
template <class S, bool flip> void stepSign(Warp &warp, const Instr &i) {
  const S *a = warp.at<S>(i.a), *b = warp.at<S>(i.b);
  S *to = warp.at<S>(i.to);
  warp.each([&](unsigned lane) {
    to[lane] = flip ? a[lane] ^ b[lane] : a[lane] & b[lane];
  });
}

template <class T> void stepFma(Warp &warp, const Instr &i) {
  const auto *a = warp.at<typename T::Bits>(i.a);
  const auto *b = warp.at<typename T::Bits>(i.b);
  const auto *c = warp.at<typename T::Bits>(i.c);
  auto *to = warp.at<typename T::Bits>(i.to);
  warp.each([&](unsigned lane) {
    to[lane] =
        T::put(std::fma(T::get(a[lane]), T::get(b[lane]), T::get(c[lane])));
  });
}

/// Of 16 bits: f32 could round twice.
template <bool isBf16> void stepShortFma(Warp &warp, const Instr &i) {
  const uint32_t *a = warp.at<uint32_t>(i.a), *b = warp.at<uint32_t>(i.b),
                 *c = warp.at<uint32_t>(i.c);
  uint32_t *to = warp.at<uint32_t>(i.to);
  auto number = [](uint32_t bits) {
    return APFloat(isBf16 ? APFloat::BFloat() : APFloat::IEEEhalf(),
                   APInt(16, bits & 0xffff));
  };
  warp.each([&](unsigned lane) {
    APFloat sum = number(a[lane]);
    sum.fusedMultiplyAdd(number(b[lane]), number(c[lane]),
                         APFloat::rmNearestTiesToEven);
    to[lane] = sum.bitcastToAPInt().getZExtValue();
  });
}

/// Bits of `number`: 1 less, 2 greater, 4 equal, 8 unordered: who holds.
template <class T> void stepCompare(Warp &warp, const Instr &i) {
  const auto *a = warp.at<typename T::Bits>(i.a);
  const auto *b = warp.at<typename T::Bits>(i.b);
  uint32_t *to = warp.at<uint32_t>(i.to);
  warp.each([&](unsigned lane) {
    auto x = T::get(a[lane]), y = T::get(b[lane]);
    int relation = x < y ? 1 : x > y ? 2 : x == y ? 4 : 8;
    to[lane] = (i.number & relation) != 0;
  });
}

} // namespace

/// The step for a type, of one that every type has.
template <template <class> class Chosen>
static Step stepFor(Scalar::Kind kind) {
  switch (kind) {
  case Scalar::f16:
    return Chosen<F16>::step;
  case Scalar::bf16:
    return Chosen<BF16>::step;
  case Scalar::f64:
    return Chosen<F64>::step;
  default:
    return Chosen<F32>::step;
  }
}

namespace {
template <class F> struct OfTwo {
  template <class T> struct For {
    static constexpr Step step = stepFloat<T, F>;
  };
};
template <class T> struct ComparisonFor {
  static constexpr Step step = stepCompare<T>;
};
} // namespace

template <class Op, class F, bool unary = false>
static LogicalResult writeFloat(Decoder &d, Op op) {
  Scalar type = *d.scalarOf(op.getType());
  Step step = stepFor<OfTwo<F>::template For>(type.kind);
  Registers result = d.define(op);
  for (auto [i, to] : llvm::enumerate(result))
    d.emit(step, to, d.of(op->getOperand(0))[i],
           d.of(op->getOperand(unary ? 0 : 1))[i]);
  return success();
}

template <class Op, bool flip>
static LogicalResult writeSign(Decoder &d, Op op) {
  Scalar type = *d.scalarOf(op.getType());
  uint64_t sign = 1ull << (type.bits - 1);
  uint32_t bits = d.constant(flip ? sign : sign - 1, type.isWide());
  Step step =
      type.isWide() ? stepSign<uint64_t, flip> : stepSign<uint32_t, flip>;
  Registers result = d.define(op);
  for (auto [i, to] : llvm::enumerate(result))
    d.emit(step, to, d.of(op->getOperand(0))[i], bits);
  return success();
}

/// NVPTX fuses llvm.intr.fmuladd, too.
template <class Op> static LogicalResult writeFma(Decoder &d, Op op) {
  Scalar type = *d.scalarOf(op.getType());
  Step step = type.kind == Scalar::f64    ? stepFma<F64>
              : type.kind == Scalar::f32  ? stepFma<F32>
              : type.kind == Scalar::bf16 ? stepShortFma<true>
                                          : stepShortFma<false>;
  Registers result = d.define(op);
  for (auto [i, to] : llvm::enumerate(result))
    d.emit(step, to, d.of(op.getA())[i], d.of(op.getB())[i],
           d.of(op.getC())[i]);
  return success();
}

static int relationsOf(LLVM::FCmpPredicate predicate) {
  enum { less = 1, greater = 2, equal = 4, unordered = 8 };
  switch (predicate) {
  case LLVM::FCmpPredicate::_false:
    return 0;
  case LLVM::FCmpPredicate::oeq:
    return equal;
  case LLVM::FCmpPredicate::ogt:
    return greater;
  case LLVM::FCmpPredicate::oge:
    return greater | equal;
  case LLVM::FCmpPredicate::olt:
    return less;
  case LLVM::FCmpPredicate::ole:
    return less | equal;
  case LLVM::FCmpPredicate::one:
    return less | greater;
  case LLVM::FCmpPredicate::ord:
    return less | greater | equal;
  case LLVM::FCmpPredicate::ueq:
    return equal | unordered;
  case LLVM::FCmpPredicate::ugt:
    return greater | unordered;
  case LLVM::FCmpPredicate::uge:
    return greater | equal | unordered;
  case LLVM::FCmpPredicate::ult:
    return less | unordered;
  case LLVM::FCmpPredicate::ule:
    return less | equal | unordered;
  case LLVM::FCmpPredicate::une:
    return less | greater | unordered;
  case LLVM::FCmpPredicate::uno:
    return unordered;
  case LLVM::FCmpPredicate::_true:
    return less | greater | equal | unordered;
  }
  return 0;
}

static LogicalResult writeCompare(Decoder &d, LLVM::FCmpOp op) {
  Scalar type = *d.scalarOf(op.getLhs().getType());
  Registers result = d.define(op);
  for (auto [i, to] : llvm::enumerate(result))
    d.emit(stepFor<ComparisonFor>(type.kind), to, d.of(op.getLhs())[i],
           d.of(op.getRhs())[i], 0, relationsOf(op.getPredicate()));
  return success();
}

void addFloats(Writers &writers) {
  writers.add<LLVM::FAddOp>(writeFloat<LLVM::FAddOp, FAdd>);
  writers.add<LLVM::FSubOp>(writeFloat<LLVM::FSubOp, FSub>);
  writers.add<LLVM::FMulOp>(writeFloat<LLVM::FMulOp, FMul>);
  writers.add<LLVM::FDivOp>(writeFloat<LLVM::FDivOp, FDiv>);
  writers.add<LLVM::MaxNumOp>(writeFloat<LLVM::MaxNumOp, MaxNum>);
  writers.add<LLVM::MinNumOp>(writeFloat<LLVM::MinNumOp, MinNum>);
  writers.add<LLVM::MaximumOp>(writeFloat<LLVM::MaximumOp, Maximum>);
  writers.add<LLVM::MinimumOp>(writeFloat<LLVM::MinimumOp, Minimum>);
  writers.add<LLVM::CopySignOp>(writeFloat<LLVM::CopySignOp, CopySign>);
  writers.add<LLVM::SqrtOp>(writeFloat<LLVM::SqrtOp, Sqrt, true>);
  writers.add<LLVM::FFloorOp>(writeFloat<LLVM::FFloorOp, Floor, true>);
  writers.add<LLVM::FCeilOp>(writeFloat<LLVM::FCeilOp, Ceil, true>);
  writers.add<LLVM::FTruncOp>(writeFloat<LLVM::FTruncOp, Trunc, true>);
  writers.add<LLVM::RoundOp>(writeFloat<LLVM::RoundOp, Round, true>);
  writers.add<LLVM::RoundEvenOp>(
      writeFloat<LLVM::RoundEvenOp, RoundEven, true>);
  writers.add<LLVM::RintOp>(writeFloat<LLVM::RintOp, RoundEven, true>);
  writers.add<LLVM::NearbyintOp>(
      writeFloat<LLVM::NearbyintOp, RoundEven, true>);
  writers.add<LLVM::FNegOp>(writeSign<LLVM::FNegOp, true>);
  writers.add<LLVM::FAbsOp>(writeSign<LLVM::FAbsOp, false>);
  writers.add<LLVM::FMAOp>(writeFma<LLVM::FMAOp>);
  writers.add<LLVM::FMulAddOp>(writeFma<LLVM::FMulAddOp>);
  writers.add<LLVM::FCmpOp>(writeCompare);
}

} // namespace qopt::simt
