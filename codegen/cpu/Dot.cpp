// Dot products of bytes, and tables in a register.

#include "qopt/codegen/cpu/Dot.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/cpu/Math.h"

using namespace mlir;

namespace qopt::cpu {

namespace {

/// An instruction for vectors of so many lanes.
struct Instruction {
  FeatureSet needs;
  int64_t lanes;
  llvm::StringLiteral intrinsic;
};

} // namespace

// clang-format off
static constexpr Instruction dots[] = {
    {feature::avx512Vnni, 16, "llvm.x86.avx512.vpdpbusd.512"},
    {feature::avx512Vnni,  8, "llvm.x86.avx512.vpdpbusd.256"},
    {feature::avxVnni,     8, "llvm.x86.avx512.vpdpbusd.256"},
};
static constexpr Instruction wordDots[] = { // of pairs of i16, exact in i32
    {feature::avx512, 16, "llvm.x86.avx512.pmaddw.d.512"},
    {feature::avx2,    8, "llvm.x86.avx2.pmadd.wd"},
};
static constexpr Instruction lookUps[] = {
    {feature::avx512, 16, "llvm.x86.avx512.permvar.sf.512"},
};
static constexpr Instruction pairs[] = { // of u8 and s8, saturating in i16
    {feature::avx512, 16, "llvm.x86.avx512.pmaddubs.w.512"},
    {feature::avx2,    8, "llvm.x86.avx2.pmadd.ub.sw"},
};
// clang-format on

static const Instruction *find(ArrayRef<Instruction> table,
                               const Target &target, int64_t lanes) {
  auto found = llvm::find_if(table, [&](const Instruction &one) {
    return target.has(one.needs) && one.lanes == lanes;
  });
  return found == table.end() ? nullptr : found;
}

static Value call(Emitter &e, const Instruction &instruction, Type result,
                  ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(e.b, e.loc, result,
                                       e.b.getStringAttr(instruction.intrinsic),
                                       operands)
      .getResult(0);
}

/// The same bits as `count` elements of so many bits.
static Value as(Emitter &e, Value x, int64_t count, int64_t bits) {
  return vector::BitCastOp::create(
      e.b, e.loc, VectorType::get(count, e.b.getIntegerType(bits)), x);
}

bool hasDot(const Target &target, int64_t lanes) {
  return find(dots, target, lanes) != nullptr;
}

bool hasLookUp(const Target &target, int64_t lanes) {
  return find(lookUps, target, lanes) != nullptr;
}

Value lookUp(Emitter &e, Value table, Value indices) {
  return call(e, *find(lookUps, e.target, 16), table.getType(),
              {table, indices});
}

bool hasPairs(const Target &target, int64_t lanes) {
  return find(pairs, target, lanes) != nullptr;
}

Value pairProducts(Emitter &e, Value unsignedBytes, Value signedBytes) {
  int64_t lanes = cast<VectorType>(unsignedBytes.getType()).getNumElements();
  auto words = VectorType::get(2 * lanes, e.b.getI16Type());
  return call(
      e, *find(pairs, e.target, lanes), words,
      {as(e, unsignedBytes, 4 * lanes, 8), as(e, signedBytes, 4 * lanes, 8)});
}

Value sumPairs(Emitter &e, Value words) {
  int64_t lanes = cast<VectorType>(words.getType()).getNumElements() / 2;
  Value ones = Math{e.b, e.loc}.integer(1, words.getType());
  return call(e, *find(wordDots, e.target, lanes),
              e.vector(lanes, e.b.getI32Type()), {words, ones});
}

/// By products of words: even and odd bytes apart.
static Value dotWords(Emitter &e, const Instruction &dot, Value sum, Value u,
                      Value s) {
  Math m{e.b, e.loc};
  int64_t lanes = cast<VectorType>(sum.getType()).getNumElements();
  u = as(e, u, 2 * lanes, 16);
  s = as(e, s, 2 * lanes, 16);
  Type words = u.getType();
  Value eight = m.integer(8, words);
  Value uEven = arith::AndIOp::create(e.b, e.loc, u, m.integer(255, words));
  Value uOdd = arith::ShRUIOp::create(e.b, e.loc, u, eight);
  Value sEven = arith::ShRSIOp::create(
      e.b, e.loc, arith::ShLIOp::create(e.b, e.loc, s, eight), eight);
  Value sOdd = arith::ShRSIOp::create(e.b, e.loc, s, eight);
  for (auto [a, b] : {std::pair(uEven, sEven), std::pair(uOdd, sOdd)})
    sum = arith::AddIOp::create(e.b, e.loc, sum,
                                call(e, dot, sum.getType(), {a, b}));
  return sum;
}

Value dot4(Emitter &e, Value sum, Value unsignedBytes, Value signedBytes) {
  auto type = cast<VectorType>(sum.getType());
  int64_t lanes = type.getNumElements();
  if (const Instruction *dot = find(dots, e.target, lanes))
    return call(e, *dot, type,
                {sum, as(e, unsignedBytes, 4 * lanes, 8),
                 as(e, signedBytes, 4 * lanes, 8)});
  if (const Instruction *dot = find(wordDots, e.target, lanes))
    return dotWords(e, *dot, sum, unsignedBytes, signedBytes);
  Math m{e.b, e.loc};
  for (int64_t i = 0; i < 4; ++i) {
    Value u =
        arith::AndIOp::create(e.b, e.loc,
                              arith::ShRUIOp::create(e.b, e.loc, unsignedBytes,
                                                     m.integer(8 * i, type)),
                              m.integer(255, type));
    Value s = arith::ShRSIOp::create(
        e.b, e.loc,
        arith::ShLIOp::create(e.b, e.loc, signedBytes,
                              m.integer(24 - 8 * i, type)),
        m.integer(24, type));
    Value product = arith::MulIOp::create(e.b, e.loc, u, s);
    sum = arith::AddIOp::create(e.b, e.loc, sum, product);
  }
  return sum;
}

} // namespace qopt::cpu
