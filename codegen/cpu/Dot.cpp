// Dot products of bytes, and tables in a register.

#include "qopt/codegen/cpu/Dot.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/tile/Math.h"

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

/// The one for so many lanes that a machine with these features has.
static const Instruction *find(ArrayRef<Instruction> table, FeatureSet features,
                               int64_t lanes) {
  auto found = llvm::find_if(table, [&](const Instruction &one) {
    return (one.needs & ~features) == 0 && one.lanes == lanes;
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
  return find(dots, target.features, lanes) != nullptr;
}

bool hasLookUp(const Target &target, int64_t lanes) {
  return find(lookUps, target.features, lanes) != nullptr;
}

/// By the bits of the indices, the lowest first: each halves the table.
static Value selectFrom(Emitter &e, Value table, Value indices) {
  Math m{e.b, e.loc};
  Type type = table.getType(), integers = indices.getType();
  SmallVector<Value> entries;
  for (int64_t i = 0, n = cast<VectorType>(type).getNumElements(); i < n; ++i)
    entries.push_back(vector::BroadcastOp::create(
        e.b, e.loc, type, vector::ExtractOp::create(e.b, e.loc, table, i)));
  for (int64_t bit = 1; entries.size() > 1; bit *= 2) {
    Value masked =
        arith::AndIOp::create(e.b, e.loc, indices, m.integer(bit, integers));
    Value isSet = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::ne,
                                        masked, m.integer(0, integers));
    for (size_t i = 0; i < entries.size() / 2; ++i)
      entries[i] = m.select(isSet, entries[2 * i + 1], entries[2 * i]);
    entries.truncate(entries.size() / 2);
  }
  return entries.front();
}

Value lookUp(Emitter &e, Value table, Value indices) {
  if (const Instruction *one = find(lookUps, e.target.instructions, 16))
    return call(e, *one, table.getType(), {table, indices});
  return selectFrom(e, table, indices);
}

bool hasPairs(const Target &target, int64_t lanes) {
  return find(pairs, target.features, lanes) != nullptr;
}

namespace {

/// The signed or unsigned halves of lanes, each in its lane.
struct Halves {
  Halves(Emitter &e, Value lanes, bool isSigned) {
    Math m{e.b, e.loc};
    Type type = lanes.getType();
    int64_t bits = getElementTypeOrSelf(type).getIntOrFloatBitWidth() / 2;
    Value half = m.integer(bits, type);
    if (isSigned) {
      low = arith::ShRSIOp::create(
          e.b, e.loc, arith::ShLIOp::create(e.b, e.loc, lanes, half), half);
      high = arith::ShRSIOp::create(e.b, e.loc, lanes, half);
    } else {
      low = arith::AndIOp::create(e.b, e.loc, lanes,
                                  m.integer((int64_t(1) << bits) - 1, type));
      high = arith::ShRUIOp::create(e.b, e.loc, lanes, half);
    }
  }
  Value low, high;
};

} // namespace

Value pairProducts(Emitter &e, Value unsignedBytes, Value signedBytes) {
  int64_t lanes = cast<VectorType>(unsignedBytes.getType()).getNumElements();
  auto words = VectorType::get(2 * lanes, e.b.getI16Type());
  if (const Instruction *one = find(pairs, e.target.instructions, lanes))
    return call(
        e, *one, words,
        {as(e, unsignedBytes, 4 * lanes, 8), as(e, signedBytes, 4 * lanes, 8)});
  // A product of bytes fits a word, only the sum saturates.
  Halves u(e, as(e, unsignedBytes, 2 * lanes, 16), /*isSigned=*/false);
  Halves s(e, as(e, signedBytes, 2 * lanes, 16), /*isSigned=*/true);
  return LLVM::SAddSat::create(
      e.b, e.loc, arith::MulIOp::create(e.b, e.loc, u.low, s.low),
      arith::MulIOp::create(e.b, e.loc, u.high, s.high));
}

Value sumPairs(Emitter &e, Value words) {
  int64_t lanes = cast<VectorType>(words.getType()).getNumElements() / 2;
  if (const Instruction *one = find(wordDots, e.target.instructions, lanes)) {
    Value ones = Math{e.b, e.loc}.integer(1, words.getType());
    return call(e, *one, e.vector(lanes, e.b.getI32Type()), {words, ones});
  }
  Halves halves(e, as(e, words, lanes, 32), /*isSigned=*/true);
  return arith::AddIOp::create(e.b, e.loc, halves.low, halves.high);
}

/// By products of words: even and odd bytes apart.
static Value dotWords(Emitter &e, const Instruction &dot, Value sum, Value u,
                      Value s) {
  int64_t lanes = cast<VectorType>(sum.getType()).getNumElements();
  Halves unsignedWords(e, as(e, u, 2 * lanes, 16), /*isSigned=*/false);
  Halves signedWords(e, as(e, s, 2 * lanes, 16), /*isSigned=*/true);
  for (auto [a, b] : {std::pair(unsignedWords.low, signedWords.low),
                      std::pair(unsignedWords.high, signedWords.high)})
    sum = arith::AddIOp::create(e.b, e.loc, sum,
                                call(e, dot, sum.getType(), {a, b}));
  return sum;
}

Value dot2(Emitter &e, Value sum, Value words, Value others) {
  int64_t lanes = cast<VectorType>(sum.getType()).getNumElements();
  SmallVector<Value> products;
  if (const Instruction *dot = find(wordDots, e.target.instructions, lanes)) {
    products = {
        call(e, *dot, sum.getType(),
             {as(e, words, 2 * lanes, 16), as(e, others, 2 * lanes, 16)})};
  } else {
    Halves a(e, words, /*isSigned=*/true), b(e, others, /*isSigned=*/true);
    products = {arith::MulIOp::create(e.b, e.loc, a.low, b.low),
                arith::MulIOp::create(e.b, e.loc, a.high, b.high)};
  }
  for (Value product : products)
    sum = arith::AddIOp::create(e.b, e.loc, sum, product);
  return sum;
}

Value dot4(Emitter &e, Value sum, Value unsignedBytes, Value signedBytes) {
  auto type = cast<VectorType>(sum.getType());
  int64_t lanes = type.getNumElements();
  if (const Instruction *dot = find(dots, e.target.instructions, lanes))
    return call(e, *dot, type,
                {sum, as(e, unsignedBytes, 4 * lanes, 8),
                 as(e, signedBytes, 4 * lanes, 8)});
  if (const Instruction *dot = find(wordDots, e.target.instructions, lanes))
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
