// Evaluates weights: moves elements where a chain only moves them, and asks the
// interpreter otherwise.

#include "qopt/codegen/link/Weights.h"

#include <cstring>

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/Matchers.h"
#include "qopt/codegen/link/Evaluate.h"
#include "qopt/dialects/nn/Nn.h"

using namespace mlir;

namespace qopt::link {

namespace {

/// A tensor that lies somewhere with a stride, in bytes, for each axis.
struct View {
  ArrayRef<char> source; ///< what may be forgotten when it has been read
  const char *data;
  SmallVector<int64_t> shape, strides;
};

/// Follows a chain that only moves elements.
class Mover {
public:
  Mover(ModuleOp program, nn::WeightFiles &files)
      : symbols(program), files(files) {}

  /// The pieces of a value, one behind the other along the first axis; none if
  /// the chain computes something.
  FailureOr<SmallVector<View>> pieces(Value value);

private:
  FailureOr<SmallVector<View>> global(ml_program::GlobalLoadOp load);

  SymbolTable symbols;
  nn::WeightFiles &files;
};

} // namespace

static SmallVector<int64_t> rowMajor(RankedTensorType type) {
  SmallVector<int64_t> strides(type.getRank());
  int64_t stride = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  for (int64_t axis = type.getRank(); axis-- > 0;) {
    strides[axis] = stride;
    stride *= type.getDimSize(axis);
  }
  return strides;
}

FailureOr<SmallVector<View>> Mover::global(ml_program::GlobalLoadOp load) {
  auto global =
      symbols.lookup<ml_program::GlobalOp>(load.getGlobal().getLeafReference());
  auto weight = dyn_cast_or_null<nn::WeightAttr>(global.getValueAttr());
  if (!weight)
    return SmallVector<View>();
  auto type = cast<RankedTensorType>(load.getType());
  FailureOr<ArrayRef<char>> bytes = files.find(weight, global.getLoc());
  if (failed(bytes))
    return failure();
  return SmallVector<View>{{*bytes, bytes->data(),
                            SmallVector<int64_t>(type.getShape()),
                            rowMajor(type)}};
}

FailureOr<SmallVector<View>> Mover::pieces(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto load = dyn_cast<ml_program::GlobalLoadOp>(op))
    return global(load);
  if (auto transpose = dyn_cast<nn::TransposeOp>(op)) {
    auto input = pieces(transpose.getInput());
    if (failed(input) || input->size() != 1)
      return failed(input) ? input : SmallVector<View>();
    View moved = input->front();
    for (auto [to, from] : llvm::enumerate(transpose.getPermutation())) {
      moved.shape[to] = input->front().shape[from];
      moved.strides[to] = input->front().strides[from];
    }
    return SmallVector<View>{moved};
  }
  if (auto concat = dyn_cast<nn::ConcatOp>(op);
      concat && concat.getAxis() == 0) {
    SmallVector<View> all;
    for (Value input : concat.getInputs()) {
      auto some = pieces(input);
      if (failed(some) || some->empty())
        return some;
      all.append(*some);
    }
    return all;
  }
  return SmallVector<View>();
}

/// Copies row `row` of the concatenation, every `stride`-th place of `to`.
template <typename Word>
static void copyRows(ArrayRef<View> views, int64_t row, int64_t rows,
                     int64_t stride, char *to) {
  for (const View &view : views) {
    int64_t own = view.shape[0];
    for (; row < own && rows > 0; ++row, --rows, to += sizeof(Word)) {
      const char *from = view.data + row * view.strides[0];
      char *place = to;
      for (int64_t c = 0, size = view.shape[1]; c < size; ++c) {
        std::memcpy(place, from, sizeof(Word));
        from += view.strides[1];
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
  int64_t rows = 0, columns = views.front().shape[1];
  for (const View &view : views)
    rows += view.shape[0];
  std::vector<char> buffer(panel * columns * bytes);
  for (int64_t row = 0; row < rows; row += panel) {
    int64_t own = std::min(panel, rows - row);
    if (own < panel)
      std::fill(buffer.begin(), buffer.end(), 0);
    if (bytes == 4)
      copyRows<uint32_t>(views, row, own, panel, buffer.data());
    else
      copyRows<uint16_t>(views, row, own, panel, buffer.data());
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

/// One weight, without the gap behind it.
static LogicalResult writeWeight(kernel::WeightOp weight, ModuleOp program,
                                 Mover &mover, nn::WeightFiles &files,
                                 Sink sink) {
  RankedTensorType type = weight.getResultType();
  int64_t bytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  int64_t panel = weight.getLayout().getPanel();
  Value value = weight.getBody().front().getTerminator()->getOperand(0);
  auto views = mover.pieces(value);
  if (failed(views))
    return failure();
  bool moves =
      !views->empty() &&
      (panel > 0 ? bytes == 4 || bytes == 2 : llvm::all_of(*views, [&](View v) {
        return isRowMajor(v, bytes);
      }));
  std::vector<char> evaluated;
  if (!moves) {
    if (failed(evaluate(weight, program, files, evaluated)))
      return failure();
    *views = {View{{},
                   evaluated.data(),
                   SmallVector<int64_t>(type.getShape()),
                   rowMajor(type)}};
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

int64_t weightBytes(ModuleOp program) {
  int64_t end = 0;
  for (auto weight : program.getOps<kernel::WeightOp>())
    end = std::max<int64_t>(end, weight.getOffset() + weight.getBytes());
  return end;
}

LogicalResult writeWeights(ModuleOp program, nn::WeightFiles &files,
                           Sink sink) {
  auto weights = llvm::to_vector(program.getOps<kernel::WeightOp>());
  llvm::sort(weights, [](kernel::WeightOp a, kernel::WeightOp b) {
    return a.getOffset() < b.getOffset();
  });
  Mover mover(program, files);
  int64_t position = 0;
  for (kernel::WeightOp weight : weights) {
    if (int64_t(weight.getOffset()) < position)
      return weight.emitError("overlaps the weight before it");
    std::vector<char> gap(weight.getOffset() - position);
    if (failed(sink(gap)) ||
        failed(writeWeight(weight, program, mover, files, sink)))
      return failure();
    position = weight.getOffset() + weight.getBytes();
  }
  return success();
}

} // namespace qopt::link
