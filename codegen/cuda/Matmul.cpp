// Products of matrices with an elementwise epilogue, on the GPU: a linear layer
// by numbers, its gradients, that of a layer of codes, nn.matmul.
//
//   many rows: bound by the multiply units
//     for every batch, every tile of rows x columns:    a block
//       y = epilogue(sum over k + bias)
//
//   few tiles and many terms: K is cut among blocks
//     parts[some of K] = sum                            to the workspace
//     y = epilogue(parts in order + bias)               a second launch
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
#include "qopt/codegen/cuda/Parts.h"
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
        byMatrices(byMatrices), rows(e.size(c.rows)),
        columns(e.size(c.columns)), depth(e.size(c.depth)) {}

  void write();
  /// The same of K in so many parts, and what joins them.
  void writePart(int64_t parts);
  void writeJoined(int64_t parts);

private:
  TileSource leftSource();
  TileSource rightSource();
  /// Takes the place of a block's tile from the number `which`.
  void find(Value which);
  /// An element of the product of all of K.
  void finishWhole(const TileSource &a, const TileSource &b, Value sum,
                   Value row, Value column);
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
  Value rows, columns, depth; ///< sizes
  Value row, column;          ///< the first of the tile
  SmallVector<Value> batch;   ///< indices of the leading axes
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

void ProductWriter::find(Value which) {
  auto rest = [&](Value count) -> Value {
    Value index = arith::RemUIOp::create(e.b, e.loc, which, count);
    which = arith::DivUIOp::create(e.b, e.loc, which, count);
    return index;
  };
  column = e.mul(rest(e.size(c.columns.ceilDiv(shape.side))), shape.side);
  row = e.mul(rest(e.size(c.rows.ceilDiv(shape.side))), shape.side);
  batch.resize(c.batch.size());
  for (int64_t axis = int64_t(batch.size()) - 1; axis >= 0; --axis)
    batch[axis] = rest(e.size(c.batch[axis]));
}

TileSource ProductWriter::leftSource() {
  Value tensor = c.op->getOperand(0);
  bool turned = isLeftTurned();
  TileSource source{[this](Value i, Value k) { return left(i, k); },
                    runsAlong(e.kernel, tensor, !turned), rows};
  if (Place place = addressOf(tensor))
    source.address = [place, turned](Value i, Value k) {
      return turned ? place(k, i) : place(i, k);
    };
  return source;
}

TileSource ProductWriter::rightSource() {
  Value tensor = c.op->getOperand(1);
  bool turned = isRightTurned();
  TileSource source{[this](Value i, Value k) { return right(i, k); },
                    runsAlong(e.kernel, tensor, turned), columns};
  if (Place place = addressOf(tensor))
    source.address = [place, turned](Value i, Value k) {
      return turned ? place(i, k) : place(k, i);
    };
  return source;
}

void ProductWriter::finishWhole(const TileSource &a, const TileSource &b,
                                Value sum, Value row, Value column) {
  if (factorOf(c.op).isF32())
    sum = ifFinite(e, a, b, row, column, depth, sum);
  finish(sum, row, column);
}

void ProductWriter::write() {
  find(e.block);
  TileSource a = leftSource(), b = rightSource();
  Value none = e.constant(0);
  if (!byMatrices) {
    Tile tile(e, shape);
    SmallVector<Value> sums = tile.sums(a, b, row, column, none, depth);
    tile.each(sums, row, column, rows, columns,
              [&](Value sum, Value r, Value n) { finish(sum, r, n); });
    return;
  }
  MatrixTile(e, shape, factorOf(c.op))
      .each(a, b, row, column, none, depth,
            [&](Value sum, Value r, Value n) { finishWhole(a, b, sum, r, n); });
}

void ProductWriter::writePart(int64_t parts) {
  Value part = e.rem(e.block, parts);
  find(e.div(e.block, parts));
  // Whole blocks of terms, of any type.
  constexpr int64_t unit = 32;
  Value length = e.mul(e.size(c.depth.ceilDiv(unit * parts)), unit);
  Value from = e.smaller(e.mul(part, length), depth);
  Value to = e.smaller(e.add(from, length), depth);
  Value start = e.mul(part, e.size(c.rows * c.columns));
  MatrixTile(e, shape, factorOf(c.op))
      .each(leftSource(), rightSource(), row, column, from, to,
            [&](Value sum, Value r, Value n) {
              Value index = e.add(e.mul(r, columns), n);
              e.store(sum, e.workspace, e.add(start, index));
            });
}

void ProductWriter::writeJoined(int64_t parts) {
  TileSource a = leftSource(), b = rightSource();
  Value all = e.size(c.rows * c.columns);
  Value index = e.add(e.mul(e.block, e.threads), e.thread);
  e.branch(e.less(index, all), [&] {
    Value sum = e.load(e.f32(), e.workspace, index);
    for (int64_t part = 1; part < parts; ++part)
      sum = Math{e.b, e.loc}.add(
          sum, e.load(e.f32(), e.workspace, e.add(e.mul(all, part), index)));
    Value r = arith::DivUIOp::create(e.b, e.loc, index, columns);
    Value n = arith::RemUIOp::create(e.b, e.loc, index, columns);
    finishWhole(a, b, sum, r, n);
  });
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

namespace {

/// Where K is cut: up to so many rows, into so many parts.
struct Cut {
  static Cut of(const Contraction &c, TileShape shape, bool byMatrices);
  int64_t parts = 1;
  AffineExpr condition; ///< 1 where it is
};

} // namespace

/// Terms of a part at least: fewer are sooner done than a second launch is
/// begun.
static constexpr int64_t leastTerms = 256;

Cut Cut::of(const Contraction &c, TileShape shape, bool byMatrices) {
  auto columns = dyn_cast<AffineConstantExpr>(c.columns);
  auto depth = dyn_cast<AffineConstantExpr>(c.depth);
  auto rows = dyn_cast<AffineConstantExpr>(c.rows);
  if (!byMatrices || !c.batch.empty() || !columns || (!depth && !rows))
    return {};
  int64_t across = llvm::divideCeil(columns.getValue(), shape.side);
  // Half of the blocks that are wanted, at most; of known rows as they are.
  int64_t down = rows ? llvm::divideCeil(rows.getValue(), shape.side)
                      : wantedBlocks / 2 / std::max<int64_t>(1, across);
  if (down == 0 || across == 0 || 2 * down * across > wantedBlocks)
    return {};
  Cut cut;
  cut.parts = std::min(mostParts, wantedBlocks / (down * across));
  if (depth)
    cut.parts = std::min(cut.parts, depth.getValue() / leastTerms);
  if (cut.parts < 2)
    return {};
  MLIRContext *context = c.rows.getContext();
  cut.condition = rows ? getAffineConstantExpr(1, context)
                       : isAtMost(c.rows, down * shape.side);
  // Of terms that are not known there may be few.
  if (!depth)
    cut.condition =
        cut.condition * (1 - isAtMost(c.depth, cut.parts * leastTerms - 1));
  return cut;
}

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
  AffineExpr rest = getAffineConstantExpr(1, kernel.getContext());
  Phases plan;
  auto linear = dyn_cast<nn::LinearOp>(c.op);
  if (linear && hasLinearGemv(kernel, linear)) {
    AffineExpr few = isAtMost(c.rows, fewRows);
    addLinearGemv(plan, linear, c.rows * few);
    rest = rest - few;
  }
  Cut cut = Cut::of(c, shape, byMatrices);
  if (cut.parts > 1) {
    AffineExpr isCut = rest * cut.condition;
    rest = rest - isCut;
    int64_t parts = cut.parts;
    plan.phases.push_back({isCut * blocks * parts, MatrixTile::threads,
                           [shape, parts](Emitter &e) {
                             ProductWriter(e, shape, true).writePart(parts);
                             return success();
                           }});
    plan.phases.push_back({isCut * (c.rows * c.columns).ceilDiv(joinThreads),
                           joinThreads, [shape, parts](Emitter &e) {
                             ProductWriter(e, shape, true).writeJoined(parts);
                             return success();
                           }});
    plan.addWorkspace(isCut * c.rows * c.columns * (4 * parts));
  }
  plan.phases.push_back({rest * blocks,
                         byMatrices ? MatrixTile::threads : shape.threads(),
                         [shape, byMatrices](Emitter &e) {
                           ProductWriter(e, shape, byMatrices).write();
                           return success();
                         }});
  return plan;
}

const KernelFamily matmulFamily = {"matmul", accepts, phases};

} // namespace qopt::cuda
