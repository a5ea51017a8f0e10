// Evaluates weights: moves elements where a chain only moves them, and asks the
// interpreter otherwise, a block of rows at a time where no op mixes them.
//
// A quantization gives codes, scales and zeros. It is computed once: codes go
// to the output as they come, the others wait for their turn, which is next.

#include "qopt/codegen/link/Weights.h"

#include <cmath>
#include <cstring>

#include "mlir/IR/Threading.h"
#include "qopt/codegen/link/Evaluate.h"
#include "qopt/codegen/link/Rows.h"
#include "qopt/dialects/kernel/Packing.h"
#include "qopt/dialects/lowbit/Lowbit.h"
#include "qopt/dialects/lowbit/Quantizer.h"
#include "qopt/passes/kernel/Variables.h"

using namespace mlir;
using qopt::interpreter::Tensor;

namespace qopt::link {

/// Copies row `row` of the concatenation, every `stride`-th place of `to`.
template <typename Word>
static void copyRows(ArrayRef<View> views, int64_t row, int64_t rows,
                     int64_t stride, char *to) {
  for (const View &view : views) {
    int64_t own = view.shape[0];
    for (; row < own && rows > 0; ++row, --rows, to += sizeof(Word)) {
      const char *from = view.data + row * view.strides[0];
      char *place = to;
      bool isMatrix = view.shape.size() > 1;
      for (int64_t c = 0, size = isMatrix ? view.shape[1] : 1; c < size; ++c) {
        std::memcpy(place, from, sizeof(Word));
        from += isMatrix ? view.strides[1] : 0;
        place += stride * sizeof(Word);
      }
    }
    row -= own;
    if (row < 0)
      row = 0;
  }
}

/// Panels of a matrix: `panel` rows interleaved, zeros behind the last one.
static LogicalResult writePanels(ArrayRef<View> views, int64_t panel,
                                 int64_t bytes, Sink sink) {
  int64_t rows = 0;
  ArrayRef<int64_t> shape = views.front().shape;
  int64_t columns = shape.size() > 1 ? shape[1] : 1;
  for (const View &view : views)
    rows += view.shape[0];
  std::vector<char> buffer(panel * columns * bytes);
  for (int64_t row = 0; row < rows; row += panel) {
    int64_t own = std::min(panel, rows - row);
    if (own < panel)
      std::fill(buffer.begin(), buffer.end(), 0);
    if (bytes == 4)
      copyRows<uint32_t>(views, row, own, panel, buffer.data());
    else if (bytes == 2)
      copyRows<uint16_t>(views, row, own, panel, buffer.data());
    else
      copyRows<uint8_t>(views, row, own, panel, buffer.data());
    if (failed(sink(buffer)))
      return failure();
  }
  return success();
}

static bool isRowMajor(const View &view, int64_t bytes) {
  for (int64_t axis = view.shape.size(); axis-- > 0;) {
    if (view.strides[axis] != bytes && view.shape[axis] != 1)
      return false;
    bytes *= view.shape[axis];
  }
  return true;
}

namespace {

/// Writes the weights of a program, one after the other.
class Writer {
public:
  Writer(ModuleOp program, nn::WeightFiles &files, Sink sink)
      : program(program), files(files), mover(program, files), sink(sink) {}

  /// One weight, without the gap behind it.
  LogicalResult write(kernel::WeightOp weight);

private:
  LogicalResult writeBytes(const std::vector<char> &bytes,
                           RankedTensorType type, kernel::LayoutAttr layout);
  LogicalResult writeBlocks(
      kernel::WeightOp weight, int64_t block,
      llvm::function_ref<LogicalResult(int64_t, int64_t, std::vector<char> &)>
          evaluate);
  LogicalResult writeCodes(kernel::WeightOp weight, lowbit::QuantizeOp op);
  LogicalResult writeRows(kernel::WeightOp weight, Value value);
  LogicalResult quantize(lowbit::QuantizeOp op, const lowbit::Grid *grid,
                         ArrayRef<float> x, int64_t from,
                         std::vector<int8_t> &codes);

  ModuleOp program;
  nn::WeightFiles &files;
  Mover mover;
  Sink sink;
  /// The last weight that is codes, and what came beside them.
  kernel::WeightOp last;
  std::vector<float> scales;
  std::vector<int8_t> zeros;
};

} // namespace

/// Whether two weights compute the same, whatever they return of it.
static bool sameChain(kernel::WeightOp one, kernel::WeightOp other) {
  auto ops = [](kernel::WeightOp weight) {
    return weight.getBody().front().without_terminator();
  };
  if (!llvm::hasNItems(ops(one), llvm::range_size(ops(other))))
    return false;
  DenseMap<Value, Value> counterparts;
  return llvm::all_of(llvm::zip(ops(one), ops(other)), [&](auto pair) {
    return OperationEquivalence::isEquivalentTo(
        &std::get<0>(pair), &std::get<1>(pair),
        [&](Value a, Value b) { return success(counterparts.lookup(a) == b); },
        [&](Value a, Value b) { counterparts[a] = b; },
        OperationEquivalence::IgnoreLocations);
  });
}

/// Codes of some rows as they lie in panels, or row by row.
static void layCodes(ArrayRef<int8_t> codes, int64_t columns,
                     kernel::LayoutAttr layout, std::vector<char> &bytes) {
  if (layout.getBits() == 0) {
    bytes.assign(codes.begin(), codes.end());
    return;
  }
  kernel::Packing packing(layout, columns);
  int64_t rows = columns ? int64_t(codes.size()) / columns : 0;
  bytes.assign(packing.bytes(rows), 0);
  auto *panel = reinterpret_cast<uint8_t *>(bytes.data());
  for (int64_t row = 0; row < rows; row += packing.panelRows()) {
    packing.pack(codes.data() + row * columns,
                 std::min(packing.panelRows(), rows - row), panel);
    panel += packing.panelBytes();
  }
}

/// Evaluates the rows of a weight, `block` at a time, several at once, and
/// writes them in order.
LogicalResult Writer::writeBlocks(
    kernel::WeightOp weight, int64_t block,
    function_ref<LogicalResult(int64_t, int64_t, std::vector<char> &)>
        evaluate) {
  int64_t rows = weight.getResultType().getDimSize(0);
  MLIRContext *context = weight.getContext();
  // Several a thread: none waits long for the others.
  int64_t atOnce = context->isMultithreadingEnabled()
                       ? std::max<int64_t>(1, 4 * context->getNumThreads())
                       : 1;
  std::vector<std::vector<char>> parts(atOnce);
  for (int64_t first = 0; first < rows; first += block * atOnce) {
    int64_t count =
        std::min(atOnce, int64_t(llvm::divideCeil(rows - first, block)));
    if (failed(failableParallelForEachN(context, 0, count, [&](size_t i) {
          int64_t from = first + int64_t(i) * block;
          return evaluate(from, std::min(block, rows - from), parts[i]);
        })))
      return failure();
    for (int64_t i = 0; i < count; ++i)
      if (failed(sink(parts[i])))
        return failure();
  }
  return success();
}

/// Codes, scales and zeros of whole sets that begin at element `from`; `grid`
/// is that of all elements, if they share one.
LogicalResult Writer::quantize(lowbit::QuantizeOp op, const lowbit::Grid *grid,
                               ArrayRef<float> x, int64_t from,
                               std::vector<int8_t> &codes) {
  int64_t columns = op.getInput().getType().getShape().back();
  int64_t size = grid ? std::max<int64_t>(1, x.size())
                      : op.getScheme().getGroupSize(columns);
  codes.resize(x.size());
  for (size_t first = 0; first < x.size(); first += size) {
    ArrayRef<float> set = x.slice(first, size);
    lowbit::Grid own = grid ? *grid : lowbit::fitGrid(op.getScheme(), set);
    if (!grid) {
      scales[(from + first) / size] = own.scale;
      zeros[(from + first) / size] = own.zero;
    }
    for (int64_t i = 0; i < size; ++i)
      codes[first + i] = lowbit::codeOf(set[i], own);
  }
  return success();
}

/// Some rows as f32; infinities and NaNs are errors.
static LogicalResult readFloats(Operation *op, const Rows &rows, int64_t from,
                                int64_t count, float *to) {
  FailureOr<Tensor> some = rows.get(from, count);
  if (failed(some))
    return failure();
  for (double x : some->data) {
    if (!std::isfinite(float(x)))
      return op->emitOpError("expects finite numbers, got ") << x;
    *to++ = float(x);
  }
  return success();
}

LogicalResult Writer::writeCodes(kernel::WeightOp weight,
                                 lowbit::QuantizeOp op) {
  RankedTensorType type = op.getInput().getType();
  auto rows = Rows::of(op.getInput(), program, files);
  if (failed(rows))
    return failure();
  int64_t N = type.getDimSize(0), C = N ? type.getNumElements() / N : 0;
  int64_t sets =
      ShapedType::getNumElements(op.getScheme().getScaleShape(type.getShape()));
  scales.assign(sets, 0);
  zeros.assign(sets, 0);
  last = weight;
  int64_t block = (*rows)->blockRows();
  bool isShared = op.getScheme().getPer() == lowbit::Granularity::tensor;
  lowbit::Grid grid;
  std::vector<float> all;
  if (isShared) {
    // One scale for all: they are read before the first code is known.
    all.resize(N * C);
    if (failed(failableParallelForEachN(
            op.getContext(), 0, llvm::divideCeil(N, block), [&](size_t i) {
              int64_t from = int64_t(i) * block;
              return readFloats(op, **rows, from, std::min(block, N - from),
                                all.data() + from * C);
            })))
      return failure();
    grid = lowbit::fitGrid(op.getScheme(), all);
    scales[0] = grid.scale;
    zeros[0] = grid.zero;
  }
  kernel::LayoutAttr layout = weight.getLayout();
  auto evaluate = [&](int64_t from, int64_t count, std::vector<char> &bytes) {
    std::vector<float> some;
    if (!isShared) {
      some.resize(count * C);
      if (failed(readFloats(op, **rows, from, count, some.data())))
        return failure();
    }
    ArrayRef<float> x = isShared
                            ? ArrayRef<float>(all).slice(from * C, count * C)
                            : ArrayRef<float>(some);
    std::vector<int8_t> codes;
    if (failed(quantize(op, isShared ? &grid : nullptr, x, from * C, codes)))
      return failure();
    layCodes(codes, C, layout, bytes);
    return success();
  };
  LogicalResult result = writeBlocks(weight, block, evaluate);
  (*rows)->forget();
  return result;
}

/// Any other chain: its rows, a block at a time.
LogicalResult Writer::writeRows(kernel::WeightOp weight, Value value) {
  auto rows = Rows::of(value, program, files);
  if (failed(rows))
    return failure();
  RankedTensorType type = weight.getResultType();
  kernel::LayoutAttr layout = weight.getLayout();
  int64_t N = type.getDimSize(0), C = N ? type.getNumElements() / N : 0;
  auto evaluate = [&](int64_t from, int64_t count, std::vector<char> &bytes) {
    FailureOr<Tensor> some = (*rows)->get(from, count);
    if (failed(some))
      return failure();
    if (layout.getBits() == 0) {
      store(*some, type.getElementType(), bytes);
      if (layout.getPanel() == 0)
        return success();
      std::vector<char> flat = std::move(bytes);
      bytes.clear();
      int64_t size = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
      auto own = RankedTensorType::get({count, C}, type.getElementType());
      View view{{}, flat.data(), {count, C}, rowMajor(own)};
      return writePanels(view, layout.getPanel(), size, [&](ArrayRef<char> x) {
        bytes.insert(bytes.end(), x.begin(), x.end());
        return success();
      });
    }
    std::vector<int8_t> codes(some->integers.begin(), some->integers.end());
    layCodes(codes, C, layout, bytes);
    return success();
  };
  LogicalResult result = writeBlocks(weight, (*rows)->blockRows(), evaluate);
  (*rows)->forget();
  return result;
}

/// A tensor that lies row-major in memory.
LogicalResult Writer::writeBytes(const std::vector<char> &bytes,
                                 RankedTensorType type,
                                 kernel::LayoutAttr layout) {
  int64_t size = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  if (layout.getPanel() == 0)
    return sink(bytes);
  View view{
      {}, bytes.data(), SmallVector<int64_t>(type.getShape()), rowMajor(type)};
  return writePanels(view, layout.getPanel(), size, sink);
}

LogicalResult Writer::write(kernel::WeightOp weight) {
  RankedTensorType type = weight.getResultType();
  int64_t bytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  kernel::LayoutAttr layout = weight.getLayout();
  int64_t panel = layout.getPanel();
  Value value = weight.getBody().front().getTerminator()->getOperand(0);

  if (auto quantize = value.getDefiningOp<lowbit::QuantizeOp>()) {
    if (value == quantize.getCodes())
      return writeCodes(weight, quantize);
    if (last && sameChain(last, weight)) {
      std::vector<char> found;
      if (value == quantize.getZeros()) {
        found.assign(zeros.begin(), zeros.end());
      } else {
        Tensor tensor(quantize.getScales().getType().getShape());
        tensor.data.assign(scales.begin(), scales.end());
        store(tensor, type.getElementType(), found);
      }
      return writeBytes(found, type, layout);
    }
  }
  auto views = mover.pieces(value);
  if (failed(views))
    return failure();
  bool moves = !views->empty() && layout.getBits() == 0 &&
               (panel > 0 ? bytes == 4 || bytes == 2 || bytes == 1
                          : llvm::all_of(*views, [&](View v) {
                              return isRowMajor(v, bytes);
                            }));
  if (!moves && type.getRank() >= 1 && type.getNumElements() > 0)
    return writeRows(weight, value);
  if (!moves) {
    std::vector<char> evaluated;
    if (failed(evaluate(weight, program, files, evaluated)))
      return failure();
    return writeBytes(evaluated, type, layout);
  }
  if (panel > 0 && failed(writePanels(*views, panel, bytes, sink)))
    return failure();
  for (const View &view : *views) {
    int64_t size = bytes * ShapedType::getNumElements(view.shape);
    if (panel == 0 && failed(sink({view.data, size_t(size)})))
      return failure();
    nn::WeightFiles::forget(view.source);
  }
  return success();
}

/// Writes weights, which lie behind one another.
static LogicalResult writeAll(ModuleOp program,
                              ArrayRef<kernel::WeightOp> weights,
                              nn::WeightFiles &files, Sink sink) {
  Writer writer(program, files, sink);
  int64_t position = 0;
  for (kernel::WeightOp weight : weights) {
    if (int64_t(weight.getOffset()) < position)
      return weight.emitError("overlaps the weight before it");
    std::vector<char> gap(weight.getOffset() - position);
    if (failed(sink(gap)) || failed(writer.write(weight)))
      return failure();
    position = weight.getOffset() + weight.getBytes();
  }
  return success();
}

LogicalResult writeWeights(ModuleOp program, nn::WeightFiles &files,
                           Sink sink) {
  auto weights = llvm::to_vector(program.getOps<kernel::WeightOp>());
  llvm::sort(weights, [](kernel::WeightOp a, kernel::WeightOp b) {
    return a.getOffset() < b.getOffset();
  });
  return writeAll(program, weights, files, sink);
}

LogicalResult writeVariables(ModuleOp program, nn::WeightFiles &files,
                             Sink sink) {
  Variables variables = Variables::of(program);
  OpBuilder b(program.getBodyRegion());
  auto rowMajor = kernel::LayoutAttr::get(program.getContext(), 0);
  // For a moment each is a weight that nothing changes.
  SmallVector<kernel::WeightOp> weights;
  for (ml_program::GlobalOp global : variables.globals) {
    if (Variables::offsetOf(global) >= variables.initialBytes)
      break;
    b.setInsertionPointToEnd(program.getBody());
    auto weight = kernel::WeightOp::create(
        b, global.getLoc(), (global.getSymName() + ".initial").str(), rowMajor,
        Variables::offsetOf(global));
    b.createBlock(&weight.getBody());
    Value value = ml_program::GlobalLoadOp::create(
        b, global.getLoc(), global.getType(),
        FlatSymbolRefAttr::get(global.getSymNameAttr()));
    kernel::ReturnOp::create(b, global.getLoc(), value);
    weights.push_back(weight);
  }
  LogicalResult result = writeAll(program, weights, files, sink);
  if (succeeded(result) && !weights.empty()) {
    int64_t end = weights.back().getOffset() + weights.back().getBytes();
    result = sink(std::vector<char>(variables.initialBytes - end));
  }
  for (kernel::WeightOp weight : weights)
    weight.erase();
  return result;
}

} // namespace qopt::link
