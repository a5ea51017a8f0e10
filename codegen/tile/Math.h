// Short names for arithmetic on scalars and vectors.

#ifndef QOPT_CODEGEN_TILE_MATH_H
#define QOPT_CODEGEN_TILE_MATH_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/TypeUtilities.h"

namespace qopt::tile {

/// Writes arith ops; scalars and vectors alike.
struct Math {
  using Value = mlir::Value;
  using Type = mlir::Type;

  mlir::OpBuilder &b;
  mlir::Location loc;

  /// The type of `like` with other elements.
  static Type with(Type like, Type element) {
    auto vector = mlir::dyn_cast<mlir::VectorType>(like);
    return vector ? Type(vector.cloneWith(std::nullopt, element)) : element;
  }
  Value constant(mlir::TypedAttr attr, Type type) {
    if (auto vector = mlir::dyn_cast<mlir::VectorType>(type))
      attr = mlir::SplatElementsAttr::get(vector, mlir::Attribute(attr));
    return mlir::arith::ConstantOp::create(b, loc, attr);
  }
  Value real(double value, Type type) {
    return constant(b.getFloatAttr(getElementTypeOrSelf(type), value), type);
  }
  Value integer(int64_t value, Type type) {
    return constant(b.getIntegerAttr(getElementTypeOrSelf(type), value), type);
  }

  Value add(Value x, Value y) {
    return mlir::arith::AddFOp::create(b, loc, x, y);
  }
  Value sub(Value x, Value y) {
    return mlir::arith::SubFOp::create(b, loc, x, y);
  }
  Value mul(Value x, Value y) {
    return mlir::arith::MulFOp::create(b, loc, x, y);
  }
  Value div(Value x, Value y) {
    return mlir::arith::DivFOp::create(b, loc, x, y);
  }
  Value neg(Value x) { return mlir::arith::NegFOp::create(b, loc, x); }
  Value mul(Value x, double y) { return mul(x, real(y, x.getType())); }
  Value add(Value x, double y) { return add(x, real(y, x.getType())); }
  /// x y + z, rounded once where the target has FMA and twice elsewhere: see
  /// FusedProducts.cpp.
  Value fma(Value x, Value y, Value z) {
    return mlir::math::FmaOp::create(b, loc, x, y, z);
  }
  Value abs(Value x) { return mlir::math::AbsFOp::create(b, loc, x); }
  Value sqrt(Value x) { return mlir::math::SqrtOp::create(b, loc, x); }
  Value select(Value condition, Value x, Value y) {
    return mlir::arith::SelectOp::create(b, loc, condition, x, y);
  }
  Value compare(mlir::arith::CmpFPredicate predicate, Value x, Value y) {
    return mlir::arith::CmpFOp::create(b, loc, predicate, x, y);
  }
  Value compare(mlir::arith::CmpFPredicate predicate, Value x, double y) {
    return compare(predicate, x, real(y, x.getType()));
  }
  /// The larger one, x if unordered: one instruction, NaN in x stays.
  Value larger(Value x, Value y) {
    return select(compare(mlir::arith::CmpFPredicate::OLT, x, y), y, x);
  }
  Value smaller(Value x, Value y) {
    return select(compare(mlir::arith::CmpFPredicate::OGT, x, y), y, x);
  }
  Value bits(Value x, Type element) {
    return mlir::arith::BitcastOp::create(b, loc, with(x.getType(), element),
                                          x);
  }
  Value widen(Value x) {
    return mlir::arith::ExtFOp::create(b, loc,
                                       with(x.getType(), b.getF64Type()), x);
  }
  Value narrow(Value x) {
    return mlir::arith::TruncFOp::create(b, loc,
                                         with(x.getType(), b.getF32Type()), x);
  }
  /// c[0] + c[1] x + c[2] x^2 + ...
  Value polynomial(Value x, llvm::ArrayRef<double> c) {
    Value sum = real(c.back(), x.getType());
    for (double next : llvm::reverse(c.drop_back()))
      sum = fma(sum, x, real(next, x.getType()));
    return sum;
  }
};

} // namespace qopt::tile

#endif // QOPT_CODEGEN_TILE_MATH_H
