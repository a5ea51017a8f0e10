// lowbit.linear by packed codes, with its epilogue, on the GPU.
//
//   one row: bound by reading W                        see LowbitGemv.cpp
//     for every panel of W:                            a block
//       dot products by 4, or multiply-adds
//   more rows: matrix instructions                     see LowbitGemm.cpp
//   groups that end inside of 32 columns, and codes of 3 bits: multiply-adds
//                                                      see LowbitTile.cpp
//
// A launch is written for each of these; all but one have no blocks. A
// panel is 16 rows for every bit field of a byte. What a thread loads is what
// a matrix instruction takes from it (fragments of #kernel.layout), so that one
// layout serves few rows and many.

#include "qopt/codegen/cuda/LowbitLinear.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qopt/codegen/cuda/Epilogue.h"
#include "qopt/codegen/cuda/Families.h"
#include "qopt/codegen/tile/MapElement.h"
#include "qopt/codegen/tile/Math.h"
#include "qopt/codegen/tile/Tasks.h"

using namespace mlir;

namespace qopt::cuda {

LowbitShape::LowbitShape(kernel::FuncOp kernel, lowbit::LinearOp op)
    : op(op), packing(kernel.getLayout(cast<BlockArgument>(op.getWeight())),
                      op.getWeight().getType().getDimSize(1)),
      outputs(op.getWeight().getType().getDimSize(0)),
      channels(op.getWeight().getType().getDimSize(1)),
      panels(packing.panels(outputs)),
      blocks(llvm::divideCeil(channels, kernel::fragmentColumns)),
      codes(bool(op.getInputScales())),
      perTensor(op.getScheme().getPer() == lowbit::Granularity::tensor) {
  bool grouped = op.getScheme().getPer() == lowbit::Granularity::group;
  int64_t size = grouped ? op.getScheme().getGroup() : channels;
  groups = grouped ? channels / size : 1;
  unit = groups == 1 ? 1 : llvm::divideCeil(size, kernel::fragmentColumns);
}

FragmentPlace::FragmentPlace(Emitter &e)
    : row(e.div(e.lane, 4)), column(e.mul(e.rem(e.lane, 4), 4)) {}

Value loadFragment(Emitter &e, const LowbitShape &shape, Value panel,
                   Value block) {
  int64_t words = shape.packing.panelBytes() / 4;
  int64_t blockWords = 4 * warpSize;
  Value index = e.add(e.add(e.mul(panel, words), e.mul(block, blockWords)),
                      e.mul(e.lane, 4));
  lowbit::LinearOp op = shape.op;
  return e.loadWide(e.vector(4, e.b.getI32Type()), e.pointer(op.getWeight()),
                    index);
}

Value fieldOf(Emitter &e, const LowbitShape &shape, Value word, int64_t field) {
  int64_t bits = shape.packing.bits;
  if (bits == 8)
    return word;
  if (field)
    word = arith::ShRUIOp::create(e.b, e.loc, word, e.i32(field * bits));
  int64_t mask = ((1 << bits) - 1) * 0x01010101;
  return arith::AndIOp::create(e.b, e.loc, word, e.i32(mask));
}

Value loadCodes(Emitter &e, const LowbitShape &shape, Value row, Value column) {
  lowbit::LinearOp op = shape.op;
  Value input = e.pointer(op.getInput());
  Value index = e.add(e.mul(row, shape.channels), column);
  Type i8 = e.b.getI8Type(), i32 = e.b.getI32Type();
  auto inside = [&](Value column) {
    return e.less(column, e.constant(shape.channels));
  };
  auto whole = [&]() -> Value {
    Value four = e.loadWide(e.vector(4, i8), input, index);
    return LLVM::BitcastOp::create(e.b, e.loc, i32, four);
  };
  if (shape.isWhole())
    return whole();
  if (shape.channels % 4 == 0)
    return e.choose(inside(column), i32, whole, [&] { return e.i32(0); });
  Value word = e.i32(0);
  for (int64_t i = 0; i < 4; ++i) {
    Value one = e.choose(
        inside(e.add(column, e.constant(i))), i8,
        [&] { return e.load(i8, input, e.add(index, e.constant(i))); },
        [&]() -> Value {
          return arith::ConstantIntOp::create(e.b, e.loc, 0, 8);
        });
    one = arith::ExtUIOp::create(e.b, e.loc, i32, one);
    one = arith::ShLIOp::create(e.b, e.loc, one, e.i32(8 * i));
    word = arith::OrIOp::create(e.b, e.loc, word, one);
  }
  return word;
}

SmallVector<Value> loadFour(Emitter &e, const LowbitShape &shape, Value row,
                            Value column) {
  lowbit::LinearOp op = shape.op;
  Value input = e.pointer(op.getInput());
  Type element = getElementTypeOrSelf(op.getInput().getType());
  Value index = e.add(e.mul(row, shape.channels), column);
  SmallVector<Value> x;
  if (shape.isWhole()) {
    Value four = e.loadWide(e.vector(4, element), input, index);
    for (int64_t i = 0; i < 4; ++i)
      x.push_back(e.element(four, i));
    return x;
  }
  for (int64_t i = 0; i < 4; ++i) {
    Value inside =
        e.less(e.add(column, e.constant(i)), e.constant(shape.channels));
    x.push_back(e.choose(
        inside, element,
        [&] { return e.load(element, input, e.add(index, e.constant(i))); },
        [&] { return e.constant(0.0, element); }));
  }
  return x;
}

SmallVector<Value> loadNumbers(Emitter &e, const LowbitShape &shape, Value row,
                               Value column) {
  SmallVector<Value> four = loadFour(e, shape, row, column);
  for (Value &x : four)
    if (x.getType() != e.f32())
      x = arith::ExtFOp::create(e.b, e.loc, e.f32(), x);
  return four;
}

/// 2^23 as bits: a code in the low bits of its mantissa is added to it.
static constexpr int32_t mantissa = 0x4b000000;

Value liftOf(Emitter &e, const LowbitShape &shape, Value zero) {
  double lift = -double(0x1p23) - shape.packing.offset;
  if (!zero)
    return e.constant(lift, e.f32());
  // Integers below 2^24: exact.
  Math m{e.b, e.loc};
  zero = arith::SIToFPOp::create(e.b, e.loc, e.f32(), zero);
  return m.sub(e.constant(lift, e.f32()), zero);
}

Value numberOf(Emitter &e, const LowbitShape &shape, Value word, int64_t field,
               int64_t i, Value lift) {
  int64_t bits = shape.packing.bits, place = 8 * i + field * bits;
  if (place)
    word = arith::ShRUIOp::create(e.b, e.loc, word, e.i32(place));
  word = arith::AndIOp::create(e.b, e.loc, word, e.i32((1 << bits) - 1));
  word = arith::OrIOp::create(e.b, e.loc, word, e.i32(mantissa));
  Math m{e.b, e.loc};
  return m.add(m.bits(word, e.f32()), lift);
}

void finishSum(Emitter &e, const LowbitShape &shape, lowbit::LinearOp op,
               const SumPlace &place, Value sum) {
  Math m{e.b, e.loc};
  if (shape.groups == 1) {
    if (shape.codes)
      sum = arith::SIToFPOp::create(e.b, e.loc, e.f32(), sum);
    sum = m.mul(sum, loadScale(e, shape, op.getWeightScales(), place.panel,
                               place.inPanel, e.constant(0)));
  }
  if (shape.codes)
    sum =
        m.mul(sum, e.load(e.f32(), e.pointer(op.getInputScales()), place.row));
  finishElement(e, op, op.getBias(), sum, place.row, place.output);
}

Value loadScale(Emitter &e, const LowbitShape &shape, Value tensor, Value panel,
                Value row, Value group) {
  Type element = cast<RankedTensorType>(tensor.getType()).getElementType();
  Value index = e.constant(0);
  if (!shape.perTensor)
    index = e.add(e.mul(e.add(e.mul(panel, shape.groups), group), shape.rows()),
                  row);
  Value x = e.load(element, e.pointer(tensor), index);
  if (element.isInteger(8))
    return arith::ExtSIOp::create(e.b, e.loc, e.b.getI32Type(), x);
  return element == e.f32()
             ? x
             : Value(arith::ExtFOp::create(e.b, e.loc, e.f32(), x));
}

Value dot4(Emitter &e, Value a, Value b, Value c) {
  auto bytes = [&](Value word) {
    return LLVM::BitcastOp::create(e.b, e.loc, e.vector(4, e.b.getI8Type()),
                                   word);
  };
  return NVVM::DotAccumulate4WayOp::create(
      e.b, e.loc, e.b.getI32Type(), bytes(a), NVVM::DotAccumulateType::UNSIGNED,
      bytes(b), NVVM::DotAccumulateType::SIGNED, c);
}

static lowbit::LinearOp find(kernel::FuncOp kernel) {
  auto found = kernel.getBlock().getOps<lowbit::LinearOp>();
  return llvm::hasSingleElement(found) ? *found.begin() : nullptr;
}

/// Whether scales or zeros lie beside the rows of a panel.
static bool liesInPanels(kernel::FuncOp kernel, Value tensor,
                         const LowbitShape &shape) {
  if (!tensor)
    return true;
  auto argument = dyn_cast<BlockArgument>(tensor);
  return argument && (shape.perTensor ||
                      kernel.getLayout(argument).getPanel() == shape.rows());
}

static bool accepts(kernel::FuncOp kernel) {
  lowbit::LinearOp op = find(kernel);
  auto weight = op ? dyn_cast<BlockArgument>(op.getWeight()) : nullptr;
  if (!weight || !kernel.getLayout(weight).getBits() ||
      !hasEpilogue(kernel, op) || !isa<BlockArgument>(op.getInput()) ||
      getElementTypeOrSelf(op.getInput().getType()).isF64())
    return false;
  if (op.getInputScales() && !isa<BlockArgument>(op.getInputScales()))
    return false;
  LowbitShape shape(kernel, op);
  return liesInPanels(kernel, op.getWeightScales(), shape) &&
         liesInPanels(kernel, op.getZeros(), shape);
}

AffineExpr rowsOfInput(Emitter &e, lowbit::LinearOp op) {
  return tile::productOf(e.b.getContext(),
                         e.dims.of(op.getInput()).drop_back());
}

/// Rows that are few, and some.
static constexpr int64_t fewRows = 8, someRows = 64;

static Phases phases(kernel::FuncOp kernel) {
  lowbit::LinearOp op = find(kernel);
  LowbitShape shape(kernel, op);
  AffineExpr rows = rowsOf(kernel, op.getInput());
  AffineExpr few = isAtMost(rows, fewRows);
  // Scales that change inside a fragment, or codes that lie in none: of 3 bits.
  if (!shape.packing.fragments || !shape.hasWholeGroups())
    return {{lowbitTiles(shape, rows)}, {}, {}};
  AffineExpr one = isAtMost(rows, 1);
  AffineExpr some = isAtMost(rows, someRows);
  AffineExpr tiles = rows.ceilDiv(lowbitTileRows(shape));
  Phases plan;
  addLowbitGemv(plan, shape, one);
  plan.phases.append({lowbitFewRows(shape, few - one),
                      lowbitSomeRows(shape, tiles * (some - few)),
                      lowbitManyRows(shape, tiles * (1 - some))});
  return plan;
}

const KernelFamily lowbitLinearFamily = {"lowbit_linear", accepts, phases};

} // namespace qopt::cuda
