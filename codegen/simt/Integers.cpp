// Arithmetic of integers. Types of up to 32 bits lie in 32, others in 64, and
// the bits above a type's width are zero.

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qopt/codegen/simt/Decoder.h"

using namespace mlir;

namespace qopt::simt {

namespace {

template <class S> using Signed = std::make_signed_t<S>;

/// The value of a number of so many bits with sign.
template <class S> Signed<S> extend(S value, unsigned bits) {
  unsigned unused = 8 * sizeof(S) - bits;
  return Signed<S>(value << unused) >> unused;
}

// Each is of(a, b, bits); what lies above the bits is cut off behind it.
struct Add {
  template <class S> static S of(S a, S b, unsigned) { return a + b; }
};
struct Sub {
  template <class S> static S of(S a, S b, unsigned) { return a - b; }
};
struct Mul {
  template <class S> static S of(S a, S b, unsigned) { return a * b; }
};
struct And {
  template <class S> static S of(S a, S b, unsigned) { return a & b; }
};
struct Or {
  template <class S> static S of(S a, S b, unsigned) { return a | b; }
};
struct Xor {
  template <class S> static S of(S a, S b, unsigned) { return a ^ b; }
};
// Beyond the width a shift has no value; PTX fills.
struct Shl {
  template <class S> static S of(S a, S b, unsigned bits) {
    return b < bits ? a << b : 0;
  }
};
struct LShr {
  template <class S> static S of(S a, S b, unsigned bits) {
    return b < bits ? a >> b : 0;
  }
};
struct AShr {
  template <class S> static S of(S a, S b, unsigned bits) {
    return extend(a, bits) >> std::min<S>(b, bits - 1);
  }
};
struct SMax {
  template <class S> static S of(S a, S b, unsigned bits) {
    return extend(a, bits) > extend(b, bits) ? a : b;
  }
};
struct SMin {
  template <class S> static S of(S a, S b, unsigned bits) {
    return extend(a, bits) < extend(b, bits) ? a : b;
  }
};
struct UMax {
  template <class S> static S of(S a, S b, unsigned) { return a > b ? a : b; }
};
struct UMin {
  template <class S> static S of(S a, S b, unsigned) { return a < b ? a : b; }
};
// The divisor is not zero.
struct UDiv {
  template <class S> static S of(S a, S b, unsigned) { return a / b; }
};
struct URem {
  template <class S> static S of(S a, S b, unsigned) { return a % b; }
};
struct SDiv {
  template <class S> static S of(S a, S b, unsigned bits) {
    Signed<S> divisor = extend(b, bits);
    return divisor == -1 ? 0 - a : S(extend(a, bits) / divisor);
  }
};
struct SRem {
  template <class S> static S of(S a, S b, unsigned bits) {
    Signed<S> divisor = extend(b, bits);
    return divisor == -1 ? 0 : S(extend(a, bits) % divisor);
  }
};
/// Unary ones; b is ignored.
struct CtPop {
  template <class S> static S of(S a, S, unsigned) {
    return __builtin_popcountll(a);
  }
};
struct Ctlz {
  template <class S> static S of(S a, S, unsigned bits) {
    return a ? __builtin_clzll(a) - (64 - bits) : bits;
  }
};
struct Cttz {
  template <class S> static S of(S a, S, unsigned bits) {
    return a ? __builtin_ctzll(a) : bits;
  }
};
struct Abs {
  template <class S> static S of(S a, S, unsigned bits) {
    return extend(a, bits) < 0 ? 0 - a : a;
  }
};
struct BitReverse {
  template <class S> static S of(S a, S, unsigned bits) {
    return __builtin_bitreverse64(a) >> (64 - bits);
  }
};

/// to = F(a, b), of `c` bits.
template <class S, bool narrow, class F>
void stepBinary(Warp &warp, const Instr &i) {
  constexpr unsigned all = 8 * sizeof(S);
  unsigned bits = narrow ? i.c : all;
  S mask = narrow ? (S(1) << bits) - 1 : ~S(0);
  const S *a = warp.at<S>(i.a), *b = warp.at<S>(i.b);
  S *to = warp.at<S>(i.to);
  warp.each(
      [&](unsigned lane) { to[lane] = F::of(a[lane], b[lane], bits) & mask; });
}

template <class S, class F> void stepDivide(Warp &warp, const Instr &i) {
  S mask = ~S(0) >> (8 * sizeof(S) - i.c);
  const S *a = warp.at<S>(i.a), *b = warp.at<S>(i.b);
  S *to = warp.at<S>(i.to);
  warp.each([&](unsigned lane) {
    if (b[lane] == 0)
      return warp.fault("thread " + Twine(warp.threadOf(lane)) +
                        " divides an integer by zero");
    to[lane] = F::of(a[lane], b[lane], i.c) & mask;
  });
}

/// to = high half of c bits of the double word (a, b) shifted by the third.
template <class S, bool left> void stepFunnel(Warp &warp, const Instr &i) {
  unsigned bits = i.number;
  S mask = ~S(0) >> (8 * sizeof(S) - bits);
  const S *a = warp.at<S>(i.a), *b = warp.at<S>(i.b), *c = warp.at<S>(i.c);
  S *to = warp.at<S>(i.to);
  warp.each([&](unsigned lane) {
    unsigned by = c[lane] % bits;
    S high = a[lane], low = b[lane];
    if (by)
      to[lane] = (left ? high << by | low >> (bits - by)
                       : high << (bits - by) | low >> by) &
                 mask;
    else
      to[lane] = left ? high : low;
  });
}

template <class S> void stepCompare(Warp &warp, const Instr &i) {
  const S *a = warp.at<S>(i.a), *b = warp.at<S>(i.b);
  uint32_t *to = warp.at<uint32_t>(i.to);
  unsigned bits = i.c;
  auto compare = [&](auto holds) {
    warp.each([&](unsigned lane) { to[lane] = holds(a[lane], b[lane]); });
  };
  auto signedly = [&](auto holds) {
    compare([&](S x, S y) { return holds(extend(x, bits), extend(y, bits)); });
  };
  switch (LLVM::ICmpPredicate(i.number)) {
  case LLVM::ICmpPredicate::eq:
    return compare([](S x, S y) { return x == y; });
  case LLVM::ICmpPredicate::ne:
    return compare([](S x, S y) { return x != y; });
  case LLVM::ICmpPredicate::ult:
    return compare([](S x, S y) { return x < y; });
  case LLVM::ICmpPredicate::ule:
    return compare([](S x, S y) { return x <= y; });
  case LLVM::ICmpPredicate::ugt:
    return compare([](S x, S y) { return x > y; });
  case LLVM::ICmpPredicate::uge:
    return compare([](S x, S y) { return x >= y; });
  case LLVM::ICmpPredicate::slt:
    return signedly([](auto x, auto y) { return x < y; });
  case LLVM::ICmpPredicate::sle:
    return signedly([](auto x, auto y) { return x <= y; });
  case LLVM::ICmpPredicate::sgt:
    return signedly([](auto x, auto y) { return x > y; });
  case LLVM::ICmpPredicate::sge:
    return signedly([](auto x, auto y) { return x >= y; });
  }
}

/// to = a ? b : c
template <class S> void stepSelect(Warp &warp, const Instr &i) {
  const uint32_t *condition = warp.at<uint32_t>(i.a);
  const S *b = warp.at<S>(i.b), *c = warp.at<S>(i.c);
  S *to = warp.at<S>(i.to);
  warp.each([&](unsigned lane) {
    to[lane] = condition[lane] & 1 ? b[lane] : c[lane];
  });
}

/// dp4a: to = c + sum of the products of four bytes; `number` says which of a
/// (1) and b (2) have signs. PTX ISA, "Integer Arithmetic Instructions: dp4a".
void stepDot(Warp &warp, const Instr &i) {
  const uint32_t *list = warp.listOf(i);
  uint32_t *to = warp.at<uint32_t>(i.to);
  const uint32_t *sums = warp.at<uint32_t>(i.c);
  auto value = [](uint32_t byte, bool hasSign) {
    return hasSign ? int32_t(int8_t(byte)) : int32_t(byte);
  };
  warp.each([&](unsigned lane) {
    uint32_t sum = sums[lane];
    for (int k = 0; k < 4; ++k)
      sum += value(warp.at<uint32_t>(list[k])[lane], i.number & 1) *
             value(warp.at<uint32_t>(list[k + 4])[lane], i.number & 2);
    to[lane] = sum;
  });
}

} // namespace

template <class F> static Step stepOf(Scalar type) {
  if (type.isWide())
    return type.bits == 64 ? stepBinary<uint64_t, false, F>
                           : stepBinary<uint64_t, true, F>;
  return type.bits == 32 ? stepBinary<uint32_t, false, F>
                         : stepBinary<uint32_t, true, F>;
}

template <class Op, class F>
static LogicalResult writeBinary(Decoder &d, Op op) {
  Scalar type = *d.scalarOf(op.getType());
  Registers result = d.define(op);
  for (auto [i, to] : llvm::enumerate(result))
    d.emit(stepOf<F>(type), to, d.of(op->getOperand(0))[i],
           d.of(op->getOperand(1))[i], type.bits);
  return success();
}

template <class Op, class F>
static LogicalResult writeUnary(Decoder &d, Op op) {
  Scalar type = *d.scalarOf(op.getType());
  Registers result = d.define(op);
  for (auto [i, to] : llvm::enumerate(result)) {
    uint32_t from = d.of(op->getOperand(0))[i];
    d.emit(stepOf<F>(type), to, from, from, type.bits);
  }
  return success();
}

template <class Op, class F>
static LogicalResult writeDivide(Decoder &d, Op op) {
  Scalar type = *d.scalarOf(op.getType());
  Registers result = d.define(op);
  for (auto [i, to] : llvm::enumerate(result))
    d.emit(type.isWide() ? stepDivide<uint64_t, F> : stepDivide<uint32_t, F>,
           to, d.of(op.getLhs())[i], d.of(op.getRhs())[i], type.bits);
  return success();
}

template <class Op, bool left>
static LogicalResult writeFunnel(Decoder &d, Op op) {
  Scalar type = *d.scalarOf(op.getType());
  Registers result = d.define(op);
  for (auto [i, to] : llvm::enumerate(result))
    d.emit(type.isWide() ? stepFunnel<uint64_t, left>
                         : stepFunnel<uint32_t, left>,
           to, d.of(op->getOperand(0))[i], d.of(op->getOperand(1))[i],
           d.of(op->getOperand(2))[i], type.bits);
  return success();
}

static LogicalResult writeCompare(Decoder &d, LLVM::ICmpOp op) {
  Scalar type = *d.scalarOf(op.getLhs().getType());
  Registers result = d.define(op);
  for (auto [i, to] : llvm::enumerate(result))
    d.emit(type.isWide() ? stepCompare<uint64_t> : stepCompare<uint32_t>, to,
           d.of(op.getLhs())[i], d.of(op.getRhs())[i], type.bits,
           int64_t(op.getPredicate()));
  return success();
}

static LogicalResult writeSelect(Decoder &d, LLVM::SelectOp op) {
  auto scalars = d.scalarsOf(op.getType());
  Registers result = d.define(op);
  for (auto [i, to] : llvm::enumerate(result)) {
    ArrayRef<uint32_t> conditions = d.of(op.getCondition());
    d.emit((*scalars)[i].isWide() ? stepSelect<uint64_t> : stepSelect<uint32_t>,
           to, conditions[conditions.size() > 1 ? i : 0],
           d.of(op.getTrueValue())[i], d.of(op.getFalseValue())[i]);
  }
  return success();
}

static LogicalResult writeDot(Decoder &d, NVVM::DotAccumulate4WayOp op) {
  uint32_t to = d.define(op)[0];
  Registers bytes = d.of(op.getA());
  llvm::append_range(bytes, d.of(op.getB()));
  constexpr auto hasSign = NVVM::DotAccumulateType::SIGNED;
  int64_t kinds = (op.getAType() == hasSign) | (op.getBType() == hasSign) << 1;
  d.list(d.emit(stepDot, to, 0, 0, d.of(op.getC())[0], kinds), bytes);
  return success();
}

void addIntegers(Writers &writers) {
  writers.add<LLVM::AddOp>(writeBinary<LLVM::AddOp, Add>);
  writers.add<LLVM::SubOp>(writeBinary<LLVM::SubOp, Sub>);
  writers.add<LLVM::MulOp>(writeBinary<LLVM::MulOp, Mul>);
  writers.add<LLVM::AndOp>(writeBinary<LLVM::AndOp, And>);
  writers.add<LLVM::OrOp>(writeBinary<LLVM::OrOp, Or>);
  writers.add<LLVM::XOrOp>(writeBinary<LLVM::XOrOp, Xor>);
  writers.add<LLVM::ShlOp>(writeBinary<LLVM::ShlOp, Shl>);
  writers.add<LLVM::LShrOp>(writeBinary<LLVM::LShrOp, LShr>);
  writers.add<LLVM::AShrOp>(writeBinary<LLVM::AShrOp, AShr>);
  writers.add<LLVM::SMaxOp>(writeBinary<LLVM::SMaxOp, SMax>);
  writers.add<LLVM::SMinOp>(writeBinary<LLVM::SMinOp, SMin>);
  writers.add<LLVM::UMaxOp>(writeBinary<LLVM::UMaxOp, UMax>);
  writers.add<LLVM::UMinOp>(writeBinary<LLVM::UMinOp, UMin>);
  writers.add<LLVM::UDivOp>(writeDivide<LLVM::UDivOp, UDiv>);
  writers.add<LLVM::URemOp>(writeDivide<LLVM::URemOp, URem>);
  writers.add<LLVM::SDivOp>(writeDivide<LLVM::SDivOp, SDiv>);
  writers.add<LLVM::SRemOp>(writeDivide<LLVM::SRemOp, SRem>);
  writers.add<LLVM::CtPopOp>(writeUnary<LLVM::CtPopOp, CtPop>);
  writers.add<LLVM::CountLeadingZerosOp>(
      writeUnary<LLVM::CountLeadingZerosOp, Ctlz>);
  writers.add<LLVM::CountTrailingZerosOp>(
      writeUnary<LLVM::CountTrailingZerosOp, Cttz>);
  writers.add<LLVM::AbsOp>(writeUnary<LLVM::AbsOp, Abs>);
  writers.add<LLVM::BitReverseOp>(writeUnary<LLVM::BitReverseOp, BitReverse>);
  writers.add<LLVM::FshlOp>(writeFunnel<LLVM::FshlOp, true>);
  writers.add<LLVM::FshrOp>(writeFunnel<LLVM::FshrOp, false>);
  writers.add<LLVM::ICmpOp>(writeCompare);
  writers.add<LLVM::SelectOp>(writeSelect);
  writers.add<NVVM::DotAccumulate4WayOp>(writeDot);
}

} // namespace qopt::simt
