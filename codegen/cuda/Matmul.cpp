// Products of matrices with an elementwise epilogue, on the GPU: a linear layer
// by numbers, its gradients, that of a layer of codes, nn.matmul.
//
//   many rows: bound by the multiply units
//     for every batch, every tile of rows x columns:    a block
//       y = epilogue(sum over k + bias)
//
//   few rows of a weight in panels: bound by reading it, see LinearGemv.cpp
//
// A tile is made by matrix instructions (MatrixTile.h), of f16 or bf16 if both
// operands are, else of f32 in parts; by multiply-adds (Tile.h) where there are
// less terms or columns than an instruction takes. The operands are read where
// they lie, turned or packed: an element of them is what tile/Element.h says.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/cuda/Epilogue.h"
#include "qopt/codegen/cuda/Families.h"
#include "qopt/codegen/cuda/LinearGemv.h"
#include "qopt/codegen/cuda/MatrixTile.h"
#include "qopt/codegen/cuda/Tile.h"
#include "qopt/codegen/cuda/Turns.h"
#include "qopt/codegen/tile/Element.h"
#include "qopt/codegen/tile/Elementwise.h"
#include "qopt/codegen/tile/Math.h"
#include "qopt/codegen/tile/Tasks.h"
#include "qopt/dialects/nn/Nn.h"
#include "qopt/dialects/train/Train.h"

using namespace mlir;

namespace qopt::cuda {

namespace {

/// y[b, m, n] = sum over k of left(b, m, k) * right(b, k, n).
struct Contraction {
  /// What a kernel multiplies; without an op if it does something else.
  static Contraction of(kernel::FuncOp kernel);

  Operation *op;
  Value bias;
  AffineExpr rows, columns, depth; ///< M, N, K in the kernel's symbols
  SmallVector<AffineExpr> batch;   ///< leading axes of a nn.matmul
};

} // namespace

static bool isProduct(Operation *op) {
  return isa<nn::LinearOp, nn::MatmulOp, train::LinearWeightGradOp,
             train::PackedLinearGradOp>(op);
}

/// The only product of a kernel whose other ops are views of what it reads, or
/// follow it.
static Operation *productOf(kernel::FuncOp kernel) {
  Operation *product = nullptr;
  for (Operation &op : kernel.getBlock().without_terminator()) {
    if (isProduct(&op) && !product)
      product = &op;
    else if (isProduct(&op) || !isElementOp(&op))
      return nullptr;
  }
  bool isDouble =
      product && llvm::any_of(product->getOperandTypes(), [](Type type) {
        return getElementTypeOrSelf(type).isF64();
      });
  return kernel.getResultValues().size() == 1 && !isDouble ? product : nullptr;
}

Contraction Contraction::of(kernel::FuncOp kernel) {
  Contraction c{productOf(kernel), {}, {}, {}, {}, {}};
  if (!c.op)
    return c;
  auto maps =
      llvm::to_vector(kernel.getDims().getAsValueRange<AffineMapAttr>());
  nn::Dims dims(kernel.getBlock(), maps);
  MLIRContext *context = kernel.getContext();
  ArrayRef<AffineExpr> left = dims.of(c.op->getOperand(0));
  ArrayRef<AffineExpr> result = dims.of(c.op->getResult(0));
  c.columns = result.back();
  if (auto matmul = dyn_cast<nn::MatmulOp>(c.op)) {
    c.rows = result.end()[-2];
    c.depth = left.end()[matmul.getTransposeLhs() ? -2 : -1];
    c.batch = llvm::to_vector(result.drop_back(2));
  } else if (isa<train::LinearWeightGradOp>(c.op)) {
    c.rows = result[0];
    c.depth = tile::productOf(context, left.drop_back());
  } else {
    if (auto linear = dyn_cast<nn::LinearOp>(c.op))
      c.bias = linear.getBias();
    c.rows = tile::productOf(context, result.drop_back());
    c.depth = left.back();
  }
  return c;
}

static bool accepts(kernel::FuncOp kernel) {
  return productOf(kernel) != nullptr;
}

namespace {

/// Writes one tile of one matrix.
class ProductWriter {
public:
  ProductWriter(Emitter &e, TileShape shape, bool byMatrices)
      : e(e), c(Contraction::of(e.kernel)), shape(shape),
        byMatrices(byMatrices) {}

  void write();

private:
  using Place = std::function<Value(Value, Value)>;
  /// Where element (row, column) of an operand lies, if 16 bytes from there on
  /// are what a tile takes; null if it has to be asked element by element.
  Place addressOf(Value tensor);
  /// Whether terms are the rows of the left operand, the columns of the right.
  bool isLeftTurned() {
    auto matmul = dyn_cast<nn::MatmulOp>(c.op);
    return matmul ? matmul.getTransposeLhs()
                  : isa<train::LinearWeightGradOp>(c.op);
  }
  bool isRightTurned() {
    auto matmul = dyn_cast<nn::MatmulOp>(c.op);
    return matmul ? matmul.getTransposeRhs() : isa<nn::LinearOp>(c.op);
  }
  Value left(Value m, Value k);
  Value right(Value n, Value k);
  /// Of an operand of a nn.matmul: the batch, as far as it has one.
  SmallVector<Value> inBatch(Value tensor, Value row, Value column);
  void finish(Value sum, Value row, Value column);

  Emitter &e;
  Contraction c;
  TileShape shape;
  bool byMatrices;
  SmallVector<Value> batch; ///< indices of the leading axes
};

} // namespace

SmallVector<Value> ProductWriter::inBatch(Value tensor, Value row,
                                          Value column) {
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<Value> place(
      ArrayRef<Value>(batch).take_back(type.getRank() - 2));
  for (auto [axis, index] : llvm::enumerate(place))
    if (type.getDimSize(axis) == 1)
      index = e.constant(0);
  place.append({row, column});
  return place;
}

/// The type of the factors that matrix instructions take.
static FloatType factorOf(Operation *op) {
  Type left = getElementTypeOrSelf(op->getOperand(0));
  Type right = getElementTypeOrSelf(op->getOperand(1));
  bool isShort = left == right && (left.isF16() || left.isBF16());
  return isShort ? cast<FloatType>(left) : Float32Type::get(op->getContext());
}

ProductWriter::Place ProductWriter::addressOf(Value tensor) {
  if (auto turn = tensor.getDefiningOp<nn::TransposeOp>();
      turn && turn.getType().getRank() == 2) {
    Place place = addressOf(turn.getInput());
    if (!place || turn.getPermutation() == ArrayRef<int64_t>{0, 1})
      return place;
    return [place](Value row, Value column) { return place(column, row); };
  }
  auto argument = dyn_cast<BlockArgument>(tensor);
  auto type = cast<RankedTensorType>(tensor.getType());
  kernel::LayoutAttr layout = argument ? e.kernel.getLayout(argument) : nullptr;
  FloatType element = factorOf(c.op);
  if (!layout || layout.getBits() || layout.getCache() ||
      type.getElementType() != element)
    return nullptr;
  int64_t panel = layout.getPanel(),
          length = panel ? panel : type.getShape().back();
  // Whole pieces of 16 bytes; those of panels reach into their padding.
  if (ShapedType::isDynamic(length) || length % (128 / element.getWidth()))
    return nullptr;
  Value base = e.pointer(tensor);
  if (panel) {
    int64_t width = type.getShape().back();
    return [=](Value row, Value column) {
      Value line = e.add(e.mul(e.div(row, panel), width), column);
      return e.offset(base, e.add(e.mul(line, panel), e.rem(row, panel)),
                      element);
    };
  }
  return [=](Value row, Value column) {
    Value index = row;
    if (isa<nn::MatmulOp>(c.op)) {
      index = e.constant(0);
      SmallVector<Value> place = inBatch(tensor, row, column);
      for (auto [axis, own] : llvm::enumerate(ArrayRef(place).drop_back()))
        index = e.add(e.mul(index, e.size(tensor, axis)), own);
    }
    index = e.add(e.mul(index, e.size(tensor, type.getRank() - 1)), column);
    return e.offset(base, index, element);
  };
}

Value ProductWriter::left(Value m, Value k) {
  Value tensor = c.op->getOperand(0);
  if (isLeftTurned())
    std::swap(m, k);
  if (isa<nn::MatmulOp>(c.op))
    return Elements(e).at(tensor, inBatch(tensor, m, k));
  return rowElement(e, tensor, m, k);
}

Value ProductWriter::right(Value n, Value k) {
  Value tensor = c.op->getOperand(1);
  Elements elements(e);
  if (isa<nn::MatmulOp>(c.op)) {
    if (isRightTurned())
      std::swap(k, n);
    return elements.at(tensor, inBatch(tensor, k, n));
  }
  if (auto packed = dyn_cast<train::PackedLinearGradOp>(c.op))
    return elements.dequantized(packed.getWeight(), packed.getScales(),
                                packed.getZeros(), packed.getScheme(), {k, n});
  if (isa<nn::LinearOp>(c.op))
    return elements.at(tensor, {n, k});
  return rowElement(e, tensor, k, n);
}

void ProductWriter::finish(Value sum, Value row, Value column) {
  if (c.batch.empty())
    return finishElement(e, c.op, c.bias, sum, row, column);
  SmallVector<Value> place(batch);
  place.append({row, column});
  finishElement(e, c.op, sum, place);
}

/// Whether neighbours in memory of `tensor` are terms of a sum, if its last
/// index is one.
static bool runsAlong(kernel::FuncOp kernel, Value tensor, bool lastIsTerm) {
  bool turned = false;
  while (auto transpose = tensor.getDefiningOp<nn::TransposeOp>()) {
    turned ^=
        transpose.getPermutation().back() != transpose.getType().getRank() - 1;
    tensor = transpose.getInput();
  }
  // In panels rows are neighbours.
  auto argument = dyn_cast<BlockArgument>(tensor);
  if (argument && kernel.getLayout(argument).getPanel() > 0)
    turned = !turned;
  return lastIsTerm != turned;
}

void ProductWriter::write() {
  Value rows = e.size(c.rows), columns = e.size(c.columns);
  Value tilesDown = e.size(c.rows.ceilDiv(shape.side));
  Value tilesAcross = e.size(c.columns.ceilDiv(shape.side));
  auto rest = [&](Value &which, Value count) -> Value {
    Value index = arith::RemUIOp::create(e.b, e.loc, which, count);
    which = arith::DivUIOp::create(e.b, e.loc, which, count);
    return index;
  };
  Value which = e.block;
  Value column = e.mul(rest(which, tilesAcross), shape.side);
  Value row = e.mul(rest(which, tilesDown), shape.side);
  batch.resize(c.batch.size());
  for (int64_t axis = int64_t(batch.size()) - 1; axis >= 0; --axis)
    batch[axis] = rest(which, e.size(c.batch[axis]));
  Value l = c.op->getOperand(0), r = c.op->getOperand(1);
  TileSource a{[&](Value i, Value k) { return left(i, k); },
               runsAlong(e.kernel, l, !isLeftTurned()), rows};
  TileSource b{[&](Value i, Value k) { return right(i, k); },
               runsAlong(e.kernel, r, isRightTurned()), columns};
  auto finishOne = [&](Value sum, Value r, Value n) { finish(sum, r, n); };
  Value none = e.constant(0), depth = e.size(c.depth);
  if (!byMatrices) {
    Tile tile(e, shape);
    SmallVector<Value> sums = tile.sums(a, b, row, column, none, depth);
    tile.each(sums, row, column, rows, columns, finishOne);
    return;
  }
  if (Place place = addressOf(l))
    a.address = [place, turned = isLeftTurned()](Value i, Value k) {
      return turned ? place(k, i) : place(i, k);
    };
  if (Place place = addressOf(r))
    b.address = [place, turned = isRightTurned()](Value i, Value k) {
      return turned ? place(i, k) : place(k, i);
    };
  MatrixTile(e, shape, factorOf(c.op))
      .each(a, b, row, column, none, depth, finishOne);
}

/// Terms and columns that matrix instructions are worth it for.
static bool isForMatrices(const Contraction &c) {
  auto isEnough = [](AffineExpr size) {
    auto known = dyn_cast<AffineConstantExpr>(size);
    return !known || known.getValue() >= 16;
  };
  return isEnough(c.columns) && isEnough(c.depth);
}

/// Rows that are few.
static constexpr int64_t fewRows = 4;

static Phases phases(kernel::FuncOp kernel) {
  Contraction c = Contraction::of(kernel);
  auto known = dyn_cast<AffineConstantExpr>(c.columns);
  TileShape shape =
      TileShape::of(known ? known.getValue() : ShapedType::kDynamic);
  AffineExpr blocks =
      c.rows.ceilDiv(shape.side) * c.columns.ceilDiv(shape.side);
  for (AffineExpr size : c.batch)
    blocks = size * blocks;
  bool byMatrices = isForMatrices(c);
  Phase many{blocks, byMatrices ? MatrixTile::threads : shape.threads(),
             [shape, byMatrices](Emitter &e) {
               ProductWriter(e, shape, byMatrices).write();
               return success();
             }};
  auto linear = dyn_cast<nn::LinearOp>(c.op);
  if (!linear || !hasLinearGemv(kernel, linear))
    return {{many}, {}, {}};
  AffineExpr few = isAtMost(c.rows, fewRows);
  many.blocks = blocks * (1 - few);
  return {{linearGemv(linear, c.rows * few), many}, {}, {}};
}

const KernelFamily matmulFamily = {"matmul", accepts, phases};

} // namespace qopt::cuda
