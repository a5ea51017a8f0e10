// Rotations by Hadamard matrices of a row in the registers of a block.
//
// Along the last axis the elements of a vector x are neighbours; along another
// one, `inner` of them lie between its elements, and the strides below begin
// at `inner`.
//
//   x = x S                                  signs, if there are any
//   for every order m of the product, with stride t of its index:
//     power of two: log2(m) butterflies (x + y, x - y), stride t, 2 t, ...
//     Paley:        y[j] = sum_i +-x[i]      m sums an element, by shared
//     memory
//   times 1 / sqrt(n)
//
// The channel of an element is, bit by bit, its place in a piece, its lane, its
// warp, and its piece: butterflies are sums in a thread, shuffles, exchanges by
// shared memory (at most 5, for 32 warps), and again sums in a thread. At a
// stride that is no power of two all are exchanges.

#include "qopt/codegen/cuda/Rotation.h"

#include <cmath>

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/dialects/lowbit/Hadamard.h"

using namespace mlir;

namespace qopt::cuda {

/// Of Paley's matrices: a row of signs is a word.
static constexpr int64_t largestOrder = 64;

bool canRotate(lowbit::HadamardOp op, int64_t channels) {
  int64_t block = innerOf(op) * sizeOf(op);
  return block > 0 && channels % block == 0 &&
         llvm::all_of(op.getOrders(), [](int64_t order) {
           return llvm::isPowerOf2_64(order) || order <= largestOrder;
         });
}

namespace {

class Rotator {
public:
  Rotator(RowWriter &row, lowbit::HadamardOp op, RowWriter::Pieces x)
      : row(row), e(row.e), m(row.m), shape(row.shape), op(op),
        size(sizeOf(op)), inner(innerOf(op)), x(std::move(x)) {}

  RowWriter::Pieces write();

private:
  using Elements = SmallVector<SmallVector<Value>>; ///< [piece][place]

  Elements split();
  void join(const Elements &elements);
  void flipSigns();
  void butterfly(int64_t stride);
  void exchangeAt(int64_t stride);
  void products(int64_t order, int64_t stride);
  Value exchange(); ///< the row in shared memory, for all to read
  /// Bit `index` of words of 64 bits.
  Value bitOf(ArrayRef<uint64_t> words, StringRef what, Value index);
  Value flipped(Value x, Value bit);

  RowWriter &row;
  Emitter &e;
  Math m;
  RowShape shape;
  lowbit::HadamardOp op;
  int64_t size, inner;
  RowWriter::Pieces x;
  Value memory; ///< shared, room for the row
};

} // namespace

Rotator::Elements Rotator::split() {
  Elements elements;
  for (Value piece : x) {
    auto &own = elements.emplace_back();
    for (int64_t j = 0; j < shape.width; ++j)
      own.push_back(e.element(piece, j));
  }
  return elements;
}

void Rotator::join(const Elements &elements) {
  x.clear();
  for (const auto &own : elements)
    x.push_back(e.vectorOf(own));
}

Value Rotator::exchange() {
  if (!memory)
    memory = e.shared(4 * shape.pieces * shape.threads * shape.width);
  e.barrier(); // what was there may still be read
  row.store(x, memory, e.f32(), e.constant(0));
  e.barrier();
  return memory;
}

Value Rotator::bitOf(ArrayRef<uint64_t> words, StringRef what, Value index) {
  Value table = e.table(words, what);
  Value word = e.load(e.b.getI64Type(), table, e.div(index, 64));
  word = arith::ShRUIOp::create(e.b, e.loc, word, e.rem(index, 64));
  return arith::AndIOp::create(e.b, e.loc, word, e.constant(1));
}

/// -x if the bit is 1.
Value Rotator::flipped(Value x, Value bit) {
  Value sign = arith::ShLIOp::create(e.b, e.loc, e.narrow(bit), e.i32(31));
  Value bits = m.bits(x, e.b.getI32Type());
  return m.bits(arith::XOrIOp::create(e.b, e.loc, bits, sign), e.f32());
}

void Rotator::flipSigns() {
  std::vector<int8_t> signs = lowbit::hadamardSigns(*op.getSeed(), size);
  std::vector<uint64_t> words(llvm::divideCeil(size, 64));
  for (int64_t i = 0; i < size; ++i)
    words[i / 64] |= uint64_t(signs[i] < 0) << i % 64;
  Elements elements = split();
  for (auto [i, own] : llvm::enumerate(elements))
    for (auto [j, one] : llvm::enumerate(own)) {
      Value channel = e.add(row.channel(i), e.constant(j));
      Value index = e.rem(e.div(channel, inner), size);
      one = flipped(one, bitOf(words, "signs", index));
    }
  join(elements);
}

/// The same at a stride that is no power of two: partners lie anywhere.
void Rotator::exchangeAt(int64_t stride) {
  Value memory = exchange();
  Elements elements = split();
  for (int64_t i = 0; i < shape.pieces; ++i)
    for (int64_t j = 0; j < shape.width; ++j) {
      Value &one = elements[i][j];
      Value channel = e.add(row.channel(i), e.constant(j));
      Value bit = e.rem(e.div(channel, stride), 2);
      auto mixed = [&] {
        Value far = e.add(channel, e.constant(stride));
        Value near = e.sub(channel, e.constant(stride));
        Value partner = m.select(e.equal(bit, e.constant(0)), far, near);
        Value other = e.load(e.f32(), memory, partner);
        return m.add(other, flipped(one, bit));
      };
      if (Value there = row.isThere(i))
        one = e.choose(there, e.f32(), mixed,
                       [&]() -> Value { return e.constant(0.0, e.f32()); });
      else
        one = mixed();
    }
  join(elements);
}

void Rotator::butterfly(int64_t stride) {
  if (!llvm::isPowerOf2_64(stride))
    return exchangeAt(stride);
  Elements elements = split(), before = elements;
  int64_t width = shape.width, warp = width * warpSize;
  int64_t block = width * shape.threads;
  // The sum where the bit is 0, the difference where it is 1.
  auto mixed = [&](Value own, Value other, Value bit) {
    return m.add(other, flipped(own, bit));
  };
  if (stride >= warp && stride < block) {
    Value memory = exchange();
    for (int64_t i = 0; i < shape.pieces; ++i) {
      Value first = row.channel(i);
      Value bit = e.rem(e.div(first, stride), 2);
      Value partner =
          arith::XOrIOp::create(e.b, e.loc, first, e.constant(stride));
      auto load = [&] { return e.loadWide(e.vector(width), memory, partner); };
      Value there = row.isThere(i);
      Value other =
          there ? e.choose(there, e.vector(width), load,
                           [&] { return e.constant(0.0, e.vector(width)); })
                : load();
      for (int64_t j = 0; j < width; ++j)
        elements[i][j] = mixed(before[i][j], e.element(other, j), bit);
    }
    return join(elements);
  }
  for (int64_t i = 0; i < shape.pieces; ++i)
    for (int64_t j = 0; j < width; ++j) {
      Value own = before[i][j];
      Value &result = elements[i][j];
      if (stride < width) {
        Value other = before[i][j ^ stride];
        result = j & stride ? m.sub(other, own) : m.add(own, other);
      } else if (stride < warp) {
        int64_t distance = stride / width;
        Value bit = e.rem(e.div(e.lane, distance), 2);
        result = mixed(own, e.shuffle(own, distance), bit);
      } else {
        int64_t partner = i ^ (stride / block);
        if (partner >= shape.pieces)
          continue; // behind the end
        Value other = before[partner][j];
        result = partner < i ? m.sub(other, own) : m.add(own, other);
      }
    }
  join(elements);
}

/// A factor by Paley.
void Rotator::products(int64_t order, int64_t stride) {
  std::vector<int8_t> matrix = lowbit::hadamardMatrix(order);
  std::vector<uint64_t> words(order); // of row j: the signs of all i
  for (int64_t j = 0; j < order; ++j)
    for (int64_t i = 0; i < order; ++i) {
      bool plus =
          matrix[op.getTransposed() ? j * order + i : i * order + j] > 0;
      words[j] |= uint64_t(!plus) << i;
    }
  Value table = e.table(words, "paley" + std::to_string(order));
  Value memory = exchange();
  Elements elements = split();
  for (auto [i, own] : llvm::enumerate(elements))
    for (auto [j, one] : llvm::enumerate(own)) {
      Value channel = e.add(row.channel(i), e.constant(j));
      auto sum = [&]() -> Value {
        Value place = e.rem(e.div(channel, stride), order);
        Value word = e.load(e.b.getI64Type(), table, place);
        Value first = e.sub(channel, e.mul(place, stride));
        return e.loop(
            e.constant(0), e.constant(order), 1, e.constant(0.0, e.f32()),
            [&](Value k, ValueRange sum) {
              Value other =
                  e.load(e.f32(), memory, e.add(first, e.mul(k, stride)));
              Value bit = arith::ShRUIOp::create(e.b, e.loc, word, k);
              bit = arith::AndIOp::create(e.b, e.loc, bit, e.constant(1));
              return SmallVector<Value>{m.add(sum[0], flipped(other, bit))};
            })[0];
      };
      if (Value there = row.isThere(i))
        one = e.choose(there, e.f32(), sum,
                       [&]() -> Value { return e.constant(0.0, e.f32()); });
      else
        one = sum();
    }
  join(elements);
}

RowWriter::Pieces Rotator::write() {
  bool transposed = op.getTransposed();
  if (op.getSeed() && !transposed)
    flipSigns();
  int64_t stride = inner;
  for (int64_t order : llvm::reverse(op.getOrders())) {
    if (!llvm::isPowerOf2_64(order))
      products(order, stride);
    else
      for (int64_t half = 1; half < order; half *= 2)
        butterfly(half * stride);
    stride *= order;
  }
  double factor = 1 / std::sqrt(double(size));
  for (Value &piece : x)
    piece = m.mul(piece, factor);
  if (op.getSeed() && transposed)
    flipSigns();
  return std::move(x);
}

RowWriter::Pieces writeRotation(RowWriter &row, lowbit::HadamardOp op,
                                RowWriter::Pieces x) {
  return Rotator(row, op, std::move(x)).write();
}

} // namespace qopt::cuda
