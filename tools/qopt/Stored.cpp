// Compares the numbers that a model's file holds with what they stand for.
//
// It reads what was written: codes out of their packed layout, scales and zeros
// beside them. So a wrong layout is seen too, and not only rounding.

#include <cmath>

#include "qopt/codegen/link/Rows.h"
#include "qopt/dialects/kernel/Packing.h"
#include "qopt/dialects/lowbit/Lowbit.h"
#include "qopt/runtime/abi.h"
#include "qopt/tools/qopt/Tensors.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;

namespace qopt::driver {

/// Rows of a tensor that are looked at.
static constexpr int64_t mostRows = 256;

namespace {
/// What one quantization gives, as it lies in the file.
struct Stored {
  lowbit::QuantizeOp quantize;
  kernel::WeightOp codes, scales, zeros; ///< no zeros if there are none
};

/// The weights in the file.
class Reader {
public:
  Reader(StringRef weights, ModuleOp kernels, nn::WeightFiles &files)
      : weights(weights), kernels(kernels), files(files) {}
  std::optional<double> decibels(const Stored &stored);

private:
  const uint8_t *at(kernel::WeightOp weight, int64_t bytes);
  double numberOf(kernel::WeightOp weight, int64_t row, int64_t column,
                  int64_t columns);

  StringRef weights;
  ModuleOp kernels;
  nn::WeightFiles &files;
};
} // namespace

const uint8_t *Reader::at(kernel::WeightOp weight, int64_t bytes) {
  return reinterpret_cast<const uint8_t *>(weights.data()) +
         weight.getOffset() + bytes;
}

/// An element of scales or zeros [rows, columns] in panels.
double Reader::numberOf(kernel::WeightOp weight, int64_t row, int64_t column,
                        int64_t columns) {
  int64_t panel = weight.getLayout().getPanel();
  int64_t index = panel ? (row / panel * columns + column) * panel + row % panel
                        : row * columns + column;
  Type type = weight.getResultType().getElementType();
  double number;
  link::decodeRow(
      reinterpret_cast<const char *>(at(
          weight, index * llvm::divideCeil(type.getIntOrFloatBitWidth(), 8))),
      0, 1, type, &number);
  return number;
}

std::optional<double> Reader::decibels(const Stored &stored) {
  lowbit::QuantizeOp op = stored.quantize;
  lowbit::SchemeAttr scheme = op.getScheme();
  kernel::LayoutAttr layout = kernel::WeightOp(stored.codes).getLayout();
  RankedTensorType type = op.getInput().getType();
  if (layout.getBits() == 0 || type.getRank() != 2)
    return std::nullopt;
  auto rows = link::Rows::of(op.getInput(), kernels, files);
  if (failed(rows))
    return std::nullopt;
  int64_t N = type.getDimSize(0), C = type.getDimSize(1);
  kernel::Packing packing(layout, C);
  bool isShared = scheme.getPer() == lowbit::Granularity::tensor;
  int64_t size = scheme.getGroupSize(C),
          groups = C / std::max<int64_t>(1, size);
  // Whole panels, evenly spread.
  int64_t height = packing.panelRows(), panels = packing.panels(N);
  int64_t looked = std::min(panels, std::max<int64_t>(1, mostRows / height));
  (*rows)->prepareBlocks(std::min(height, N));
  (*rows)->prepareBlocks(N % height);
  std::vector<int8_t> codes(height * C);
  double signal = 0, noise = 0;
  for (int64_t i = 0; i < looked; ++i) {
    int64_t panel = i * panels / looked, first = panel * height;
    int64_t count = std::min(height, N - first);
    auto source = (*rows)->get(first, count);
    if (failed(source))
      return std::nullopt;
    packing.unpack(at(stored.codes, panel * packing.panelBytes()), count,
                   codes.data());
    for (int64_t row = 0; row < count; ++row)
      for (int64_t group = 0; group < groups; ++group) {
        int64_t scaleRow = isShared ? 0 : first + row;
        double scale = numberOf(stored.scales, scaleRow, group, groups);
        double zero =
            stored.zeros ? numberOf(stored.zeros, scaleRow, group, groups) : 0;
        for (int64_t c = group * size; c < (group + 1) * size; ++c) {
          double x = source->data[row * C + c];
          double error = x - (codes[row * C + c] - zero) * scale;
          signal += x * x;
          noise += error * error;
        }
      }
  }
  (*rows)->forget();
  if (signal == 0)
    return std::nullopt;
  return 10 * std::log10(signal / std::max(noise, signal * 1e-30));
}

/// Weights that one quantization gives, by the parameter.
static llvm::MapVector<TensorReport *, Stored>
collectStored(std::vector<TensorReport> &tensors, ModuleOp kernels) {
  llvm::MapVector<TensorReport *, Stored> found;
  auto owners = ownersOf(kernels, tensors);
  for (auto weight : kernels.getOps<kernel::WeightOp>()) {
    Value value = weight.getBody().front().getTerminator()->getOperand(0);
    auto quantize = value.getDefiningOp<lowbit::QuantizeOp>();
    TensorReport *owner = owners.lookup(weight);
    if (!quantize || !owner)
      continue;
    Stored &stored = found[owner];
    if (value == quantize.getCodes()) {
      stored.quantize = quantize;
      stored.codes = weight;
    } else {
      (value == quantize.getScales() ? stored.scales : stored.zeros) = weight;
    }
  }
  return found;
}

void measureStored(std::vector<TensorReport> &tensors, ModuleOp kernels,
                   nn::WeightFiles &files, StringRef path) {
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false);
  qopt_footer footer;
  if (!file || (*file)->getBufferSize() < sizeof footer)
    return;
  StringRef bytes = (*file)->getBuffer();
  std::memcpy(&footer, bytes.end() - sizeof footer, sizeof footer);
  if (footer.weights_offset > bytes.size() ||
      footer.weights_bytes > bytes.size() - footer.weights_offset)
    return;
  Reader reader(bytes.substr(footer.weights_offset, footer.weights_bytes),
                kernels, files);
  for (auto &[tensor, stored] : collectStored(tensors, kernels))
    if (stored.codes && stored.scales)
      tensor->sqnr = reader.decibels(stored);
}

} // namespace qopt::driver
