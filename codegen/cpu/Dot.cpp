// Dot products of bytes.

#include "qopt/codegen/cpu/Dot.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/cpu/Math.h"

using namespace mlir;

namespace qopt::cpu {

namespace {

/// An instruction for it.
struct DotInstruction {
  FeatureSet needs;
  int64_t lanes;
  llvm::StringLiteral intrinsic;
};

} // namespace

// clang-format off
static constexpr DotInstruction instructions[] = {
    {feature::avx512Vnni, 16, "llvm.x86.avx512.vpdpbusd.512"},
    {feature::avx512Vnni,  8, "llvm.x86.avx512.vpdpbusd.256"},
    {feature::avxVnni,     8, "llvm.x86.avx512.vpdpbusd.256"},
};
// clang-format on

Value dot4(Emitter &e, Value sum, Value unsignedBytes, Value signedBytes) {
  auto type = cast<VectorType>(sum.getType());
  int64_t lanes = type.getNumElements();
  for (const DotInstruction &dot : instructions) {
    if (!e.target.has(dot.needs) || dot.lanes != lanes)
      continue;
    auto bytes = VectorType::get(4 * lanes, e.b.getI8Type());
    auto cast = [&](Value x) {
      return vector::BitCastOp::create(e.b, e.loc, bytes, x).getResult();
    };
    Value operands[] = {sum, cast(unsignedBytes), cast(signedBytes)};
    return LLVM::CallIntrinsicOp::create(
               e.b, e.loc, type, e.b.getStringAttr(dot.intrinsic), operands)
        .getResult(0);
  }
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
