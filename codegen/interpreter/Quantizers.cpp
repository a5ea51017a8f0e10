// The meaning of quantizing, dequantizing, packing and rotating.

#include <cmath>

#include "qopt/codegen/interpreter/Elements.h"
#include "qopt/dialects/lowbit/Hadamard.h"
#include "qopt/dialects/lowbit/Quantizer.h"

using namespace mlir;

namespace qopt::interpreter {

using lowbit::Grid;
using lowbit::SchemeAttr;

namespace {

/// A tensor in the sets that share a scale.
struct Sets {
  Sets(SchemeAttr scheme, ArrayRef<int64_t> shape)
      : shape(scheme.getScaleShape(shape)) {
    int64_t elements = ShapedType::getNumElements(shape);
    size = scheme.getPer() == lowbit::Granularity::tensor
               ? elements
               : scheme.getGroupSize(shape.back());
    count = size ? elements / size : 0;
  }
  Shape shape;   ///< of scales
  int64_t size;  ///< elements that share a scale
  int64_t count; ///< of sets
};

/// Codes, scales and zeros.
struct Quantized {
  Tensor codes, scales, zeros;
};

} // namespace

static FailureOr<Quantized> quantize(Operation *op, SchemeAttr scheme,
                                     const Tensor &x) {
  Sets sets(scheme, x.shape);
  Quantized q{Tensor::ofIntegers(x.shape), Tensor(sets.shape),
              Tensor::ofIntegers(sets.shape)};
  std::vector<float> set(sets.size);
  for (int64_t s = 0; s < sets.count; ++s) {
    for (int64_t i = 0; i < sets.size; ++i) {
      set[i] = float(x.data[s * sets.size + i]);
      if (!std::isfinite(set[i]))
        return op->emitOpError("expects finite numbers, got ") << set[i];
    }
    Grid grid = lowbit::fitGrid(scheme, set);
    q.scales.data[s] = grid.scale;
    q.zeros.integers[s] = grid.zero;
    for (int64_t i = 0; i < sets.size; ++i)
      q.codes.integers[s * sets.size + i] = lowbit::codeOf(set[i], grid);
  }
  return q;
}

/// The numbers that codes mean; `zeros` may be null.
static Tensor dequantize(SchemeAttr scheme, const Tensor &codes,
                         const Tensor &scales, const Tensor *zeros) {
  Sets sets(scheme, codes.shape);
  Tensor y(codes.shape);
  for (int64_t s = 0; s < sets.count; ++s) {
    Grid grid;
    grid.scale = float(scales.data[s]);
    grid.zero = zeros ? int(zeros->integers[s]) : 0;
    for (int64_t i = s * sets.size; i < (s + 1) * sets.size; ++i)
      y.data[i] = lowbit::valueOf(int8_t(codes.integers[i]), grid);
  }
  return y;
}

static LogicalResult evalQuantize(lowbit::QuantizeOp op, Frame &frame) {
  auto q = quantize(op, op.getScheme(), frame[op.getInput()]);
  if (failed(q))
    return failure();
  frame.set(op.getCodes(), std::move(q->codes));
  frame.set(op.getScales(), std::move(q->scales));
  if (op.getZeros())
    frame.set(op.getZeros(), std::move(q->zeros));
  return success();
}

static LogicalResult evalDequantize(lowbit::DequantizeOp op, Frame &frame) {
  frame.set(op.getResult(),
            dequantize(op.getScheme(), frame[op.getCodes()],
                       frame[op.getScales()],
                       op.getZeros() ? &frame[op.getZeros()] : nullptr));
  return success();
}

static LogicalResult evalFakeQuantize(lowbit::FakeQuantizeOp op, Frame &frame) {
  const Tensor &x = frame[op.getInput()];
  double lambda = 1;
  if (op.getLambda())
    lambda = std::min(std::max(frame[op.getLambda()].data[0], 0.0), 1.0);
  if (lambda == 0) {
    frame.set(op.getResult(), Tensor(x));
    return success();
  }
  auto q = quantize(op, op.getScheme(), x);
  if (failed(q))
    return failure();
  Tensor y = dequantize(op.getScheme(), q->codes, q->scales,
                        op.getScheme().hasZeros() ? &q->zeros : nullptr);
  if (lambda != 1)
    for (auto [value, input] : llvm::zip(y.data, x.data))
      value = input + lambda * (value - input);
  frame.set(op.getResult(), std::move(y));
  return success();
}

static LogicalResult evalPack(lowbit::PackOp op, Frame &frame) {
  const Tensor &codes = frame[op.getInput()]; // [N, C]
  Tensor bytes = Tensor::ofIntegers(op.getResult().getType().getShape());
  int64_t bits = op.getBits(), C = codes.shape[1], width = bytes.shape[1];
  for (int64_t n = 0; n < codes.shape[0]; ++n)
    for (int64_t at = 0; at < C * bits; ++at) {
      int64_t code = codes.integers[n * C + at / bits] + op.getOffset();
      bytes.integers[n * width + at / 8] |= (code >> at % bits & 1) << at % 8;
    }
  frame.set(op.getResult(), std::move(bytes));
  return success();
}

static LogicalResult evalUnpack(lowbit::UnpackOp op, Frame &frame) {
  const Tensor &bytes = frame[op.getInput()];
  Tensor codes = Tensor::ofIntegers(op.getResult().getType().getShape());
  int64_t bits = op.getBits(), C = codes.shape[1], width = bytes.shape[1];
  for (int64_t n = 0; n < codes.shape[0]; ++n)
    for (int64_t c = 0; c < C; ++c) {
      int64_t code = 0;
      for (int64_t bit = 0, at = c * bits; bit < bits; ++bit, ++at)
        code |= (bytes.integers[n * width + at / 8] >> at % 8 & 1) << bit;
      if (op.getIsSigned() && code >> (bits - 1))
        code -= int64_t(1) << bits;
      codes.integers[n * C + c] = code - op.getOffset();
    }
  frame.set(op.getResult(), std::move(codes));
  return success();
}

static LogicalResult evalHadamard(lowbit::HadamardOp op, Frame &frame) {
  Tensor y = frame[op.getInput()];
  ArrayRef<int64_t> shape = y.shape;
  int64_t size = shape[op.getAxis()], n = 1;
  for (int64_t order : op.getOrders())
    n *= order;
  int64_t inner =
      ShapedType::getNumElements(shape.drop_front(op.getAxis() + 1));
  std::vector<int8_t> signs;
  if (op.getSeed())
    signs = lowbit::hadamardSigns(*op.getSeed(), n);
  std::vector<double> block(n);
  int64_t blocks = n && size ? int64_t(y.data.size()) / n : 0;
  for (int64_t b = 0; b < blocks; ++b) {
    // Blocks along the axis, then what lies inside and outside of it.
    int64_t i = b % inner, rest = b / inner;
    int64_t first = rest * n * inner + i;
    for (int64_t k = 0; k < n; ++k)
      block[k] = y.data[first + k * inner];
    lowbit::rotate(block.data(), n, op.getOrders(), signs, op.getTransposed());
    for (int64_t k = 0; k < n; ++k)
      y.data[first + k * inner] = block[k];
  }
  frame.set(op.getResult(), std::move(y));
  return success();
}

void addQuantizers(Interpreter &interpreter) {
  interpreter.add(evalQuantize);
  interpreter.add(evalDequantize);
  interpreter.add(evalFakeQuantize);
  interpreter.add(evalPack);
  interpreter.add(evalUnpack);
  interpreter.add(evalHadamard);
}

} // namespace qopt::interpreter
