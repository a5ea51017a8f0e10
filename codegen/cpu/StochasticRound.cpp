// train.stochastic_round on the CPU.
//
//   for every 4 elements, i to i + 3:             a task has thousands
//     r = Philox4x32-10(key, step * 2^40 + i / 4) a block of four words
//     y = upper half of the bits of x + low half of r
//
// Reads 4 bytes and writes 2 an element; bound by the ten rounds of Philox, 20
// products of 32 bits for 4 elements, in vectors.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/cpu/Families.h"
#include "qopt/codegen/cpu/Span.h"
#include "qopt/codegen/tile/Tasks.h"
#include "qopt/dialects/train/Train.h"

using namespace mlir;

namespace qopt::cpu {

/// Elements of a task.
static constexpr int64_t taskElements = 16 << 10;

static bool accepts(kernel::FuncOp kernel, const Target &) {
  auto op = onlyOpOfNumbers<train::StochasticRoundOp>(kernel);
  return op && getElementTypeOrSelf(op.getInput()).isF32();
}

static int64_t sizeOf(kernel::FuncOp kernel) {
  auto op = onlyOpOfNumbers<train::StochasticRoundOp>(kernel);
  return op.getType().getNumElements();
}

static AffineExpr tasks(kernel::FuncOp kernel, const Target &) {
  return getAffineConstantExpr(llvm::divideCeil(sizeOf(kernel), taskElements),
                               kernel.getContext());
}

namespace {

class RoundWriter {
public:
  explicit RoundWriter(Emitter &e)
      : e(e), m{e.b, e.loc},
        op(onlyOpOfNumbers<train::StochasticRoundOp>(e.kernel)) {
    Value seed = loadNumber(e, op.getSeed());
    key = arith::XOrIOp::create(e.b, e.loc, seed, e.constant(op.getStream()));
    first = e.mul(loadNumber(e, op.getStep()), int64_t(1) << 40);
  }

  void write(Value from, Value to);

private:
  template <typename Op> Value make(Value x, Value y) {
    return Op::create(e.b, e.loc, x, y);
  }
  Value shift(Value x, int64_t bits) {
    return make<arith::ShRUIOp>(x, m.integer(bits, x.getType()));
  }
  Value low(Value x) { // of 64 bits, 32 that are still 64 wide
    return make<arith::AndIOp>(x, m.integer(0xffffffff, x.getType()));
  }
  /// Four words for each counter; 64 bits wide, the upper half 0.
  std::array<Value, 4> words(Value counter);
  /// bf16 of f32 and words.
  Value rounded(Value x, Value words);

  Emitter &e;
  Math m;
  train::StochasticRoundOp op;
  Value key, first;
};

} // namespace

std::array<Value, 4> RoundWriter::words(Value counter) {
  Type type = counter.getType();
  auto all = [&](Value x) -> Value {
    return isa<VectorType>(type)
               ? Value(vector::BroadcastOp::create(e.b, e.loc, type, x))
               : x;
  };
  Value k0 = all(low(key)), k1 = all(shift(key, 32));
  Value zero = m.integer(0, type);
  std::array<Value, 4> c = {low(counter), shift(counter, 32), zero, zero};
  for (int round = 0; round < 10; ++round) {
    Value p0 = make<arith::MulIOp>(c[0], m.integer(0xD2511F53, type));
    Value p1 = make<arith::MulIOp>(c[2], m.integer(0xCD9E8D57, type));
    auto mix = [&](Value product, Value word, Value key) {
      return make<arith::XOrIOp>(make<arith::XOrIOp>(shift(product, 32), word),
                                 key);
    };
    c = {mix(p1, c[1], k0), low(p1), mix(p0, c[3], k1), low(p0)};
    k0 = low(make<arith::AddIOp>(k0, m.integer(0x9E3779B9, type)));
    k1 = low(make<arith::AddIOp>(k1, m.integer(0xBB67AE85, type)));
  }
  return c;
}

Value RoundWriter::rounded(Value x, Value words) {
  Value bits = m.bits(x, e.b.getI32Type());
  Type type = bits.getType();
  Value noise = make<arith::AndIOp>(words, m.integer(0xffff, type));
  Value sum = make<arith::AddIOp>(bits, noise);
  // Infinity stays, and a NaN stays one in the upper half.
  Value exponent = m.integer(0x7f800000, type);
  Value finite =
      arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::ne,
                            make<arith::AndIOp>(bits, exponent), exponent);
  Value quiet = make<arith::OrIOp>(bits, m.integer(0x400000, type));
  Value isNan = m.compare(arith::CmpFPredicate::UNO, x, x);
  bits = m.select(finite, sum, m.select(isNan, quiet, bits));
  Value half = arith::TruncIOp::create(
      e.b, e.loc, Math::with(type, e.b.getI16Type()), shift(bits, 16));
  return m.bits(half, e.b.getBF16Type());
}

/// [from, to), `from` a multiple of 4.
void RoundWriter::write(Value from, Value to) {
  int64_t lanes = e.lanes(), step = 4 * lanes;
  Type i32 = e.b.getI32Type(), i64 = e.b.getI64Type();
  Value x = e.pointer(op.getInput()), y = e.pointer(op.getResult());
  auto counter = [&](Value i) { return e.add(first, shift(i, 2)); };
  Value whole =
      e.add(from, arith::AndIOp::create(e.b, e.loc, minus(e, to, from),
                                        e.constant(-step)));
  SmallVector<int64_t> steps = llvm::to_vector(llvm::seq<int64_t>(0, lanes));
  Value count = arith::ConstantOp::create(
      e.b, e.loc,
      DenseElementsAttr::get(e.vector(lanes, i64), ArrayRef<int64_t>(steps)));
  e.loop(from, whole, step, [&](Value i) {
    Value counters = make<arith::AddIOp>(splat(e, counter(i), lanes), count);
    std::array<Value, 4> w = words(counters);
    for (Value &word : w)
      word = arith::TruncIOp::create(e.b, e.loc, e.vector(lanes, i32), word);
    auto weave = [&](Value a, Value b) -> Value {
      return vector::InterleaveOp::create(e.b, e.loc, a, b);
    };
    Value all = weave(weave(w[0], w[2]), weave(w[1], w[3]));
    Value number = e.load(e.vector(step), x, i);
    e.store(rounded(number, all), y, i);
  });
  e.loop(whole, to, 1, [&](Value i) {
    std::array<Value, 4> w = words(counter(i));
    Value word = w[3],
          rest = arith::AndIOp::create(e.b, e.loc, i, e.constant(3));
    for (int64_t n = 2; n >= 0; --n)
      word =
          m.select(arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq,
                                         rest, e.constant(n)),
                   w[n], word);
    word = arith::TruncIOp::create(e.b, e.loc, i32, word);
    e.store(rounded(e.load(e.f32(), x, i), word), y, i);
  });
}

static LogicalResult emit(Emitter &e) {
  RoundWriter writer(e);
  writer.write(
      e.mul(e.begin, taskElements),
      least(e, e.mul(e.end, taskElements), e.constant(sizeOf(e.kernel))));
  return success();
}

const KernelFamily stochasticRoundFamily = {"stochastic_round", accepts, tasks,
                                            emit};

} // namespace qopt::cpu
