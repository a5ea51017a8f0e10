// The arithmetic of one element: a function for each elementwise op of nn.

#include "qopt/codegen/tile/Elementwise.h"

#include "mlir/IR/Matchers.h"
#include "qopt/codegen/tile/Math.h"
#include "qopt/codegen/tile/Transcendental.h"
#include "qopt/dialects/nn/Nn.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using arith::CmpFPredicate;
using arith::CmpIPredicate;

namespace qopt::tile {

/// The element type that values of `type` have in registers.
static Type inRegister(Type element) {
  bool half = element.isF16() || element.isBF16();
  return half ? Float32Type::get(element.getContext()) : element;
}

bool isElementwise(Operation *op) {
  if (!isa<nn::AddOp, nn::SubOp, nn::MulOp, nn::DivOp, nn::RemainderOp,
           nn::PowOp, nn::MaximumOp, nn::MinimumOp, nn::AndOp, nn::OrOp,
           nn::XorOp, nn::NegOp, nn::AbsOp, nn::ExpOp, nn::LogOp, nn::SqrtOp,
           nn::RsqrtOp, nn::ReciprocalOp, nn::SinOp, nn::CosOp, nn::TanhOp,
           nn::ErfOp, nn::SigmoidOp, nn::SiluOp, nn::ReluOp, nn::FloorOp,
           nn::CeilOp, nn::RoundOp, nn::NotOp, nn::IsNanOp, nn::IsInfOp,
           nn::CompareOp, nn::SelectOp, nn::CastOp, nn::SwigluOp>(op))
    return false;
  // Polynomials are made for f32.
  bool wide = getElementTypeOrSelf(op->getOperand(0).getType()).isF64();
  return !wide ||
         !isa<nn::PowOp, nn::ExpOp, nn::LogOp, nn::SinOp, nn::CosOp, nn::TanhOp,
              nn::ErfOp, nn::SigmoidOp, nn::SiluOp, nn::SwigluOp>(op);
}

static Value sigmoid(Math m, Value x) {
  Value one = m.real(1, x.getType());
  return m.div(one, m.add(one, emitExp(m.b, m.loc, m.neg(x))));
}

static Value silu(Math m, Value x) {
  Value one = m.real(1, x.getType());
  return m.div(x, m.add(one, emitExp(m.b, m.loc, m.neg(x))));
}

static Value power(Math m, nn::PowOp op, Value x, Value y) {
  // Powers that have an instruction; exact, which the general one is not.
  DenseElementsAttr exponent;
  if (matchPattern(op.getRhs(), m_Constant(&exponent)) && exponent.isSplat()) {
    double value = exponent.getSplatValue<APFloat>().convertToDouble();
    if (value == 2)
      return m.mul(x, x);
    if (value == 0.5)
      return m.sqrt(x);
    if (value == 1)
      return x;
    if (value == -1)
      return m.div(m.real(1, x.getType()), x);
    if (value == 3)
      return m.mul(m.mul(x, x), x);
  }
  return emitPow(m.b, m.loc, x, y);
}

static Value cast(Math m, Type from, Type to, Value x) {
  Type target = Math::with(x.getType(), inRegister(to));
  if (x.getType() == target) {
    // Rounding to a narrower float is part of the meaning.
    bool rounds = (to.isF16() || to.isBF16()) && from != to;
    if (!rounds)
      return x;
    Type half = Math::with(x.getType(), to);
    x = arith::TruncFOp::create(m.b, m.loc, half, x);
    return arith::ExtFOp::create(m.b, m.loc, target, x);
  }
  if (isa<FloatType>(from) && isa<FloatType>(to))
    return inRegister(to).isF64()
               ? Value(arith::ExtFOp::create(m.b, m.loc, target, x))
               : Value(arith::TruncFOp::create(m.b, m.loc, target, x));
  if (isa<FloatType>(from)) {
    if (to.isInteger(1))
      return m.compare(CmpFPredicate::UNE, x, 0.0);
    return arith::FPToSIOp::create(m.b, m.loc, target, x);
  }
  if (isa<FloatType>(to))
    return from.isInteger(1)
               ? Value(arith::UIToFPOp::create(m.b, m.loc, target, x))
               : Value(arith::SIToFPOp::create(m.b, m.loc, target, x));
  if (to.isInteger(1))
    return arith::CmpIOp::create(m.b, m.loc, CmpIPredicate::ne, x,
                                 m.integer(0, x.getType()));
  if (from.isInteger(1))
    return arith::ExtUIOp::create(m.b, m.loc, target, x);
  bool wider = to.getIntOrFloatBitWidth() > from.getIntOrFloatBitWidth();
  return wider ? Value(arith::ExtSIOp::create(m.b, m.loc, target, x))
               : Value(arith::TruncIOp::create(m.b, m.loc, target, x));
}

static Value compare(Math m, nn::Predicate predicate, Value x, Value y) {
  using P = nn::Predicate;
  Type element = getElementTypeOrSelf(x.getType());
  if (isa<FloatType>(element)) {
    CmpFPredicate how = predicate == P::eq   ? CmpFPredicate::OEQ
                        : predicate == P::ne ? CmpFPredicate::UNE
                        : predicate == P::lt ? CmpFPredicate::OLT
                        : predicate == P::le ? CmpFPredicate::OLE
                        : predicate == P::gt ? CmpFPredicate::OGT
                                             : CmpFPredicate::OGE;
    return m.compare(how, x, y);
  }
  bool isBool = element.isInteger(1);
  CmpIPredicate how =
      predicate == P::eq   ? CmpIPredicate::eq
      : predicate == P::ne ? CmpIPredicate::ne
      : predicate == P::lt ? (isBool ? CmpIPredicate::ult : CmpIPredicate::slt)
      : predicate == P::le ? (isBool ? CmpIPredicate::ule : CmpIPredicate::sle)
      : predicate == P::gt ? (isBool ? CmpIPredicate::ugt : CmpIPredicate::sgt)
                           : (isBool ? CmpIPredicate::uge : CmpIPredicate::sge);
  return arith::CmpIOp::create(m.b, m.loc, how, x, y);
}

/// Sign of the divisor, as in Python.
static Value remainder(Math m, Value x, Value y) {
  if (isa<FloatType>(getElementTypeOrSelf(x.getType()))) {
    Value quotient = math::FloorOp::create(m.b, m.loc, m.div(x, y));
    return m.sub(x, m.mul(quotient, y));
  }
  Value zero = m.integer(0, x.getType());
  Value rest = arith::RemSIOp::create(m.b, m.loc, x, y);
  auto sign = [&](Value v) {
    return arith::CmpIOp::create(m.b, m.loc, CmpIPredicate::slt, v, zero);
  };
  Value nonzero =
      arith::CmpIOp::create(m.b, m.loc, CmpIPredicate::ne, rest, zero);
  Value differ = arith::XOrIOp::create(m.b, m.loc, sign(rest), sign(y));
  Value wrong = arith::AndIOp::create(m.b, m.loc, nonzero, differ);
  return m.select(wrong, arith::AddIOp::create(m.b, m.loc, rest, y), rest);
}

/// The op for floats or the one for integers.
template <typename FloatOp, typename IntOp>
static Value either(Math m, Value x, Value y) {
  if (isa<FloatType>(getElementTypeOrSelf(x.getType())))
    return FloatOp::create(m.b, m.loc, x, y);
  return IntOp::create(m.b, m.loc, x, y);
}

static Value emitUnary(Math m, Operation *op, Value x) {
  Type type = x.getType();
  bool isFloat = isa<FloatType>(getElementTypeOrSelf(type));
  using T = Transcendental;
  auto slow = [&](T function) {
    return emitTranscendental(m.b, m.loc, function, x);
  };
  return TypeSwitch<Operation *, Value>(op)
      .Case([&](nn::NegOp) -> Value {
        if (isFloat)
          return m.neg(x);
        return arith::SubIOp::create(m.b, m.loc, m.integer(0, type), x);
      })
      .Case([&](nn::AbsOp) -> Value {
        if (isFloat)
          return m.abs(x);
        return math::AbsIOp::create(m.b, m.loc, x);
      })
      .Case([&](nn::ExpOp) { return emitExp(m.b, m.loc, x); })
      .Case([&](nn::LogOp) { return slow(T::Log); })
      .Case([&](nn::SqrtOp) { return m.sqrt(x); })
      .Case([&](nn::RsqrtOp) { return m.div(m.real(1, type), m.sqrt(x)); })
      .Case([&](nn::ReciprocalOp) { return m.div(m.real(1, type), x); })
      .Case([&](nn::SinOp) { return slow(T::Sin); })
      .Case([&](nn::CosOp) { return slow(T::Cos); })
      .Case([&](nn::TanhOp) { return slow(T::Tanh); })
      .Case([&](nn::ErfOp) { return slow(T::Erf); })
      .Case([&](nn::SigmoidOp) { return sigmoid(m, x); })
      .Case([&](nn::SiluOp) { return silu(m, x); })
      .Case([&](nn::ReluOp) { return m.larger(x, m.real(0, type)); })
      .Case([&](nn::FloorOp) {
        return math::FloorOp::create(m.b, m.loc, x).getResult();
      })
      .Case([&](nn::CeilOp) {
        return math::CeilOp::create(m.b, m.loc, x).getResult();
      })
      .Case([&](nn::RoundOp) {
        return math::RoundEvenOp::create(m.b, m.loc, x).getResult();
      })
      .Case([&](nn::NotOp) {
        return arith::XOrIOp::create(m.b, m.loc, x, m.integer(1, type))
            .getResult();
      })
      .Case([&](nn::IsNanOp) { return m.compare(CmpFPredicate::UNO, x, x); })
      .Case([&](nn::IsInfOp) {
        return m.compare(CmpFPredicate::OEQ, m.abs(x), HUGE_VAL);
      })
      .Case([&](nn::CastOp op) {
        return cast(m, op.getInput().getType().getElementType(),
                    op.getType().getElementType(), x);
      })
      .Default(Value());
}

static Value emitBinary(Math m, Operation *op, Value x, Value y) {
  return TypeSwitch<Operation *, Value>(op)
      .Case([&](nn::AddOp) {
        return either<arith::AddFOp, arith::AddIOp>(m, x, y);
      })
      .Case([&](nn::SubOp) {
        return either<arith::SubFOp, arith::SubIOp>(m, x, y);
      })
      .Case([&](nn::MulOp) {
        return either<arith::MulFOp, arith::MulIOp>(m, x, y);
      })
      .Case([&](nn::DivOp) {
        return either<arith::DivFOp, arith::DivSIOp>(m, x, y);
      })
      .Case([&](nn::RemainderOp) { return remainder(m, x, y); })
      .Case([&](nn::PowOp op) { return power(m, op, x, y); })
      .Case([&](nn::MaximumOp) {
        return getElementTypeOrSelf(x.getType()).isInteger(1)
                   ? Value(arith::OrIOp::create(m.b, m.loc, x, y))
                   : either<arith::MaximumFOp, arith::MaxSIOp>(m, x, y);
      })
      .Case([&](nn::MinimumOp) {
        return getElementTypeOrSelf(x.getType()).isInteger(1)
                   ? Value(arith::AndIOp::create(m.b, m.loc, x, y))
                   : either<arith::MinimumFOp, arith::MinSIOp>(m, x, y);
      })
      .Case([&](nn::AndOp) {
        return arith::AndIOp::create(m.b, m.loc, x, y).getResult();
      })
      .Case([&](nn::OrOp) {
        return arith::OrIOp::create(m.b, m.loc, x, y).getResult();
      })
      .Case([&](nn::XorOp) {
        return arith::XOrIOp::create(m.b, m.loc, x, y).getResult();
      })
      .Case(
          [&](nn::CompareOp op) { return compare(m, op.getPredicate(), x, y); })
      .Case([&](nn::SwigluOp) { return m.mul(silu(m, x), y); })
      .Default(Value());
}

Value emitElement(OpBuilder &builder, Operation *op, ValueRange operands) {
  Math m{builder, op->getLoc()};
  if (isa<nn::SelectOp>(op))
    return m.select(operands[0], operands[1], operands[2]);
  if (operands.size() == 1)
    return emitUnary(m, op, operands[0]);
  return emitBinary(m, op, operands[0], operands[1]);
}

} // namespace qopt::tile
