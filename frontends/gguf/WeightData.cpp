// Dequantizes a model part by part: a weight is written as soon as some of its
// rows are known, and neither file is ever in memory as a whole.

#include "qopt/frontends/gguf/WeightData.h"

#include "qopt/dialects/nn/WeightFile.h"
#include "qopt/frontends/gguf/BlockTypes.h"
#include "llvm/Support/MathExtras.h"

namespace qopt::gguf {

static_assert(llvm::endianness::native == llvm::endianness::little,
              "ONNX's data is little endian, and written as it lies in memory");

/// What is decoded before it is written.
static constexpr uint64_t partBytes = 64 << 20;

std::vector<uint64_t> dataOffsets(const Llama &llama) {
  std::vector<uint64_t> offsets;
  uint64_t end = 0;
  for (const Parameter &parameter : llama.parameters) {
    offsets.push_back(llvm::alignTo(end, dataAlignment));
    end = offsets.back() + parameter.bytes();
  }
  return offsets;
}

/// The row of the tensor that row `row` of the parameter is, see Llama.cpp.
static uint64_t sourceRow(const Parameter &parameter, uint64_t row,
                          uint64_t rows) {
  if (!parameter.ropeHeads)
    return row;
  uint64_t size = rows / parameter.ropeHeads, half = size / 2;
  uint64_t head = row / size, within = row % size;
  return head * size + within % half * 2 + within / half;
}

/// Decodes the blocks of a row from `first` to `last`.
static void decode(const Tensor &tensor, uint64_t row, uint64_t first,
                   uint64_t last, float *numbers) {
  const BlockType &type = *tensor.type;
  uint64_t perRow = tensor.columns() / type.elements;
  const uint8_t *block =
      tensor.bytes.bytes_begin() + (row * perRow + first) * type.bytes;
  for (uint64_t i = first; i < last; ++i) {
    type.decode(block, numbers);
    block += type.bytes;
    numbers += type.elements;
  }
}

static void write(llvm::raw_fd_ostream &out, llvm::ArrayRef<float> numbers) {
  out.write(reinterpret_cast<const char *>(numbers.data()),
            numbers.size() * sizeof(float));
}

/// [C], its elements in the order of the rows that they belong to.
static void writeVector(const Parameter &parameter, llvm::raw_fd_ostream &out) {
  const Tensor &tensor = *parameter.tensor;
  uint64_t C = tensor.columns();
  std::vector<float> stored(C), ordered(C);
  decode(tensor, 0, 0, C / tensor.type->elements, stored.data());
  for (uint64_t i = 0; i < C; ++i)
    ordered[i] = stored[sourceRow(parameter, i, C)];
  write(out, ordered);
}

/// [N, C] as it lies.
static void writeRows(const Tensor &tensor, llvm::raw_fd_ostream &out) {
  uint64_t blocks = tensor.columns() / tensor.type->elements;
  std::vector<float> numbers(tensor.columns());
  for (uint64_t row = 0; row < tensor.rows() && !out.has_error(); ++row) {
    decode(tensor, row, 0, blocks, numbers.data());
    write(out, numbers);
  }
}

/// [N, C] as [C, N]: some columns of all rows are decoded, then written.
static void writeColumns(const Parameter &parameter,
                         llvm::raw_fd_ostream &out) {
  constexpr uint64_t tile = 16; // rows: a cache line of what is written
  const Tensor &tensor = *parameter.tensor;
  uint64_t N = tensor.rows(), C = tensor.columns();
  uint64_t E = tensor.type->elements;
  uint64_t width = std::max<uint64_t>(partBytes / (N * sizeof(float)), 1);
  if (width > E)
    width = width / E * E;
  width = std::min(width, C);
  std::vector<float> part(width * N); // [width, N]
  std::vector<float> rows(tile * llvm::alignTo(width + E, E));
  for (uint64_t c0 = 0; c0 < C && !out.has_error(); c0 += width) {
    uint64_t c1 = std::min(c0 + width, C);
    uint64_t first = c0 / E, last = llvm::divideCeil(c1, E);
    uint64_t stride = (last - first) * E;
    for (uint64_t n0 = 0; n0 < N; n0 += tile) {
      uint64_t n1 = std::min(n0 + tile, N);
      for (uint64_t n = n0; n < n1; ++n)
        decode(tensor, sourceRow(parameter, n, N), first, last,
               &rows[(n - n0) * stride]);
      for (uint64_t c = c0; c < c1; ++c)
        for (uint64_t n = n0; n < n1; ++n)
          part[(c - c0) * N + n] = rows[(n - n0) * stride + c - first * E];
    }
    write(out, llvm::ArrayRef(part).take_front((c1 - c0) * N));
  }
}

void writeData(const Llama &llama, llvm::raw_fd_ostream &out) {
  std::vector<uint64_t> offsets = dataOffsets(llama);
  for (auto [parameter, offset] : llvm::zip_equal(llama.parameters, offsets)) {
    if (out.has_error())
      return;
    out.write_zeros(unsigned(offset - out.tell()));
    if (parameter.shape().size() == 1)
      writeVector(parameter, out);
    else if (parameter.transposed)
      writeColumns(parameter, out);
    else
      writeRows(*parameter.tensor, out);
    llvm::StringRef bytes = parameter.tensor->bytes;
    nn::WeightFiles::forget({bytes.data(), bytes.size()});
  }
}

} // namespace qopt::gguf
