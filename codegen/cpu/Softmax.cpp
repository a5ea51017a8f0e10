// nn.softmax over the last axis, and nn.cross_entropy, on the CPU.
//
//   for every row x[0..C):                        a task
//     most = max(x)                               reads 4 C bytes
//     sum  = sum(e^(x - most))                    again, from a cache
//     softmax:        y[c] = e^(x[c] - most) / sum
//     cross_entropy:  y = log(sum) + most - x[target]
//
// Bound by e^x: about 20 operations an element, in vectors.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/cpu/Emitter.h"
#include "qopt/codegen/cpu/Families.h"
#include "qopt/codegen/tile/Math.h"
#include "qopt/codegen/tile/Transcendental.h"
#include "qopt/dialects/nn/Nn.h"

using namespace mlir;

namespace qopt::cpu {

static Operation *only(kernel::FuncOp kernel) {
  auto ops = kernel.getBlock().without_terminator();
  return llvm::hasSingleElement(ops) ? &*ops.begin() : nullptr;
}

static bool accepts(kernel::FuncOp kernel, const Target &) {
  Operation *op = only(kernel);
  if (!op || !isa<nn::SoftmaxOp, nn::CrossEntropyOp>(op) ||
      !isa<BlockArgument>(op->getOperand(0)))
    return false;
  auto type = cast<RankedTensorType>(op->getOperand(0).getType());
  auto softmax = dyn_cast<nn::SoftmaxOp>(op);
  return !type.getElementType().isF64() &&
         (!softmax || int64_t(softmax.getAxis()) == type.getRank() - 1);
}

static AffineExpr tasks(kernel::FuncOp kernel, const Target &) {
  AffineMap map = cast<AffineMapAttr>(kernel.getDims()[0]).getValue();
  AffineExpr rows = getAffineConstantExpr(1, kernel.getContext());
  for (AffineExpr size : map.getResults().drop_back())
    rows = rows * size;
  return rows;
}

namespace {

/// The elements of one row, as f32.
struct Row {
  Emitter &e;
  Value base, start, size;
  Type element;

  Value operator[](Value c) {
    Value x = e.load(element, base, e.add(start, c));
    return element == e.f32()
               ? x
               : Value(arith::ExtFOp::create(e.b, e.loc, e.f32(), x));
  }
  Value largest() {
    return e.loop(e.constant(0), size, 1, e.constant(-HUGE_VAL, e.f32()),
                  [&](Value c, ValueRange most) {
                    auto any = arith::FastMathFlags::reassoc;
                    return SmallVector<Value>{arith::MaximumFOp::create(
                        e.b, e.loc, most[0], (*this)[c], any)};
                  })[0];
  }
  Value exp(Value c, Value most) {
    Math m{e.b, e.loc};
    return emitExp(e.b, e.loc, m.sub((*this)[c], most));
  }
  Value sum(Value most) {
    return e.loop(e.constant(0), size, 1, e.constant(0.0, e.f32()),
                  [&](Value c, ValueRange sum) {
                    auto any = arith::FastMathFlags::reassoc;
                    return SmallVector<Value>{arith::AddFOp::create(
                        e.b, e.loc, sum[0], exp(c, most), any)};
                  })[0];
  }
};

} // namespace

static LogicalResult emit(Emitter &e) {
  Operation *op = only(e.kernel);
  Value x = op->getOperand(0), y = op->getResult(0);
  auto type = cast<RankedTensorType>(x.getType());
  Math m{e.b, e.loc};
  e.loop(e.begin, e.end, 1, [&](Value number) {
    Value size = e.size(x, type.getRank() - 1);
    Row row{e, e.pointer(x), e.mul(number, size), size, type.getElementType()};
    Value most = row.largest();
    Value sum = row.sum(most);
    auto put = [&](Value value, Value index) {
      if (type.getElementType() != e.f32())
        value =
            arith::TruncFOp::create(e.b, e.loc, type.getElementType(), value);
      e.store(value, e.pointer(y), index);
    };
    if (auto loss = dyn_cast<nn::CrossEntropyOp>(op)) {
      auto targets = cast<RankedTensorType>(loss.getTargets().getType());
      Value target = e.load(targets.getElementType(),
                            e.pointer(loss.getTargets()), number);
      if (!target.getType().isInteger(64))
        target = arith::ExtSIOp::create(e.b, e.loc, e.b.getI64Type(), target);
      Value log = emitTranscendental(e.b, e.loc, Transcendental::Log, sum);
      put(m.add(log, m.sub(most, row[target])), number);
      return;
    }
    Value inverse = m.div(e.constant(1.0, e.f32()), sum);
    e.loop(e.constant(0), size, 1, [&](Value c) {
      put(m.mul(row.exp(c, most), inverse), e.add(row.start, c));
    });
  });
  return success();
}

const KernelFamily softmaxFamily = {"softmax", accepts, tasks, emit};

} // namespace qopt::cpu
