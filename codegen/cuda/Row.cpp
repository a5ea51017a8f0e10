// A row of a tensor in the registers of a block.

#include "qopt/codegen/cuda/Row.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace qopt::cuda {

/// Pieces of a thread that a short row has: more threads hide more latency.
static constexpr int64_t fewPieces = 2;
static constexpr int64_t mostThreads = 1024;

RowShape::RowShape(int64_t channels, int64_t unit) : channels(channels) {
  width = unit % 4 == 0 ? 4 : unit % 2 == 0 ? 2 : 1;
  int64_t all = std::max<int64_t>(1, channels / width);
  threads = warpSize;
  while (threads < mostThreads && threads * fewPieces < all)
    threads *= 2;
  pieces = llvm::divideCeil(all, threads);
}

Value RowWriter::channel(int64_t i) {
  return e.mul(e.add(e.thread, e.constant(i * shape.threads)), shape.width);
}

Value RowWriter::isThere(int64_t i) {
  int64_t behind = (i + 1) * shape.threads * shape.width;
  if (behind <= shape.channels)
    return {};
  return e.less(channel(i), e.constant(shape.channels));
}

RowWriter::Pieces RowWriter::load(Value tensor, Value start) {
  return load(e.pointer(tensor),
              cast<RankedTensorType>(tensor.getType()).getElementType(), start);
}

RowWriter::Pieces RowWriter::load(Value base, Type element, Value start) {
  VectorType type = e.vector(shape.width, element);
  Pieces x;
  for (int64_t i = 0; i < shape.pieces; ++i) {
    auto own = [&] { return e.loadWide(type, base, e.add(start, channel(i))); };
    Value piece;
    if (Value there = isThere(i))
      piece = e.choose(there, type, own, [&]() -> Value {
        return arith::ConstantOp::create(e.b, e.loc, e.b.getZeroAttr(type));
      });
    else
      piece = own();
    if (element.isF16() || element.isBF16())
      piece = arith::ExtFOp::create(e.b, e.loc, e.vector(shape.width), piece);
    x.push_back(piece);
  }
  return x;
}

void RowWriter::store(ArrayRef<Value> x, Value tensor, Value start) {
  store(x, e.pointer(tensor),
        cast<RankedTensorType>(tensor.getType()).getElementType(), start);
}

void RowWriter::store(ArrayRef<Value> x, Value base, Type element,
                      Value start) {
  VectorType type = e.vector(shape.width, element);
  for (int64_t i = 0; i < shape.pieces; ++i) {
    auto own = [&] {
      Value piece = x[i];
      if (piece.getType() != type)
        piece = isa<FloatType>(element)
                    ? Value(arith::TruncFOp::create(e.b, e.loc, type, piece))
                    : Value(arith::TruncIOp::create(e.b, e.loc, type, piece));
      e.storeWide(piece, base, e.add(start, channel(i)));
    };
    if (Value there = isThere(i))
      e.branch(there, own);
    else
      own();
  }
}

RowWriter::Pieces RowWriter::rounded(ArrayRef<Value> x, Value tensor) {
  Type element = cast<RankedTensorType>(tensor.getType()).getElementType();
  Pieces result(x);
  if (element.isF16() || element.isBF16())
    for (Value &piece : result) {
      piece = arith::TruncFOp::create(e.b, e.loc,
                                      e.vector(shape.width, element), piece);
      piece = arith::ExtFOp::create(e.b, e.loc, e.vector(shape.width), piece);
    }
  return result;
}

Value RowWriter::all(Value scalar) {
  return vector::BroadcastOp::create(
      e.b, e.loc, e.vector(shape.width, scalar.getType()), scalar);
}

Value RowWriter::ofThread(ArrayRef<Value> x, double behind,
                          Emitter::Join join) {
  Value sum;
  for (int64_t i = 0; i < shape.pieces; ++i) {
    Value piece = x[i];
    if (Value there = isThere(i); there && behind != 0)
      piece = m.select(there, piece, m.real(behind, piece.getType()));
    for (int64_t j = 0; j < shape.width; ++j) {
      Value one = e.element(piece, j);
      sum = sum ? join(sum, one) : one;
    }
  }
  return sum;
}

Value RowWriter::squares(ArrayRef<Value> x) {
  Value sum = e.constant(0.0, e.f32());
  for (Value piece : x)
    for (int64_t j = 0; j < shape.width; ++j) {
      Value one = e.element(piece, j);
      sum = m.fma(one, one, sum);
    }
  return e.joinBlock(sum, [&](Value a, Value b) { return m.add(a, b); });
}

} // namespace qopt::cuda
