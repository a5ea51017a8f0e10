// Arguments and results of kernels in memory.

#include <cmath>

#include "qopt/dialects/kernel/Packing.h"
#include "qopt/test/support/qopt-kernel-bench/Bench.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using qopt::interpreter::Tensor;

namespace qopt::bench {

int64_t bytesOf(Type element) {
  return (element.getIntOrFloatBitWidth() + 7) / 8;
}

int64_t alignedBytes(kernel::LayoutAttr layout, RankedTensorType type) {
  return llvm::alignTo(layout.bytesOf(type), 64);
}

static double round(double value, Type element) {
  bool lost;
  APFloat rounded(value);
  rounded.convert(cast<FloatType>(element).getFloatSemantics(),
                  APFloat::rmNearestTiesToEven, &lost);
  rounded.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
  return rounded.convertToDouble();
}

static uint64_t bitsOf(const Tensor &tensor, int64_t i, Type element) {
  if (tensor.data.empty())
    return tensor.integers[i];
  bool lost;
  APFloat number(tensor.data[i]);
  number.convert(cast<FloatType>(element).getFloatSemantics(),
                 APFloat::rmNearestTiesToEven, &lost);
  return number.bitcastToAPInt().getZExtValue();
}

static double get(const char *at, Type element) {
  uint64_t bits = 0;
  std::memcpy(&bits, at, bytesOf(element));
  bool lost;
  APFloat number(cast<FloatType>(element).getFloatSemantics(),
                 APInt(element.getIntOrFloatBitWidth(), bits));
  number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
  return number.convertToDouble();
}

Tensor randomArgument(int index, RankedTensorType type, ArrayRef<int64_t> shape,
                      kernel::LayoutAttr layout) {
  Type element = type.getElementType();
  std::string name = "argument" + std::to_string(index);
  Tensor tensor = interpreter::randomTensor(type, name, 1, shape);
  for (double &value : tensor.data)
    value = round(value, element);
  if (!element.isInteger(8))
    return tensor;
  // Codes: all that the bits can say, -128 among them.
  int64_t bits = layout.getBits() ? layout.getBits() : 8;
  int64_t offset = layout.getBits() ? layout.getOffset() : 128;
  int64_t count = bits == 2 && offset == 1 ? 3 : 1 << bits;
  // A zero of few bits is one of its codes.
  if (layout.getPanel() > 0 && layout.getBits() == 0)
    count = 4, offset = 2;
  uint64_t state = index + 1;
  for (int64_t &code : tensor.integers) {
    state = state * 6364136223846793005 + 1442695040888963407;
    code = int64_t((state >> 33) % count) - offset;
  }
  // Sums are largest where all codes are the least or the most.
  int64_t row = shape.size() == 2 ? shape[1] : 0;
  if (row > 0 && shape[0] > 2) {
    std::fill_n(tensor.integers.begin() + row, row, -offset);
    std::fill_n(tensor.integers.begin() + 2 * row, row, count - 1 - offset);
  }
  return tensor;
}

static Buffer pack(const Tensor &tensor, kernel::LayoutAttr layout) {
  int64_t N = tensor.shape[0], C = tensor.shape[1];
  kernel::Packing packing(layout, C);
  Buffer buffer(packing.bytes(N));
  std::memset(buffer.data, 0, packing.bytes(N));
  std::vector<int8_t> codes(tensor.integers.begin(), tensor.integers.end());
  auto *panel = reinterpret_cast<uint8_t *>(buffer.data);
  for (int64_t row = 0; row < N; row += packing.panelRows()) {
    int64_t rows = std::min(packing.panelRows(), N - row);
    packing.pack(codes.data() + row * C, rows, panel);
    std::vector<int8_t> back(rows * C);
    packing.unpack(panel, rows, back.data());
    if (std::memcmp(back.data(), codes.data() + row * C, back.size()) != 0)
      llvm::report_fatal_error("packed codes do not unpack");
    panel += packing.panelBytes();
  }
  return buffer;
}

Buffer lay(const Tensor &tensor, RankedTensorType type,
           kernel::LayoutAttr layout) {
  if (layout.getBits())
    return pack(tensor, layout);
  Type element = type.getElementType();
  int64_t bytes = bytesOf(element);
  int64_t n = tensor.data.size() + tensor.integers.size();
  auto put = [&](char *at, int64_t i) {
    uint64_t bits = bitsOf(tensor, i, element);
    std::memcpy(at, &bits, bytes);
  };
  int64_t panel = layout.getPanel();
  if (panel == 0) {
    Buffer buffer(n * bytes);
    for (int64_t i = 0; i < n; ++i)
      put(buffer.data + i * bytes, i);
    return buffer;
  }
  int64_t N = tensor.shape[0], C = N ? n / N : 0;
  Buffer buffer(llvm::alignTo(N, panel) * C * bytes);
  std::memset(buffer.data, 0, llvm::alignTo(N, panel) * C * bytes);
  for (int64_t i = 0; i < n; ++i) {
    int64_t row = i / C,
            place = (row / panel * C + i % C) * panel + row % panel;
    put(buffer.data + place * bytes, i);
  }
  return buffer;
}

int64_t bytesOf(const Tensor &tensor, Type element, kernel::LayoutAttr layout) {
  if (layout.getPanel() > 0)
    return layout.bytesOf(RankedTensorType::get(tensor.shape, element));
  return (tensor.data.size() + tensor.integers.size()) * bytesOf(element);
}

double errorOf(const Tensor &want, const char *got, Type element,
               kernel::LayoutAttr layout) {
  if (layout.getPanel() > 0) {
    auto type = RankedTensorType::get(want.shape, element);
    Buffer laid = lay(want, type, layout);
    bool equal = std::memcmp(laid.data, got, layout.bytesOf(type)) == 0;
    std::free(laid.data);
    return equal ? 0 : INFINITY;
  }
  for (size_t i = 0; i < want.integers.size(); ++i) {
    int64_t value = 0, bytes = bytesOf(element);
    std::memcpy(&value, got + i * bytes, bytes);
    uint64_t mask = ~0ull >> (64 - 8 * bytes);
    if ((uint64_t(value) & mask) != (uint64_t(want.integers[i]) & mask))
      return INFINITY;
  }
  double worst = 0, largest = 1;
  for (size_t i = 0; i < want.data.size(); ++i) {
    double w = want.data[i], g = get(got + i * bytesOf(element), element);
    if (std::isnan(w) != std::isnan(g))
      return INFINITY;
    if (std::isnan(w) || w == g)
      continue;
    worst = std::max(worst, std::abs(w - g));
    if (std::isfinite(w))
      largest = std::max(largest, std::abs(w));
  }
  return worst / largest;
}

} // namespace qopt::bench
