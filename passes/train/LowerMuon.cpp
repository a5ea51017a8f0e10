// Writes Muon as products and elementwise ops.
//
// Its five steps are products of matrices, which have kernels of their own;
// what is left is elementwise, most of it behind a product. Factors are moved
// so that every step is three products with an epilogue each, with X X^T where
// rows are fewer and X^T X where columns are.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/PatternMatch.h"
#include "qopt/dialects/train/Train.h"
#include "qopt/passes/Passes.h"

using namespace mlir;

namespace qopt {

#define GEN_PASS_DEF_LOWERMUON
#include "qopt/passes/Passes.h.inc"

namespace {

/// Writes the ops of one update.
class MuonWriter {
public:
  MuonWriter(OpBuilder &b, train::MuonOp op) : b(b), loc(op.getLoc()), op(op) {}

  /// The new parameter and the new buffer.
  std::pair<Value, Value> write();

private:
  Value number(double value) {
    auto type = RankedTensorType::get({}, b.getF32Type());
    return arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(type, b.getF32FloatAttr(value)));
  }
  Value add(Value x, Value y) { return nn::AddOp::create(b, loc, x, y); }
  Value mul(Value x, Value y) { return nn::MulOp::create(b, loc, x, y); }
  Value mul(Value x, double y) { return mul(x, number(y)); }
  Value product(Value x, bool turnX, Value y, bool turnY) {
    return nn::MatmulOp::create(b, loc, x, y, turnX, turnY);
  }
  /// The slice of `size` along the axis of the splits.
  Value part(Value x, int64_t first, int64_t size);
  Value orthogonalized(Value x);
  /// What p is less by, for one split of all there is.
  Value change(Value direction, Value parameter);

  OpBuilder &b;
  Location loc;
  train::MuonOp op;
};

} // namespace

Value MuonWriter::part(Value x, int64_t first, int64_t size) {
  auto type = cast<RankedTensorType>(x.getType());
  int64_t axis = op.getAxis();
  if (size == type.getDimSize(axis))
    return x;
  SmallVector<int64_t> shape(type.getShape());
  shape[axis] = size;
  Value start = arith::ConstantIndexOp::create(b, loc, first);
  return nn::SliceOp::create(b, loc, type.clone(shape), x, start, Value(),
                             axis);
}

/// X = a (X + B X) with B = (b A + c A A) / a, A = X X^T, or X (1 + B) where
/// columns are fewer.
Value MuonWriter::orthogonalized(Value x) {
  constexpr double aFactor = 3.4445, bFactor = -4.775, cFactor = 2.0315;
  ArrayRef<int64_t> shape = cast<RankedTensorType>(x.getType()).getShape();
  bool tall = shape[0] > shape[1];
  auto f32 = RankedTensorType::get({}, b.getF32Type());
  Value length =
      train::ClipNormOp::create(b, loc, f32, f32, number(0), x).getNorm();
  x = nn::DivOp::create(b, loc, x, add(length, number(1e-8)));
  for (int i = 0; i < 5; ++i) {
    Value a = mul(product(x, tall, x, !tall), bFactor);
    Value square =
        mul(product(a, false, a, false), cFactor / (bFactor * bFactor));
    Value both = mul(add(square, a), 1 / aFactor);
    Value turned =
        tall ? product(x, false, both, false) : product(both, false, x, false);
    x = mul(add(turned, x), aFactor);
  }
  return x;
}

Value MuonWriter::change(Value direction, Value parameter) {
  ArrayRef<int64_t> shape =
      cast<RankedTensorType>(direction.getType()).getShape();
  double length = 0.2 * std::sqrt(double(std::max(shape[0], shape[1])));
  return add(mul(orthogonalized(direction), length),
             mul(parameter, op.getDecay()));
}

std::pair<Value, Value> MuonWriter::write() {
  Value p = op.getParameter(), scale = op.getScale();
  Value gradient = op.getGradient();
  if (gradient.getType() != p.getType())
    gradient = nn::CastOp::create(b, loc, p.getType(), gradient);
  Value g = mul(gradient, scale);
  Value buffer = add(g, mul(op.getBuffer(), op.getMomentum()));
  Value direction = add(g, mul(buffer, op.getMomentum()));
  SmallVector<Value> changes;
  int64_t axis = op.getAxis(), first = 0;
  int64_t whole = op.getParameter().getType().getDimSize(axis);
  for (int64_t size : op.getSplits().value_or(ArrayRef<int64_t>(whole))) {
    changes.push_back(
        change(part(direction, first, size), part(p, first, size)));
    first += size;
  }
  Value all = changes.size() == 1
                  ? changes[0]
                  : nn::ConcatOp::create(b, loc, p.getType(), changes, axis);
  Value updated = nn::SubOp::create(b, loc, p, mul(all, op.getLr()));
  Value skipped = nn::IsNanOp::create(b, loc, scale);
  auto choose = [&](Value before, Value after) -> Value {
    return nn::SelectOp::create(b, loc, skipped, before, after);
  };
  return {choose(p, updated), choose(op.getBuffer(), buffer)};
}

namespace {

struct LowerMuon final : impl::LowerMuonBase<LowerMuon> {
  using LowerMuonBase::LowerMuonBase;

  void runOnOperation() override {
    getOperation().walk([](train::MuonOp op) {
      // Other types keep the op: arithmetic of a step is that of f32.
      if (!op.getParameter().getType().getElementType().isF32())
        return;
      OpBuilder builder(op);
      auto [updated, buffer] = MuonWriter(builder, op).write();
      op.getUpdated().replaceAllUsesWith(updated);
      op.getNewBuffer().replaceAllUsesWith(buffer);
      op.erase();
    });
  }
};

} // namespace
} // namespace qopt
