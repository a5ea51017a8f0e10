// Rotations by Hadamard matrices, of a row in the scratch.
//
// Along the last axis the elements of a vector x are neighbours; along another
// one, `inner` of them lie between its elements, and the strides below begin
// at `inner`.
//
//   for every order m of the product, with stride t of its index:
//     power of two: log2(m) butterflies (x + y, x - y), three of them a pass
//     Paley:        y[j] = sum_i +-x[i], m^2 sums of vectors
//   times 1 / sqrt(n)
//
// n log2(n) sums in f32 on a row that stays in the first cache: of 2048 floats
// 4 passes, about 1 us. Butterflies of less than a vector shuffle its lanes.

#include "qopt/codegen/cpu/Rotation.h"

#include <cmath>

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/tile/Math.h"
#include "qopt/dialects/lowbit/Hadamard.h"

using namespace mlir;

namespace qopt::cpu {

/// Of Paley's matrices, whose sums are written out.
static constexpr int64_t largestOrder = 64;
/// Butterflies of a pass: 2^3 vectors at a time.
static constexpr int64_t stagesOfPass = 3;

bool canRotate(lowbit::HadamardOp op) {
  return !op.getInput().getType().getElementType().isF64() &&
         llvm::all_of(op.getOrders(), [](int64_t order) {
           return llvm::isPowerOf2_64(order) || order <= largestOrder;
         });
}

namespace {

class Rotator {
public:
  Rotator(Emitter &e, lowbit::HadamardOp op, Value row, int64_t channels,
          int64_t inner)
      : e(e), m{e.b, e.loc}, op(op), row(row), channels(channels), inner(inner),
        size(sizeOf(op)) {}

  void write();

private:
  void flipSigns();
  void flipRows(ArrayRef<int8_t> signs);
  void inVectors(int64_t strides);
  void butterflies(int64_t order, int64_t stride);
  void products(int64_t order, int64_t stride);
  void mix(int64_t order, int64_t stride,
           llvm::function_ref<void(MutableArrayRef<Value>)> what);
  void scale(double factor);

  Emitter &e;
  Math m;
  lowbit::HadamardOp op;
  Value row;
  int64_t channels, inner, size;
};

} // namespace

/// Applies `what` to the vectors whose elements differ in one index.
void Rotator::mix(int64_t order, int64_t stride,
                  function_ref<void(MutableArrayRef<Value>)> what) {
  int64_t lanes = e.lanes();
  while (stride % lanes != 0)
    lanes /= 2;
  VectorType type = e.vector(lanes);
  e.loop(e.constant(0), e.constant(channels), order * stride, [&](Value block) {
    e.loop(e.constant(0), e.constant(stride), lanes, [&](Value column) {
      Value first = e.add(block, column);
      SmallVector<Value> x, at;
      for (int64_t i = 0; i < order; ++i) {
        at.push_back(e.add(first, e.constant(i * stride)));
        x.push_back(e.load(type, row, at.back()));
      }
      what(x);
      for (int64_t i = 0; i < order; ++i)
        e.store(x[i], row, at[i]);
    });
  });
}

/// A factor that is a power of two.
void Rotator::butterflies(int64_t order, int64_t stride) {
  mix(order, stride, [&](MutableArrayRef<Value> x) {
    for (int64_t half = 1; half < order; half *= 2)
      for (int64_t i = 0; i < order; ++i)
        if ((i & half) == 0) {
          Value a = x[i], b = x[i + half];
          x[i] = m.add(a, b);
          x[i + half] = m.sub(a, b);
        }
  });
}

/// A factor by Paley.
void Rotator::products(int64_t order, int64_t stride) {
  std::vector<int8_t> matrix = lowbit::hadamardMatrix(order);
  bool transposed = op.getTransposed();
  mix(order, stride, [&](MutableArrayRef<Value> x) {
    SmallVector<Value> y;
    for (int64_t j = 0; j < order; ++j) {
      Value sum;
      for (int64_t i = 0; i < order; ++i) {
        bool plus = matrix[transposed ? j * order + i : i * order + j] > 0;
        if (!sum)
          sum = plus ? x[i] : m.neg(x[i]);
        else
          sum = plus ? m.add(sum, x[i]) : m.sub(sum, x[i]);
      }
      y.push_back(sum);
    }
    llvm::copy(y, x.begin());
  });
}

/// The butterflies of strides 1, 2, 4 .. below `strides`.
void Rotator::inVectors(int64_t strides) {
  int64_t lanes = e.lanes();
  VectorType type = e.vector(lanes);
  e.loop(e.constant(0), e.constant(channels), lanes, [&](Value at) {
    Value x = e.load(type, row, at);
    for (int64_t stride = 1; stride < strides; stride *= 2) {
      SmallVector<int64_t> partner;
      SmallVector<float> signs;
      for (int64_t i = 0; i < lanes; ++i) {
        partner.push_back(i ^ stride);
        signs.push_back(i & stride ? -1 : 1);
      }
      Value other = vector::ShuffleOp::create(e.b, e.loc, x, x, partner);
      Value sign = arith::ConstantOp::create(
          e.b, e.loc, DenseElementsAttr::get(type, ArrayRef<float>(signs)));
      x = m.fma(x, sign, other);
    }
    e.store(x, row, at);
  });
}

/// Rows of `inner` elements share a sign: bits of words that the code holds,
/// 64 rows each, flip that of the floats.
void Rotator::flipRows(ArrayRef<int8_t> signs) {
  int64_t lanes = e.lanes();
  while (inner % lanes != 0)
    lanes /= 2;
  VectorType ints = e.vector(lanes, e.b.getI32Type());
  e.loop(e.constant(0), e.constant(channels), size * inner, [&](Value block) {
    for (int64_t first = 0; first < size; first += 64) {
      uint64_t word = 0;
      int64_t rows = std::min<int64_t>(64, size - first);
      for (int64_t i = 0; i < rows; ++i)
        word |= uint64_t(signs[first + i] < 0) << i;
      Value start = e.add(block, e.constant(first * inner));
      e.loop(e.constant(0), e.constant(rows), 1, [&](Value i) {
        Value bit =
            arith::ShRUIOp::create(e.b, e.loc, e.constant(int64_t(word)), i);
        bit = arith::TruncIOp::create(e.b, e.loc, e.b.getI32Type(), bit);
        bit = arith::ShLIOp::create(e.b, e.loc, bit,
                                    m.integer(31, bit.getType()));
        Value flip = vector::BroadcastOp::create(e.b, e.loc, ints, bit);
        Value from = e.add(start, e.mul(i, inner));
        e.loop(e.constant(0), e.constant(inner), lanes, [&](Value column) {
          Value at = e.add(from, column);
          Value x = e.load(ints, row, at);
          e.store(arith::XOrIOp::create(e.b, e.loc, x, flip), row, at);
        });
      });
    }
  });
}

void Rotator::flipSigns() {
  std::vector<int8_t> signs = lowbit::hadamardSigns(*op.getSeed(), size);
  if (inner > 1)
    return flipRows(signs);
  int64_t lanes = e.lanes();
  while (size % lanes != 0)
    lanes /= 2;
  VectorType type = e.vector(lanes);
  e.loop(e.constant(0), e.constant(channels), size, [&](Value block) {
    for (int64_t i = 0; i < size; i += lanes) {
      SmallVector<float> own(signs.begin() + i, signs.begin() + i + lanes);
      Value sign = arith::ConstantOp::create(
          e.b, e.loc, DenseElementsAttr::get(type, ArrayRef<float>(own)));
      Value at = e.add(block, e.constant(i));
      e.store(m.mul(e.load(type, row, at), sign), row, at);
    }
  });
}

void Rotator::scale(double factor) {
  VectorType type = e.vector(e.lanes());
  e.loop(e.constant(0), e.constant(channels), e.lanes(), [&](Value at) {
    e.store(m.mul(e.load(type, row, at), factor), row, at);
  });
}

void Rotator::write() {
  if (op.getSeed() && !op.getTransposed())
    flipSigns();
  int64_t stride = inner;
  for (int64_t order : llvm::reverse(op.getOrders())) {
    int64_t next = stride * order;
    if (!llvm::isPowerOf2_64(order)) {
      products(order, stride);
    } else {
      // Below a vector, if all strides so far are powers of two.
      if (stride == 1 && order > 1) {
        int64_t within = std::min(order, e.lanes());
        inVectors(within);
        stride = within;
      }
      while (stride < next) {
        int64_t step = std::min<int64_t>(next / stride, 1 << stagesOfPass);
        butterflies(step, stride);
        stride *= step;
      }
    }
    stride = next;
  }
  scale(1 / std::sqrt(double(size)));
  if (op.getSeed() && op.getTransposed())
    flipSigns();
}

void writeRotation(Emitter &e, lowbit::HadamardOp op, Value row,
                   int64_t channels, int64_t inner) {
  Rotator(e, op, row, channels, inner).write();
}

} // namespace qopt::cpu
