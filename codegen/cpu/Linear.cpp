// nn.linear by a packed weight, with an elementwise epilogue, on the CPU.
//
//   for every pair of panels p of 16 outputs:       a task
//     for every block of R rows:
//       for c in [0, C):                             reads 128 C bytes of W
//         sum[R][2] += x[r, c] * w[p][c]             2 R multiply-adds
//       y[r, p] = epilogue(sum + bias)
//
// One token is bound by reading W once; many are bound by the multiply units.
// A pair of panels stays in the second cache while all rows pass over it; rows
// are read where they lie, one broadcast for two multiply-adds.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "qopt/codegen/cpu/Elementwise.h"
#include "qopt/codegen/cpu/Emitter.h"
#include "qopt/codegen/cpu/Families.h"
#include "qopt/codegen/cpu/Math.h"
#include "qopt/dialects/nn/Nn.h"

using namespace mlir;

namespace qopt::cpu {

/// Outputs of a panel.
static constexpr int64_t panel = 16;

namespace {

/// One way of running the family.
struct LinearVariant {
  llvm::StringLiteral name;
  FeatureSet needs;
  int64_t panels; ///< of a task
  int64_t rows;   ///< of a block, what fits the registers
  int64_t unroll; ///< of the sum, for one row
};

} // namespace

// clang-format off
static constexpr LinearVariant variants[] = {
    // name          needs            panels rows unroll
    {"avx512_12x32", feature::avx512, 2,     12,  4},
    {"avx2_6x16",    feature::avx2,   1,     6,   4},
    {"plain_2x16",   feature::none,   1,     2,   1},
};
// clang-format on

static const LinearVariant &choose(const Target &target) {
  return *llvm::find_if(variants, [&](const LinearVariant &variant) {
    return target.has(variant.needs);
  });
}

static int64_t panelsOf(nn::LinearOp linear) {
  return llvm::divideCeil(linear.getWeight().getType().getDimSize(0), panel);
}

static bool accepts(kernel::FuncOp kernel, const Target &) {
  nn::LinearOp linear;
  for (Operation &op : kernel.getBlock().without_terminator()) {
    if (auto found = dyn_cast<nn::LinearOp>(op)) {
      if (linear)
        return false;
      linear = found;
    } else if (!isElementwise(&op) && !isa<arith::ConstantOp>(op)) {
      return false;
    }
  }
  auto weight = linear ? dyn_cast<BlockArgument>(linear.getWeight()) : nullptr;
  return weight && isa<BlockArgument>(linear.getInput()) &&
         kernel.getLayout(weight).getPanel() == panel &&
         !linear.getInput().getType().getElementType().isF64() &&
         kernel.getResultValues().size() == 1;
}

static nn::LinearOp find(kernel::FuncOp kernel) {
  return *kernel.getBlock().getOps<nn::LinearOp>().begin();
}

static AffineExpr tasks(kernel::FuncOp kernel, const Target &target) {
  int64_t count =
      llvm::divideCeil(panelsOf(find(kernel)), choose(target).panels);
  return getAffineConstantExpr(count, kernel.getContext());
}

namespace {

/// Writes the blocks of one kernel.
class BlockWriter {
public:
  explicit BlockWriter(Emitter &e)
      : e(e), m{e.b, e.loc}, linear(find(e.kernel)),
        outputs(linear.getWeight().getType().getDimSize(0)),
        channels(linear.getWeight().getType().getDimSize(1)),
        vector(e.vector(panel)) {}

  /// Rows [row, row + rows) of panels [first, first + panels); `last` says that
  /// the last of them is the last of all.
  void write(Value row, Value first, int64_t rows, int64_t panels,
             int64_t unroll, bool last);
  Value rows();

private:
  /// How many outputs of a panel there are.
  int64_t width(bool last) {
    return last && outputs % panel ? outputs % panel : panel;
  }
  Value load(Value base, Value index, Type element, int64_t width);
  void store(Value value, Value base, Value index, int64_t width);
  SmallVector<Value> sums(Value row, Value first, int64_t rows, int64_t panels,
                          int64_t unroll);
  void step(SmallVectorImpl<Value> &sums, Value row, Value first, Value c,
            int64_t rows, int64_t panels);
  Value epilogue(Value sum, Value row, Value column, int64_t width);
  Value operand(Value tensor, Value row, Value column, int64_t width);

  Emitter &e;
  Math m;
  nn::LinearOp linear;
  int64_t outputs, channels;
  VectorType vector;
};

} // namespace

Value BlockWriter::rows() {
  AffineExpr rows = getAffineConstantExpr(1, e.b.getContext());
  for (AffineExpr size : e.dims.of(linear.getInput()).drop_back())
    rows = rows * size;
  return e.size(rows);
}

/// The first lanes, the others zero.
static Value maskOf(Emitter &e, int64_t width) {
  SmallVector<bool> lanes(panel, false);
  std::fill_n(lanes.begin(), width, true);
  auto type = VectorType::get(panel, e.b.getI1Type());
  return arith::ConstantOp::create(e.b, e.loc,
                                   DenseElementsAttr::get(type, lanes));
}

Value BlockWriter::load(Value base, Value index, Type element, int64_t width) {
  VectorType type = e.vector(panel, element);
  Value x;
  if (width == panel) {
    x = e.load(type, base, index);
  } else {
    Value zero = arith::ConstantOp::create(e.b, e.loc, e.b.getZeroAttr(type));
    x = LLVM::MaskedLoadOp::create(
        e.b, e.loc, type, e.offset(base, index, element), maskOf(e, width),
        zero, element.getIntOrFloatBitWidth() / 8);
  }
  if (element == e.f32() || !isa<FloatType>(element))
    return x;
  return arith::ExtFOp::create(e.b, e.loc, vector, x);
}

void BlockWriter::store(Value value, Value base, Value index, int64_t width) {
  Type element = getElementTypeOrSelf(value.getType());
  if (width == panel)
    return e.store(value, base, index);
  LLVM::MaskedStoreOp::create(e.b, e.loc, value, e.offset(base, index, element),
                              maskOf(e, width),
                              element.getIntOrFloatBitWidth() / 8);
}

/// One more channel.
void BlockWriter::step(SmallVectorImpl<Value> &sums, Value row, Value first,
                       Value c, int64_t rows, int64_t panels) {
  Type wide = linear.getWeight().getType().getElementType();
  Type narrow = linear.getInput().getType().getElementType();
  SmallVector<Value> weights;
  for (int64_t p = 0; p < panels; ++p) {
    Value column = e.add(e.mul(e.add(first, e.constant(p)), channels), c);
    weights.push_back(
        load(e.pointer(linear.getWeight()), e.mul(column, panel), wide, panel));
  }
  for (int64_t r = 0; r < rows; ++r) {
    Value at = e.add(e.mul(e.add(row, e.constant(r)), channels), c);
    Value x = e.load(narrow, e.pointer(linear.getInput()), at);
    if (narrow != e.f32())
      x = arith::ExtFOp::create(e.b, e.loc, e.f32(), x);
    Value all = vector::BroadcastOp::create(e.b, e.loc, vector, x);
    for (int64_t p = 0; p < panels; ++p) {
      Value &sum = sums[r * panels + p];
      sum = m.fma(all, weights[p], sum);
    }
  }
}

/// [rows][panels]
SmallVector<Value> BlockWriter::sums(Value row, Value first, int64_t rows,
                                     int64_t panels, int64_t unroll) {
  int64_t count = rows * panels;
  SmallVector<Value> zeros(count * unroll, e.constant(0.0, vector));
  int64_t whole = channels / unroll * unroll;
  SmallVector<Value> parts =
      e.loop(e.constant(0), e.constant(whole), unroll, zeros,
             [&](Value c, ValueRange carried) {
               SmallVector<Value> next;
               for (int64_t u = 0; u < unroll; ++u) {
                 SmallVector<Value> own(carried.slice(u * count, count));
                 step(own, row, first, e.add(c, e.constant(u)), rows, panels);
                 llvm::append_range(next, own);
               }
               return next;
             });
  SmallVector<Value> sums(ArrayRef<Value>(parts).take_front(count));
  for (int64_t u = 1; u < unroll; ++u)
    for (int64_t i = 0; i < count; ++i)
      sums[i] = m.add(sums[i], parts[u * count + i]);
  for (int64_t c = whole; c < channels; ++c)
    step(sums, row, first, e.constant(c), rows, panels);
  return sums;
}

/// A vector of an operand of the epilogue.
Value BlockWriter::operand(Value tensor, Value row, Value column,
                           int64_t width) {
  auto type = cast<RankedTensorType>(tensor.getType());
  Type element = type.getElementType();
  DenseElementsAttr constant;
  if (matchPattern(tensor, m_Constant(&constant))) {
    Type wide = element.isF16() || element.isBF16() ? e.f32() : element;
    if (isa<FloatType>(wide))
      return e.constant(constant.getSplatValue<APFloat>().convertToDouble(),
                        VectorType::get(panel, wide));
    return m.integer(constant.getSplatValue<APInt>().getSExtValue(),
                     VectorType::get(panel, wide));
  }
  if (type.getNumElements() == 1 && type.hasStaticShape()) {
    Value x = e.load(element, e.pointer(tensor), e.constant(0));
    if (element.isF16() || element.isBF16())
      x = arith::ExtFOp::create(e.b, e.loc, e.f32(), x);
    return vector::BroadcastOp::create(e.b, e.loc,
                                       VectorType::get(panel, x.getType()), x);
  }
  Value index =
      type.getRank() == 1 ? column : e.add(e.mul(row, outputs), column);
  return load(e.pointer(tensor), index, element, width);
}

Value BlockWriter::epilogue(Value sum, Value row, Value column, int64_t width) {
  llvm::DenseMap<Value, Value> values;
  if (Value bias = linear.getBias())
    sum = m.add(sum, operand(bias, e.constant(0), column, width));
  auto rounded = [&](Value value, Value tensor) -> Value {
    Type element = cast<RankedTensorType>(tensor.getType()).getElementType();
    if (!element.isF16() && !element.isBF16())
      return value;
    Value half = arith::TruncFOp::create(
        e.b, e.loc, VectorType::get(panel, element), value);
    return arith::ExtFOp::create(e.b, e.loc, value.getType(), half);
  };
  values[linear] = rounded(sum, linear);
  for (Operation &op : e.kernel.getBlock().without_terminator()) {
    if (!isElementwise(&op))
      continue;
    SmallVector<Value> operands;
    for (Value tensor : op.getOperands()) {
      Value &value = values[tensor];
      if (!value)
        value = operand(tensor, row, column, width);
      operands.push_back(value);
    }
    values[op.getResult(0)] =
        rounded(emitElement(e.b, &op, operands), op.getResult(0));
  }
  return values.at(e.kernel.getResultValues()[0]);
}

void BlockWriter::write(Value row, Value first, int64_t rows, int64_t panels,
                        int64_t unroll, bool last) {
  SmallVector<Value> all = sums(row, first, rows, panels, unroll);
  Value result = e.kernel.getResultValues()[0];
  Type element = cast<RankedTensorType>(result.getType()).getElementType();
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t p = 0; p < panels; ++p) {
      int64_t own = width(last && p == panels - 1);
      Value at = e.add(row, e.constant(r));
      Value column = e.mul(e.add(first, e.constant(p)), panel);
      Value y = epilogue(all[r * panels + p], at, column, own);
      if (y.getType() != Type(VectorType::get(panel, element)))
        y = arith::TruncFOp::create(e.b, e.loc, VectorType::get(panel, element),
                                    y);
      store(y, e.pointer(result), e.add(e.mul(at, outputs), column), own);
    }
}

/// All rows of some panels: whole blocks, then what is left in halves.
static void writeRows(Emitter &e, BlockWriter &block,
                      const LinearVariant &variant, Value first, int64_t panels,
                      bool last) {
  Value rows = block.rows(), done = e.constant(0);
  for (int64_t count = variant.rows; count >= 1; count /= 2) {
    Value left = arith::SubIOp::create(e.b, e.loc, rows, done);
    Value size = e.constant(count);
    Value whole = e.mul(arith::DivUIOp::create(e.b, e.loc, left, size), size);
    Value end = e.add(done, whole);
    int64_t unroll = count == 1 ? variant.unroll : 1;
    e.loop(done, end, count, [&](Value row) {
      block.write(row, first, count, panels, unroll, last);
    });
    done = end;
  }
}

static LogicalResult emit(Emitter &e) {
  const LinearVariant &variant = choose(e.target);
  BlockWriter block(e);
  int64_t panels = panelsOf(find(e.kernel));
  int64_t last = (panels - 1) / variant.panels;
  e.loop(e.begin, e.end, 1, [&](Value task) {
    Value first = e.mul(task, variant.panels);
    Value isLast = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq,
                                         task, e.constant(last));
    e.branch(
        isLast,
        [&] {
          writeRows(e, block, variant, first, panels - last * variant.panels,
                    true);
        },
        [&] { writeRows(e, block, variant, first, variant.panels, false); });
  });
  return success();
}

const KernelFamily linearFamily = {"linear", accepts, tasks, emit};

} // namespace qopt::cpu
