// train.sgd and train.adamw on the CPU.
//
//   for every block of elements:                  a task
//     the numbers of the step, in f64
//     for every element:                          reads p, g, m, v; writes p,
//       new states, new p                         m, v: 28 bytes in f32
//
// Bound by memory. An element is written behind its reading and never read
// again, so results may lie where parameter and states do. Arithmetic is f32; a
// scale of NaN changes nothing.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/cpu/Families.h"
#include "qopt/codegen/cpu/Span.h"
#include "qopt/codegen/cpu/Tasks.h"
#include "qopt/dialects/train/Train.h"

using namespace mlir;

namespace qopt::cpu {

/// Elements of a task: far longer than the numbers of the step take.
static constexpr int64_t taskElements = 16 << 10;

static Operation *find(kernel::FuncOp kernel) {
  if (auto op = onlyOpOfNumbers<train::SgdOp>(kernel))
    return op;
  return onlyOpOfNumbers<train::AdamwOp>(kernel);
}

static bool accepts(kernel::FuncOp kernel, const Target &) {
  return find(kernel) != nullptr;
}

static int64_t sizeOf(Operation *op) {
  return cast<RankedTensorType>(op->getOperand(0).getType()).getNumElements();
}

static AffineExpr tasks(kernel::FuncOp kernel, const Target &) {
  return getAffineConstantExpr(
      llvm::divideCeil(sizeOf(find(kernel)), taskElements),
      kernel.getContext());
}

namespace {

/// Writes the update of the elements of some tasks.
class UpdateWriter {
public:
  explicit UpdateWriter(Emitter &e) : e(e), m{e.b, e.loc} {}

  void write(train::SgdOp op, Span span);
  void write(train::AdamwOp op, Span span);

private:
  Value number(Value tensor) { return loadNumber(e, tensor); }
  Value power(Value x, Value n);
  /// Stores `value`, or `before` if the step is skipped.
  void put(Value value, Value before, Value tensor, Value i, int64_t lanes) {
    Value skipped = splat(e, skip, lanes);
    storeFloats(e, m.select(skipped, before, value), tensor, i);
  }
  void start(Value scaleTensor) {
    scale = number(scaleTensor);
    skip = m.compare(arith::CmpFPredicate::UNO, scale, scale);
  }

  Emitter &e;
  Math m;
  Value scale, skip;
};

} // namespace

/// x^n in f64, n >= 0, by squares of x.
Value UpdateWriter::power(Value x, Value n) {
  Value one = e.constant(1), zero = e.constant(0);
  Value values[] = {m.real(1, x.getType()), x, n};
  return e.loop(
      zero, e.constant(63), 1, values, [&](Value, ValueRange carried) {
        Value power = carried[0], square = carried[1];
        Value rest = carried[2];
        Value odd = arith::CmpIOp::create(
            e.b, e.loc, arith::CmpIPredicate::ne,
            arith::AndIOp::create(e.b, e.loc, rest, one), zero);
        return SmallVector<Value>{
            m.select(odd, m.mul(power, square), power), m.mul(square, square),
            arith::ShRUIOp::create(e.b, e.loc, rest, one)};
      })[0];
}

void UpdateWriter::write(train::SgdOp op, Span span) {
  start(op.getScale());
  Value lr = number(op.getLr()), momentum = number(op.getMomentum());
  span.each([&](Value i, int64_t lanes) {
    auto all = [&](Value x) { return splat(e, x, lanes); };
    Value p = loadFloats(e, op.getParameter(), i, lanes);
    Value v = loadFloats(e, op.getVelocity(), i, lanes);
    Value g = m.mul(all(scale), loadFloats(e, op.getGradient(), i, lanes));
    Value newV = m.fma(all(momentum), v, g);
    put(newV, v, op.getNewVelocity(), i, lanes);
    put(m.sub(p, m.mul(all(lr), newV)), p, op.getUpdated(), i, lanes);
  });
}

void UpdateWriter::write(train::AdamwOp op, Span span) {
  start(op.getScale());
  Value step = number(op.getStep());
  Value lr = number(op.getLr()), decay = number(op.getDecay());
  Value eps = number(op.getEps());
  struct Mean {
    Value beta, rest, correction;
  };
  auto mean = [&](Value tensor) -> Mean {
    Value beta = number(tensor), wide = m.widen(beta);
    Value one = m.real(1, wide.getType());
    Value correction = m.div(one, m.sub(one, power(wide, step)));
    return {beta, m.narrow(m.sub(one, wide)), m.narrow(correction)};
  };
  Mean first = mean(op.getBeta1()), second = mean(op.getBeta2());
  span.each([&](Value i, int64_t lanes) {
    auto all = [&](Value x) { return splat(e, x, lanes); };
    auto next = [&](Mean mean, Value before, Value g) {
      return m.fma(all(mean.beta), before, m.mul(all(mean.rest), g));
    };
    Value p = loadFloats(e, op.getParameter(), i, lanes);
    Value mean = loadFloats(e, op.getMean(), i, lanes);
    Value square = loadFloats(e, op.getSquare(), i, lanes);
    Value g = m.mul(all(scale), loadFloats(e, op.getGradient(), i, lanes));
    Value newMean = next(first, mean, g);
    Value newSquare = next(second, square, m.mul(g, g));
    Value a = m.mul(newMean, all(first.correction));
    Value b = m.mul(newSquare, all(second.correction));
    Value change = m.div(a, m.add(m.sqrt(b), all(eps)));
    change = m.fma(all(decay), p, change);
    put(newMean, mean, op.getNewMean(), i, lanes);
    put(newSquare, square, op.getNewSquare(), i, lanes);
    put(m.sub(p, m.mul(all(lr), change)), p, op.getUpdated(), i, lanes);
  });
}

static LogicalResult emit(Emitter &e) {
  Operation *op = find(e.kernel);
  Value from = e.mul(e.begin, taskElements);
  Value to = least(e, e.mul(e.end, taskElements), e.constant(sizeOf(op)));
  UpdateWriter writer(e);
  if (auto sgd = dyn_cast<train::SgdOp>(op))
    writer.write(sgd, Span(e, from, to));
  else
    writer.write(cast<train::AdamwOp>(op), Span(e, from, to));
  return success();
}

const KernelFamily optimizerFamily = {"optimizer", accepts, tasks, emit};

} // namespace qopt::cpu
