// From one type to another. What PTX's cvt does where LLVM leaves the result
// open: a float beyond the integers becomes the nearest one, NaN becomes 0.

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qopt/codegen/simt/Decoder.h"
#include "qopt/codegen/simt/Formats.h"

using namespace mlir;

namespace qopt::simt {

namespace {

/// to = a, whose bits are `b`, widened with its sign to `c` bits or cut off.
template <class From, class To, bool hasSign>
void stepResize(Warp &warp, const Instr &i) {
  const From *from = warp.at<From>(i.a);
  To *to = warp.at<To>(i.to);
  unsigned unused = 64 - i.b;
  uint64_t mask = ~0ull >> (64 - i.c);
  warp.each([&](unsigned lane) {
    uint64_t value = from[lane];
    if (hasSign)
      value = int64_t(value << unused) >> unused;
    to[lane] = value & mask;
  });
}

/// A number of more digits, rounded once.
template <class To, class V> typename To::Bits rounded(V value) {
  if constexpr (std::is_same_v<To, F16>)
    return toF16(double(value));
  else if constexpr (std::is_same_v<To, BF16>)
    return toBf16(double(value));
  else
    return To::put(typename To::Value(value));
}

template <class From, class To> void stepConvert(Warp &warp, const Instr &i) {
  const auto *from = warp.at<typename From::Bits>(i.a);
  auto *to = warp.at<typename To::Bits>(i.to);
  warp.each(
      [&](unsigned lane) { to[lane] = rounded<To>(From::get(from[lane])); });
}

template <class From, class S, bool hasSign>
void stepToInteger(Warp &warp, const Instr &i) {
  const auto *from = warp.at<typename From::Bits>(i.a);
  S *to = warp.at<S>(i.to);
  // cvt knows 32 and 64 bits; fewer are cut off behind it.
  unsigned bits = i.c > 32 ? 64 : 32;
  uint64_t mask = ~0ull >> (64 - i.c);
  double end = std::ldexp(1.0, hasSign ? bits - 1 : bits);
  uint64_t most = hasSign ? (1ull << (bits - 1)) - 1 : ~0ull >> (64 - bits);
  uint64_t least = hasSign ? ~0ull << (bits - 1) : 0;
  warp.each([&](unsigned lane) {
    double value = std::trunc(double(From::get(from[lane])));
    uint64_t result = std::isnan(value)              ? 0
                      : value >= end                 ? most
                      : value < (hasSign ? -end : 0) ? least
                      : hasSign                      ? uint64_t(int64_t(value))
                                                     : uint64_t(value);
    to[lane] = result & mask;
  });
}

/// Integers to a float.
template <class S, class To, bool hasSign>
void stepFromInteger(Warp &warp, const Instr &i) {
  const S *from = warp.at<S>(i.a);
  auto *to = warp.at<typename To::Bits>(i.to);
  unsigned unused = 64 - i.b;
  warp.each([&](unsigned lane) {
    if constexpr (hasSign) {
      int64_t value = int64_t(uint64_t(from[lane]) << unused) >> unused;
      to[lane] = rounded<To>(value);
    } else {
      to[lane] = rounded<To>(uint64_t(from[lane]));
    }
  });
}

/// to = bits [number, number + c) of a.
template <class From, class To> void stepCut(Warp &warp, const Instr &i) {
  const From *from = warp.at<From>(i.a);
  To *to = warp.at<To>(i.to);
  uint64_t mask = ~0ull >> (64 - i.c);
  warp.each([&](unsigned lane) { to[lane] = from[lane] >> i.number & mask; });
}

/// to = the registers of the list, of `c` bits each, one above the other.
template <class From, class To> void stepJoin(Warp &warp, const Instr &i) {
  const uint32_t *list = warp.listOf(i);
  To *to = warp.at<To>(i.to);
  warp.each([&](unsigned lane) {
    To value = 0;
    for (uint32_t k = 0; k < i.count; ++k)
      value |= To(warp.at<From>(list[k])[lane]) << (k * i.c);
    to[lane] = value;
  });
}

/// Round to nearest, ties away from zero, to 10 bits of mantissa:
/// cvt.rna.tf32.f32.
void stepToTf32(Warp &warp, const Instr &i) {
  const uint32_t *from = warp.at<uint32_t>(i.a);
  uint32_t *to = warp.at<uint32_t>(i.to);
  warp.each([&](unsigned lane) {
    uint32_t bits = from[lane];
    bool isFinite = (bits & 0x7f800000) != 0x7f800000;
    to[lane] = isFinite ? (bits + 0x1000) & ~0x1fffu : bits;
  });
}

} // namespace

template <class Op, bool hasSign>
static LogicalResult writeResize(Decoder &d, Op op) {
  Scalar from = *d.scalarOf(op.getArg().getType());
  Scalar to = *d.scalarOf(op.getType());
  Step step = from.isWide()
                  ? (to.isWide() ? stepResize<uint64_t, uint64_t, hasSign>
                                 : stepResize<uint64_t, uint32_t, hasSign>)
                  : (to.isWide() ? stepResize<uint32_t, uint64_t, hasSign>
                                 : stepResize<uint32_t, uint32_t, hasSign>);
  Registers result = d.define(op);
  for (auto [i, reg] : llvm::enumerate(result))
    d.emit(step, reg, d.of(op.getArg())[i], from.bits, to.bits);
  return success();
}

template <class From> static Step convertTo(Scalar::Kind kind) {
  switch (kind) {
  case Scalar::f16:
    return stepConvert<From, F16>;
  case Scalar::bf16:
    return stepConvert<From, BF16>;
  case Scalar::f64:
    return stepConvert<From, F64>;
  default:
    return stepConvert<From, F32>;
  }
}

static Step convert(Scalar::Kind from, Scalar::Kind to) {
  switch (from) {
  case Scalar::f16:
    return convertTo<F16>(to);
  case Scalar::bf16:
    return convertTo<BF16>(to);
  case Scalar::f64:
    return convertTo<F64>(to);
  default:
    return convertTo<F32>(to);
  }
}

template <class Op> static LogicalResult writeConvert(Decoder &d, Op op) {
  Step step = convert(d.scalarOf(op.getArg().getType())->kind,
                      d.scalarOf(op.getType())->kind);
  Registers result = d.define(op);
  for (auto [i, reg] : llvm::enumerate(result))
    d.emit(step, reg, d.of(op.getArg())[i]);
  return success();
}

template <class S, bool hasSign> static Step toInteger(Scalar::Kind from) {
  switch (from) {
  case Scalar::f16:
    return stepToInteger<F16, S, hasSign>;
  case Scalar::bf16:
    return stepToInteger<BF16, S, hasSign>;
  case Scalar::f64:
    return stepToInteger<F64, S, hasSign>;
  default:
    return stepToInteger<F32, S, hasSign>;
  }
}

template <class S, bool hasSign> static Step fromInteger(Scalar::Kind to) {
  switch (to) {
  case Scalar::f16:
    return stepFromInteger<S, F16, hasSign>;
  case Scalar::bf16:
    return stepFromInteger<S, BF16, hasSign>;
  case Scalar::f64:
    return stepFromInteger<S, F64, hasSign>;
  default:
    return stepFromInteger<S, F32, hasSign>;
  }
}

template <class Op, bool hasSign>
static LogicalResult writeToInteger(Decoder &d, Op op) {
  Scalar from = *d.scalarOf(op.getArg().getType());
  Scalar to = *d.scalarOf(op.getType());
  Step step = to.isWide() ? toInteger<uint64_t, hasSign>(from.kind)
                          : toInteger<uint32_t, hasSign>(from.kind);
  Registers result = d.define(op);
  for (auto [i, reg] : llvm::enumerate(result))
    d.emit(step, reg, d.of(op.getArg())[i], 0, to.bits);
  return success();
}

template <class Op, bool hasSign>
static LogicalResult writeFromInteger(Decoder &d, Op op) {
  Scalar from = *d.scalarOf(op.getArg().getType());
  Scalar to = *d.scalarOf(op.getType());
  Step step = from.isWide() ? fromInteger<uint64_t, hasSign>(to.kind)
                            : fromInteger<uint32_t, hasSign>(to.kind);
  Registers result = d.define(op);
  for (auto [i, reg] : llvm::enumerate(result))
    d.emit(step, reg, d.of(op.getArg())[i], from.bits);
  return success();
}

static LogicalResult writeBitcast(Decoder &d, LLVM::BitcastOp op) {
  Scalar from = *d.scalarOf(op.getArg().getType());
  Scalar to = *d.scalarOf(op.getType());
  Registers source = d.of(op.getArg());
  if (from.bits == to.bits) {
    d.alias(op, source);
    return success();
  }
  if (from.bits % to.bits && to.bits % from.bits)
    return d.unknown("of numbers of bits that do not divide each other");
  Registers result = d.define(op);
  if (from.bits > to.bits) {
    unsigned parts = from.bits / to.bits;
    Step step = from.isWide() ? (to.isWide() ? stepCut<uint64_t, uint64_t>
                                             : stepCut<uint64_t, uint32_t>)
                              : stepCut<uint32_t, uint32_t>;
    for (auto [i, reg] : llvm::enumerate(result))
      d.emit(step, reg, source[i / parts], 0, to.bits, (i % parts) * to.bits);
    return success();
  }
  unsigned parts = to.bits / from.bits;
  Step step =
      to.isWide() ? stepJoin<uint32_t, uint64_t> : stepJoin<uint32_t, uint32_t>;
  for (auto [i, reg] : llvm::enumerate(result))
    d.list(d.emit(step, reg, 0, 0, from.bits),
           ArrayRef(source).slice(i * parts, parts));
  return success();
}

/// Pointers are 64 bits, the same in every address space.
template <class Op> static LogicalResult writeSame(Decoder &d, Op op) {
  Scalar from = *d.scalarOf(op.getArg().getType());
  Scalar to = *d.scalarOf(op.getType());
  if (from.bits != to.bits)
    return writeResize<Op, false>(d, op);
  d.alias(op, d.of(op.getArg()));
  return success();
}

static LogicalResult writeToTf32(Decoder &d, NVVM::ConvertFloatToTF32Op op) {
  if (op.getRnd() != NVVM::FPRoundingMode::RNA || op.getRelu() ||
      op.getSat() != NVVM::SaturationMode::NONE)
    return d.unknown("expects rna without relu and satfinite");
  uint32_t to = d.define(op)[0];
  d.emit(stepToTf32, to, d.of(op.getSrc())[0]);
  return success();
}

void addConversions(Writers &writers) {
  writers.add<LLVM::SExtOp>(writeResize<LLVM::SExtOp, true>);
  writers.add<LLVM::ZExtOp>(writeResize<LLVM::ZExtOp, false>);
  writers.add<LLVM::TruncOp>(writeResize<LLVM::TruncOp, false>);
  writers.add<LLVM::FPExtOp>(writeConvert<LLVM::FPExtOp>);
  writers.add<LLVM::FPTruncOp>(writeConvert<LLVM::FPTruncOp>);
  writers.add<LLVM::FPToSIOp>(writeToInteger<LLVM::FPToSIOp, true>);
  writers.add<LLVM::FPToUIOp>(writeToInteger<LLVM::FPToUIOp, false>);
  writers.add<LLVM::SIToFPOp>(writeFromInteger<LLVM::SIToFPOp, true>);
  writers.add<LLVM::UIToFPOp>(writeFromInteger<LLVM::UIToFPOp, false>);
  writers.add<LLVM::BitcastOp>(writeBitcast);
  writers.add<LLVM::AddrSpaceCastOp>(writeSame<LLVM::AddrSpaceCastOp>);
  writers.add<LLVM::IntToPtrOp>(writeSame<LLVM::IntToPtrOp>);
  writers.add<LLVM::PtrToIntOp>(writeSame<LLVM::PtrToIntOp>);
  writers.add<NVVM::ConvertFloatToTF32Op>(writeToTf32);
}

} // namespace qopt::simt
