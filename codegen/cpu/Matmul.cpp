// Products of row-major matrices, with an elementwise epilogue, on the CPU: a
// linear layer by a weight that is trained, its two gradients, nn.matmul.
//
//   for every block of rows x columns of y:            a task
//     for every block of 256 k, in order:
//       pack b[k, columns] as f32 [group][k][P * L]     P vectors of L lanes
//       pack a[rows, k] if k is not side by side, or not f32
//       for every group, for every tile of R rows:
//         for k: sum[R][P] += a[r, k] * b[k][p]         P loads, R broadcasts
//         partial[tile] = (first ? 0 : partial[tile]) + sum
//         y[r, p] = epilogue(partial)                   behind the last k
//
// Bound by the multiply units: R * P multiply-adds for R + P loads. A group of
// 256 k streams from the second cache while all tiles of rows pass over it,
// bytes per multiply-add 4 / R; six rows of `a` and its packed form stay in the
// first. Packing moves each number of b once per 192 or 288 rows and each of a
// once per 256 columns, a cycle for 6 to 16 of them, if the lines are asked for
// ahead; what it buys is that rows whose distance is a multiple of 4096 bytes,
// as most models have, share neither sets of a cache nor entries of the TLB.
// One thread of a Zen 5 did 78 to 88 % of the multiply-adds of AVX-512, 85 to
// 94 % of those of AVX2, for 256 rows and all products of 576 x 1536, 768 x
// 3072 and 2048 x 5632 (qopt-kernel-bench, beside seven other processes).
//
// The three products of training differ in how their operands lie: forward
// a[M, K] b[N, K], dX a[M, K] b[K, N], dW a[K, M] b[K, N]. Up to 8 rows of the
// first two are bound by reading b, which then is read in place: see
// MatmulShort.cpp. dX through a frozen layer has codes as b: see
// MatmulCodes.cpp.
//
// Each element is a sum of 256 terms in order, then of those sums in order,
// whatever the threads: tasks are cut by the shapes alone.

#include "qopt/codegen/cpu/Matmul.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "qopt/codegen/cpu/Families.h"
#include "qopt/codegen/tile/Elementwise.h"
#include "qopt/dialects/nn/Nn.h"
#include "qopt/dialects/train/Train.h"

using namespace mlir;

namespace qopt::cpu {

// clang-format off
static constexpr MatmulVariant variants[] = {
    // name          needs            vectors rows
    {"avx512_6x64",  feature::avx512, 4,      6},
    {"avx2_6x16",    feature::avx2,   2,      6},
    {"plain_4x8",    feature::none,   2,      4},
};
// clang-format on

/// Rows of a task, whose rhs is packed for them alone: as many as leave several
/// tasks to each of a few threads.
static constexpr int64_t mostRows = 288, someRows = 192;
/// Bytes of a task's rhs for few rows: far longer than claiming it.
static constexpr int64_t fewBytes = 32 << 10;

//===----------------------------------------------------------------------===//
// What is multiplied
//===----------------------------------------------------------------------===//

/// The argument that `value` is, or is the transpose of; `turned` flips for
/// one.
static BlockArgument argumentOf(Value value, bool &turned) {
  while (auto transpose = value.getDefiningOp<nn::TransposeOp>()) {
    auto order =
        llvm::to_vector(llvm::seq<int64_t>(transpose.getType().getRank()));
    std::swap(order.end()[-2], order.end()[-1]);
    if (transpose.getPermutation() != ArrayRef<int64_t>(order))
      return nullptr;
    turned = !turned;
    value = transpose.getInput();
  }
  return dyn_cast<BlockArgument>(value);
}

static bool isRowMajor(kernel::FuncOp kernel, BlockArgument argument) {
  kernel::LayoutAttr layout = kernel.getLayout(argument);
  Type element = cast<RankedTensorType>(argument.getType()).getElementType();
  return layout.getPanel() == 0 && !layout.getBits() && !layout.getCache() &&
         (element.isF32() || element.isF16() || element.isBF16());
}

/// Whether the epilogue can read `operand` for a product of these sizes.
static bool isEpilogueOperand(Value operand, Value result, AffineExpr columns,
                              const nn::Dims &dims) {
  auto type = cast<RankedTensorType>(operand.getType());
  Operation *op = operand.getDefiningOp();
  if (isa_and_nonnull<arith::ConstantOp>(op) ||
      (type.hasStaticShape() && type.getNumElements() == 1))
    return true;
  if (type.getRank() == 1 && isa<BlockArgument>(operand))
    return dims.of(operand)[0] == columns;
  return dims.of(operand) == dims.of(result);
}

/// Whether all ops but the product are its views or follow it elementwise.
static bool hasEpilogue(kernel::FuncOp kernel, const Contraction &contraction,
                        const nn::Dims &dims) {
  Value result = contraction.op->getResult(0);
  for (Operation &op : kernel.getBlock().without_terminator()) {
    if (&op == contraction.op || isa<nn::TransposeOp>(op))
      continue;
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      auto dense = dyn_cast<DenseElementsAttr>(constant.getValue());
      if (!dense || !dense.isSplat())
        return false;
    } else if (!isElementwise(&op) ||
               dims.of(op.getResult(0)) != dims.of(result) ||
               !llvm::all_of(op.getOperands(), [&](Value operand) {
                 return !operand.getDefiningOp<nn::TransposeOp>() &&
                        isEpilogueOperand(operand, result, contraction.columns,
                                          dims);
               })) {
      return false;
    }
  }
  Value given = kernel.getResultValues()[0];
  return given == result ||
         (given.getDefiningOp() && isElementwise(given.getDefiningOp()));
}

static AffineExpr productOf(ArrayRef<AffineExpr> sizes, MLIRContext *context) {
  AffineExpr product = getAffineConstantExpr(1, context);
  for (AffineExpr size : sizes)
    product = product * size;
  return product;
}

std::optional<Contraction> Contraction::of(kernel::FuncOp kernel) {
  MLIRContext *context = kernel.getContext();
  auto maps =
      llvm::to_vector(kernel.getDims().getAsValueRange<AffineMapAttr>());
  nn::Dims dims(kernel.getBlock(), maps);
  Contraction c{};
  Value left, right;
  for (Operation &op : kernel.getBlock().without_terminator()) {
    if (!isa<nn::LinearOp, nn::MatmulOp, train::LinearWeightGradOp,
             train::PackedLinearGradOp>(op))
      continue;
    if (c.op)
      return {};
    c.op = &op;
    left = op.getOperand(0), right = op.getOperand(1);
    if (auto linear = dyn_cast<nn::LinearOp>(op)) {
      c.rhsTurned = true;
      c.bias = linear.getBias();
    } else if (auto matmul = dyn_cast<nn::MatmulOp>(op)) {
      c.lhsTurned = matmul.getTransposeLhs();
      c.rhsTurned = matmul.getTransposeRhs();
    } else if (auto packed = dyn_cast<train::PackedLinearGradOp>(op)) {
      c.packed = packed;
    } else {
      c.lhsTurned = true; // rows of both are the terms
    }
  }
  if (!c.op || kernel.getResultValues().size() != 1)
    return {};
  bool isMatmul = isa<nn::MatmulOp>(c.op);
  c.lhs = argumentOf(left, c.lhsTurned);
  c.rhs = argumentOf(right, c.rhsTurned);
  if (!c.lhs || !c.rhs || !isRowMajor(kernel, c.lhs) ||
      !(c.packed ? readsPackedRhs(kernel, c.packed)
                 : isRowMajor(kernel, c.rhs)) ||
      (c.bias && !isa<BlockArgument>(c.bias)))
    return {};
  ArrayRef<AffineExpr> ofLhs = dims.of(left), ofY = dims.of(c.op->getResult(0));
  c.columns = ofY.back();
  if (isMatmul) {
    c.rows = ofY.end()[-2];
    c.depth = dims.of(c.lhs).end()[c.lhsTurned ? -2 : -1];
    ArrayRef<AffineExpr> ofRhs = dims.of(right).drop_back(2);
    bool shared = !c.lhsTurned && llvm::all_of(ofRhs, [](AffineExpr size) {
      return size == 1;
    }) && ofLhs.drop_back(2) == ofY.drop_back(2);
    if (shared)
      c.rows = productOf(ofY.drop_back(), context);
    else
      c.batch = llvm::to_vector(ofY.drop_back(2));
  } else if (isa<nn::LinearOp, train::PackedLinearGradOp>(c.op)) {
    // A turned input has rows along one axis only.
    if (c.lhsTurned && ofLhs.size() != 2)
      return {};
    c.rows = productOf(ofY.drop_back(), context);
    c.depth = ofLhs.back();
  } else {
    if (!c.lhsTurned || c.rhsTurned)
      return {};
    c.rows = ofY[0];
    c.depth = productOf(ofLhs.drop_back(), context);
  }
  return hasEpilogue(kernel, c, dims) ? std::optional(c) : std::nullopt;
}

static bool accepts(kernel::FuncOp kernel, const Target &) {
  return Contraction::of(kernel).has_value();
}

//===----------------------------------------------------------------------===//
// How the work is divided
//===----------------------------------------------------------------------===//

static const MatmulVariant &choose(const Target &target) {
  return *llvm::find_if(variants, [&](const MatmulVariant &variant) {
    return target.has(variant.needs);
  });
}

MatmulDivision::MatmulDivision(const Contraction &c, const Target &target)
    : variant(choose(target)), lanes(target.vectorBytes / 4),
      group(variant.vectors * lanes) {
  // The packed block of rhs takes half of the second cache, or less where that
  // would leave few tasks. A packed lhs wants many columns, too.
  int64_t wide = target.l2Bytes / 2 / (blockDepth * 4);
  int64_t N = constantOr(c.columns, 4 * wide);
  bool isWide = N >= 8 * wide || c.lhsTurned, isMedium = N >= 2 * wide;
  columns = isWide ? wide : isMedium ? wide / 2 : wide / 4;
  columns = std::max(group, columns / group * group);
  rows = N >= 4 * columns || c.lhsTurned ? mostRows : someRows;
  rows = rows / variant.rows * variant.rows;
  int64_t M = constantOr(c.rows, -1);
  bool canBeFew = !c.lhsTurned && !c.packed && c.batch.empty();
  mayBeFew = canBeFew && M <= fewRows;
  mayBeMany = !canBeFew || M < 0 || M > fewRows;
  streams = c.rhsTurned ? lanes : columns;
  int64_t bytes =
      streams * constantOr(c.depth, 1) *
      cast<RankedTensorType>(c.rhs.getType()).getElementTypeBitWidth() / 8;
  strips = std::max<int64_t>(1, fewBytes / std::max<int64_t>(bytes, 1));
}

static AffineExpr tasks(kernel::FuncOp kernel, const Target &target) {
  Contraction c = *Contraction::of(kernel);
  MatmulDivision division(c, target);
  AffineExpr many = c.rows.ceilDiv(division.rows) *
                    c.columns.ceilDiv(division.columns) *
                    productOf(c.batch, kernel.getContext());
  AffineExpr few = c.columns.ceilDiv(division.streams).ceilDiv(division.strips);
  if (!division.mayBeFew || !division.mayBeMany)
    return division.mayBeFew ? few : many;
  // 1 for few rows, 0 for many: 2 F / (rows + F) is 2 for none, 1 for up to F.
  AffineExpr ratio = getAffineConstantExpr(2 * fewRows, kernel.getContext())
                         .floorDiv(c.rows + fewRows);
  return many + (ratio + 1).floorDiv(2) * (few - many);
}

//===----------------------------------------------------------------------===//
// Many rows
//===----------------------------------------------------------------------===//

namespace {

/// Writes the loops of many rows.
class ManyRows : public MatmulPacker {
public:
  explicit ManyRows(Emitter &e) : MatmulPacker(e) { placeScratch(); }
  void write();

private:
  void writeBlocks(MatmulBlock block);
  void writeGroup(const MatmulBlock &block, Value group, int64_t vectors,
                  bool whole);
  void writeTile(const MatmulRows &lhs, Value rhs, Value terms, int64_t rows,
                 int64_t vectors, Value place);
  void finish(const MatmulBlock &block, Value group, Value row, Value count,
              int64_t vectors, bool whole, Value place);
  /// Sums of one block are the result's.
  bool hasOneBlock() {
    return constantOr(contraction.depth, blockDepth + 1) <= blockDepth;
  }

  Value isFirst, isLast; ///< whether the block's terms are; null if both
};

} // namespace

void ManyRows::writeTile(const MatmulRows &lhs, Value rhs, Value terms,
                         int64_t rows, int64_t vectors, Value place) {
  SmallVector<Value> zeros(rows * vectors, e.constant(0.0, vector));
  SmallVector<Value> sums =
      e.loop(e.constant(0), terms, 1, zeros, [&](Value k, ValueRange carried) {
        SmallVector<Value> next(carried), right;
        Value at = e.add(rhs, e.mul(k, division.group));
        for (int64_t p = 0; p < vectors; ++p)
          right.push_back(
              e.load(vector, packedRhs, e.add(at, e.constant(p * lanes))));
        Value first = e.add(lhs.first, e.mul(k, lhs.column));
        for (int64_t r = 0; r < rows; ++r) {
          Value all = broadcast(
              lhs.base, e.add(first, e.mul(lhs.row, e.constant(r))), e.f32());
          for (int64_t p = 0; p < vectors; ++p) {
            Value &sum = next[r * vectors + p];
            sum = m.fma(all, right[p], sum);
          }
        }
        return next;
      });
  auto store = [&](bool adds) {
    for (auto [i, sum] : llvm::enumerate(sums)) {
      Value at = e.add(place, e.constant(i * lanes));
      Value all = adds ? m.add(e.load(vector, this->sums, at), sum) : sum;
      e.store(all, this->sums, at);
    }
  };
  if (!isFirst)
    return store(false);
  e.branch(
      isFirst, [&] { store(false); }, [&] { store(true); });
}

void ManyRows::finish(const MatmulBlock &block, Value group, Value row,
                      Value count, int64_t vectors, bool whole, Value place) {
  Value first = e.mul(group, division.group);
  Value inY = e.add(e.mul(block.batch, M), row);
  e.loop(e.constant(0), count, 1, [&](Value r) {
    for (int64_t p = 0; p < vectors; ++p) {
      Value at =
          e.add(place, e.mul(e.add(e.mul(r, vectors), e.constant(p)), lanes));
      Value sum = e.load(vector, sums, at);
      Value column = e.add(first, e.constant(p * lanes));
      if (whole)
        epilogue.finish(sum, e.add(inY, r), column, Value());
      else
        epilogue.finish(sum, e.add(inY, r), column);
    }
  });
}

void ManyRows::writeGroup(const MatmulBlock &block, Value group,
                          int64_t vectors, bool whole) {
  int64_t tileRows = division.variant.rows;
  Value rhs = groupAt(block, group), terms = sub(block.to, block.from);
  e.loop(block.tile, block.tileEnd, 1, [&](Value tile) {
    Value row = e.mul(tile, tileRows);
    Value left = least(sub(M, row), e.constant(tileRows));
    Value place = e.constant(0);
    if (isFirst) {
      Value tiles = sub(block.tileEnd, block.tile);
      place =
          e.add(e.mul(sub(group, block.group), tiles), sub(tile, block.tile));
      place = e.mul(place, tileRows * division.group);
    }
    // What follows the sums is far away, in short pieces of rows.
    auto ask = [&] {
      Value inY = e.add(e.mul(block.batch, M), row);
      Value first = e.mul(group, division.group);
      for (int64_t r = 0; r < tileRows; ++r)
        for (int64_t p = 0; p < vectors; ++p)
          epilogue.prefetch(e.add(inY, e.constant(r)),
                            e.add(first, e.constant(p * lanes)));
    };
    if (isLast)
      e.branch(isLast, ask);
    else
      ask();
    MatmulRows lhs = rowsAt(block, tile);
    std::function<void(int64_t)> choose = [&](int64_t count) {
      auto write = [&] { writeTile(lhs, rhs, terms, count, vectors, place); };
      if (count == 1)
        return write();
      e.branch(
          less(left, e.constant(count)), [&] { choose(count - 1); }, write);
    };
    choose(tileRows);
    auto finish = [&] {
      this->finish(block, group, row, left, vectors, whole, place);
    };
    if (isLast)
      e.branch(isLast, finish);
    else
      finish();
  });
}

/// A block of y: its terms, block by block.
void ManyRows::writeBlocks(MatmulBlock block) {
  auto pass = [&] {
    packRhs(block);
    packLhs(block);
    Value whole = least(block.groupEnd, wholeGroups());
    e.loop(block.group, whole, 1, [&](Value group) {
      writeGroup(block, group, division.variant.vectors, true);
    });
    if (int64_t vectors = restVectors())
      e.branch(less(whole, block.groupEnd),
               [&] { writeGroup(block, whole, vectors, false); });
  };
  if (hasOneBlock()) {
    block.from = e.constant(0);
    block.to = K;
    return pass();
  }
  // One block even if there are no terms: y is 0 then.
  int64_t unit = termUnit(e.kernel, contraction, lanes);
  Value units = ceilDiv(K, unit);
  Value blocks = e.b.createOrFold<arith::MaxSIOp>(e.loc, ceilDiv(K, blockDepth),
                                                  e.constant(1));
  e.loop(e.constant(0), blocks, 1, [&](Value i) {
    Value next = e.add(i, e.constant(1));
    block.from = e.mul(part(i, blocks, units), unit);
    block.to = least(e.mul(part(next, blocks, units), unit), K);
    isFirst = less(i, e.constant(1));
    isLast = less(e.add(blocks, e.constant(-1)), next);
    pass();
  });
}

void ManyRows::write() {
  Value one = e.constant(1);
  Value inRows = ceilDiv(M, division.rows);
  Value inColumns = ceilDiv(N, division.columns);
  Value tiles = ceilDiv(M, division.variant.rows);
  Value groups = ceilDiv(N, division.group);
  e.loop(e.begin, e.end, 1, [&](Value task) {
    Value i = rem(task, inRows), rest = div(task, inRows);
    Value j = rem(rest, inColumns);
    MatmulBlock block;
    block.batch = div(rest, inColumns);
    block.tile = part(i, inRows, tiles);
    block.tileEnd = part(e.add(i, one), inRows, tiles);
    block.group = part(j, inColumns, groups);
    block.groupEnd = part(e.add(j, one), inColumns, groups);
    writeBlocks(block);
  });
}

static LogicalResult emit(Emitter &e) {
  MatmulDivision division(*Contraction::of(e.kernel), e.target);
  if (!division.mayBeMany) {
    writeFewRows(e);
  } else if (!division.mayBeFew) {
    ManyRows(e).write();
  } else {
    Value rows = e.size(Contraction::of(e.kernel)->rows);
    Value few = Places{e}.less(rows, e.constant(fewRows + 1));
    e.branch(
        few, [&] { writeFewRows(e); }, [&] { ManyRows(e).write(); });
  }
  return success();
}

const KernelFamily matmulFamily = {"matmul", accepts, tasks, emit};

} // namespace qopt::cpu
