// x y + z, rounded once, on CPUs that have no instruction for it.
//
// A target without FMA rounds twice: that is what its numbers are. Code that
// emulates a target with FMA must give that target's bits, in functions of
// their own, for they are long:
//
//   f32   the product is exact in f64; its sum with z, rounded to odd, rounds
//         once more to what the exact sum rounds to (Boldo and Melquiond,
//         "Emulation of FMA and correctly rounded sums", 2008: f64 has the two
//         more bits that this takes)
//   f64   the product as a sum of two, added to z without loss; the small
//         parts are rounded to odd. Exact unless the product is below 2^-969
//         or above 2^970

#include <limits>

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "qopt/codegen/cpu/Generate.h"
#include "qopt/codegen/tile/Math.h"

using namespace mlir;

namespace qopt::cpu {

using namespace tile;

namespace {

/// A sum or product of f64, rounded, and what the rounding left out.
struct Exact {
  Value rounded, rest;
};

/// Writes the body of one such function.
struct FusedWriter : Math {
  Exact sum(Value x, Value y);
  Exact product(Value x, Value y);
  /// The number that has no rest, else of the two beside it the odd one.
  Value sumToOdd(Value x, Value y);
  Value fused32(Value x, Value y, Value z);
  Value fused64(Value x, Value y, Value z);
};

} // namespace

/// Knuth's, for any sizes.
Exact FusedWriter::sum(Value x, Value y) {
  Value s = add(x, y);
  Value yPart = sub(s, x);
  return {s, add(sub(x, sub(s, yPart)), sub(y, yPart))};
}

/// Dekker's, by halves of 26 bits.
Exact FusedWriter::product(Value x, Value y) {
  auto split = [&](Value v) -> Exact {
    Value large = mul(v, 134217729.0); // 2^27 + 1
    Value high = sub(large, sub(large, v));
    return {high, sub(v, high)};
  };
  Exact a = split(x), b = split(y);
  Value p = mul(x, y);
  Value rest = sub(mul(a.rounded, b.rounded), p);
  rest = add(rest, mul(a.rounded, b.rest));
  rest = add(rest, mul(a.rest, b.rounded));
  return {p, add(rest, mul(a.rest, b.rest))};
}

Value FusedWriter::sumToOdd(Value x, Value y) {
  Exact s = sum(x, y);
  Type i64 = b.getI64Type(), integers = with(x.getType(), i64);
  Value word = bits(s.rounded, i64), rest = bits(s.rest, i64);
  // One step away from zero if the rest has the sign of the sum, else towards.
  Value signs = arith::XOrIOp::create(b, loc, word, rest);
  signs = arith::ShRSIOp::create(b, loc, signs, integer(63, integers));
  Value step = arith::OrIOp::create(b, loc, signs, integer(1, integers));
  Value odd = arith::AndIOp::create(b, loc, word, integer(1, integers));
  Value isEven = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, odd,
                                       integer(0, integers));
  // Not for infinities, whose rest is a NaN.
  Value isInexact = compare(arith::CmpFPredicate::ONE, s.rest, 0.0);
  Value next = arith::AddIOp::create(b, loc, word, step);
  word = select(arith::AndIOp::create(b, loc, isEven, isInexact), next, word);
  return bits(word, b.getF64Type());
}

Value FusedWriter::fused32(Value x, Value y, Value z) {
  return narrow(sumToOdd(mul(widen(x), widen(y)), widen(z)));
}

Value FusedWriter::fused64(Value x, Value y, Value z) {
  Exact p = product(x, y);
  Exact low = sum(z, p.rest);
  Exact high = sum(p.rounded, low.rounded);
  Value exact = add(high.rounded, sumToOdd(low.rest, high.rest));
  // Zeros have a sign, and infinities are lost in the parts.
  Value simple = add(mul(x, y), z);
  Value size = abs(exact);
  Value isPlain = arith::AndIOp::create(
      b, loc, compare(arith::CmpFPredicate::OGT, size, 0.0),
      compare(arith::CmpFPredicate::OLT, size,
              std::numeric_limits<double>::infinity()));
  return select(isPlain, exact, simple);
}

/// The function of a type.
static LLVM::LLVMFuncOp writeFunction(ModuleOp module, Location loc, Type type,
                                      const Target &target) {
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  std::string name = "qopt_fused";
  llvm::raw_string_ostream out(name);
  if (auto vector = dyn_cast<VectorType>(type))
    out << "_" << vector.getNumElements();
  out << "_" << getElementTypeOrSelf(type) << "__" << target.name;
  auto function = LLVM::LLVMFuncOp::create(
      b, loc, name, LLVM::LLVMFunctionType::get(type, {type, type, type}),
      LLVM::Linkage::Internal);
  function.setNoInline(true);
  Block *body = function.addEntryBlock(b);
  b.setInsertionPointToEnd(body);
  FusedWriter writer{{b, loc}};
  Value x = body->getArgument(0), y = body->getArgument(1),
        z = body->getArgument(2);
  Value result = getElementTypeOrSelf(type).isF64() ? writer.fused64(x, y, z)
                                                    : writer.fused32(x, y, z);
  LLVM::ReturnOp::create(b, loc, result);
  return function;
}

void lowerFusedProducts(ModuleOp module, const Target &target) {
  if (target.mayUse(feature::avx2))
    return;
  SmallVector<math::FmaOp> products;
  for (auto function : module.getOps<LLVM::LLVMFuncOp>())
    if (!function.getTargetFeatures())
      function.walk([&](math::FmaOp op) { products.push_back(op); });
  llvm::DenseMap<Type, LLVM::LLVMFuncOp> functions;
  for (math::FmaOp op : products) {
    OpBuilder b(op);
    Value result;
    if (target.has(feature::avx2)) {
      LLVM::LLVMFuncOp &function = functions[op.getType()];
      if (!function)
        function = writeFunction(module, op.getLoc(), op.getType(), target);
      result = LLVM::CallOp::create(b, op.getLoc(), function, op.getOperands())
                   .getResult();
    } else {
      Math m{b, op.getLoc()};
      result = m.add(m.mul(op.getA(), op.getB()), op.getC());
    }
    op.replaceAllUsesWith(result);
    op.erase();
  }
}

} // namespace qopt::cpu
