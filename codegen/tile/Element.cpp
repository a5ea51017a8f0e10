// What one element of a tensor is: loads, views, arithmetic.

#include "qopt/codegen/tile/Element.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "qopt/codegen/tile/Elementwise.h"
#include "qopt/codegen/tile/Math.h"
#include "qopt/dialects/kernel/Packing.h"
#include "qopt/dialects/nn/Nn.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace qopt::tile {

bool isElementOp(Operation *op) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    auto dense = dyn_cast<DenseElementsAttr>(constant.getValue());
    return !dense || dense.isSplat();
  }
  return isElementwise(op) ||
         isa<nn::ReshapeOp, nn::BroadcastOp, nn::TransposeOp, nn::SliceOp,
             nn::ConcatOp, nn::GatherOp, nn::GatherNdOp, nn::GatherElementsOp,
             nn::TriangleOp, nn::IotaOp, nn::FromIndexOp, nn::ReduceOp,
             nn::CumsumOp, nn::MatmulOp, nn::EmbeddingOp, nn::RopeOp,
             lowbit::EmbeddingOp, lowbit::DequantizeOp>(op);
}

static RankedTensorType ranked(Value value) {
  return cast<RankedTensorType>(value.getType());
}

Type Elements::registerType(Value tensor) {
  Type element = ranked(tensor).getElementType();
  return element.isF16() || element.isBF16() ? e.f32() : element;
}

Value Elements::less(Value a, Value b) {
  return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::slt, a, b);
}

Value Elements::choose(Value condition, Type type, function_ref<Value()> then,
                       function_ref<Value()> otherwise) {
  auto branch = scf::IfOp::create(e.b, e.loc, type, condition,
                                  /*addThenBlock=*/true, /*addElseBlock=*/true);
  OpBuilder::InsertionGuard guard(e.b);
  // What a branch writes is not there after it.
  auto before = known;
  e.b.setInsertionPointToEnd(branch.thenBlock());
  scf::YieldOp::create(e.b, e.loc, then());
  known = before;
  e.b.setInsertionPointToEnd(branch.elseBlock());
  scf::YieldOp::create(e.b, e.loc, otherwise());
  known = std::move(before);
  return branch.getResult(0);
}

SmallVector<Value> Elements::rowIndices(Value tensor, Value row) {
  int64_t rank = ranked(tensor).getRank();
  Indices indices(std::max<int64_t>(rank - 1, 0));
  for (int64_t axis = rank - 2; axis > 0; --axis) {
    Value size = e.size(tensor, axis);
    indices[axis] = arith::RemUIOp::create(e.b, e.loc, row, size);
    row = arith::DivUIOp::create(e.b, e.loc, row, size);
  }
  if (rank > 1)
    indices[0] = row;
  return indices;
}

SmallVector<Value> Elements::indicesAt(Value tensor, Value position) {
  int64_t rank = ranked(tensor).getRank();
  if (rank == 0)
    return {};
  Value width = e.size(tensor, rank - 1);
  Value row = position;
  if (rank > 1)
    row = arith::DivUIOp::create(e.b, e.loc, position, width);
  Indices indices = rowIndices(tensor, row);
  indices.push_back(
      rank == 1
          ? position
          : arith::RemUIOp::create(e.b, e.loc, position, width).getResult());
  return indices;
}

Value Elements::at(Value tensor, ArrayRef<Value> indices) {
  if (Value value = given.lookup(tensor))
    return value;
  for (auto &[where, value] : known[tensor])
    if (ArrayRef<Value>(where) == indices)
      return value;
  Value value = compute(tensor, indices);
  known[tensor].push_back({Indices(indices), value});
  return value;
}

Value Elements::compute(Value tensor, ArrayRef<Value> indices) {
  if (auto argument = dyn_cast<BlockArgument>(tensor))
    return this->argument(argument, indices);
  Operation *op = tensor.getDefiningOp();
  if (isElementwise(op))
    return element(op, indices);
  return TypeSwitch<Operation *, Value>(op)
      .Case([&](arith::ConstantOp) { return constant(op, indices); })
      .Case([&](nn::ConcatOp) { return concat(op, indices); })
      .Case([&](nn::ReduceOp) { return reduce(op, indices); })
      .Case([&](nn::CumsumOp) { return cumsum(op, indices); })
      .Case([&](nn::MatmulOp) { return matmul(op, indices); })
      .Case([&](nn::LinearOp) { return linear(op, indices); })
      .Case([&](nn::RopeOp) { return rope(op, indices); })
      .Case([&](nn::TriangleOp) { return triangle(op, indices); })
      .Case([&](nn::IotaOp) {
        Type type = registerType(tensor);
        if (isa<FloatType>(type))
          return Value(arith::SIToFPOp::create(e.b, e.loc, type, indices[0]));
        return type.isInteger(64) ? indices[0]
                                  : Value(arith::TruncIOp::create(
                                        e.b, e.loc, type, indices[0]));
      })
      .Case([&](nn::FromIndexOp from) {
        Value size = e.size(e.dims.ofIndex(from.getIndex()));
        Type type = registerType(tensor);
        return type.isInteger(64)
                   ? size
                   : Value(arith::TruncIOp::create(e.b, e.loc, type, size));
      })
      .Case([&](nn::EmbeddingOp embedding) {
        Indices id(indices.drop_back());
        Value row = indexAt(embedding.getIds(), id);
        return at(embedding.getTable(), {row, indices.back()});
      })
      .Case([&](lowbit::EmbeddingOp embedding) {
        Value row = indexAt(embedding.getIds(), indices.drop_back());
        return dequantized(embedding.getTable(), embedding.getScales(),
                           embedding.getZeros(), embedding.getScheme(),
                           {row, indices.back()});
      })
      .Case([&](lowbit::DequantizeOp dequantize) {
        return dequantized(dequantize.getCodes(), dequantize.getScales(),
                           dequantize.getZeros(), dequantize.getScheme(),
                           indices);
      })
      .Default([&](Operation *op) {
        return at(op->getOperand(0), viewed(op, indices));
      });
}

/// A code of a packed matrix, as i8.
Value Elements::packed(BlockArgument tensor, Value row, Value column) {
  kernel::Packing packing(e.kernel.getLayout(tensor),
                          ranked(tensor).getShape().back());
  auto div = [&](Value x, int64_t by) -> Value {
    return arith::DivUIOp::create(e.b, e.loc, x, e.constant(by));
  };
  auto rem = [&](Value x, int64_t by) -> Value {
    return arith::RemUIOp::create(e.b, e.loc, x, e.constant(by));
  };
  Value inPanel = rem(row, packing.panelRows());
  Value base = e.mul(div(row, packing.panelRows()), packing.panelBytes());
  Value field = div(inPanel, packing.lanes);
  auto bits = [&](Value byte, Value shift, int64_t mask) {
    Value code = e.load(e.b.getI8Type(), e.pointer(tensor), e.add(base, byte));
    code = arith::ExtUIOp::create(e.b, e.loc, e.b.getI64Type(), code);
    code = arith::ShRUIOp::create(e.b, e.loc, code, shift);
    return Value(arith::AndIOp::create(e.b, e.loc, code, e.constant(mask)));
  };
  Value place, first;
  if (packing.fragments) { // as Packing::low
    Value inLine = rem(inPanel, packing.lanes);
    Value block = div(column, kernel::fragmentColumns);
    Value thread = e.add(e.mul(rem(inLine, 8), 4), div(rem(column, 16), 4));
    Value word = e.add(div(inLine, 8),
                       e.mul(div(rem(column, kernel::fragmentColumns), 16), 2));
    place = e.add(e.add(e.mul(thread, 16), e.mul(word, 4)), rem(column, 4));
    first = e.mul(block, packing.stepLines() * packing.lineBytes());
  } else {
    Value line = div(column, 4);
    if (packing.bits == 3)
      line = e.add(line, div(column, 8));
    place = e.add(e.mul(rem(inPanel, packing.lanes), 4), rem(column, 4));
    first = e.mul(line, packing.lineBytes());
  }
  Value code = bits(e.add(first, place), e.mul(field, packing.plane),
                    (int64_t(1) << packing.plane) - 1);
  if (packing.bits == 3) {
    Value shift = e.add(e.mul(rem(div(column, 4), 2), 4), field);
    Value line = e.add(e.mul(div(column, 8), 3), e.constant(2));
    Value high = bits(e.add(e.mul(line, packing.lineBytes()), place), shift, 1);
    code = e.add(code, e.mul(high, 4));
  }
  code = e.add(code, e.constant(-packing.offset));
  return arith::TruncIOp::create(e.b, e.loc, e.b.getI8Type(), code);
}

/// f32(code - zero) * scale, of the set that the code is in.
Value Elements::dequantized(Value codes, Value scales, Value zeros,
                            lowbit::SchemeAttr scheme,
                            ArrayRef<Value> indices) {
  Indices set(indices.drop_back());
  if (scheme.getPer() == lowbit::Granularity::tensor)
    set = {e.constant(0)};
  else if (scheme.getPer() == lowbit::Granularity::group)
    set.push_back(arith::DivUIOp::create(e.b, e.loc, indices.back(),
                                         e.constant(scheme.getGroup())));
  Type i32 = e.b.getI32Type();
  Value code = arith::ExtSIOp::create(e.b, e.loc, i32, at(codes, indices));
  if (zeros) {
    Value zero = arith::ExtSIOp::create(e.b, e.loc, i32, at(zeros, set));
    code = arith::SubIOp::create(e.b, e.loc, code, zero);
  }
  Value number = arith::SIToFPOp::create(e.b, e.loc, e.f32(), code);
  return arith::MulFOp::create(e.b, e.loc, number, at(scales, set));
}

Value Elements::argument(BlockArgument tensor, ArrayRef<Value> indices) {
  kernel::LayoutAttr layout = e.kernel.getLayout(tensor);
  if (layout.getBits())
    return packed(tensor, indices[0], indices[1]);
  Value position = e.constant(0);
  if (int64_t panel = layout.getPanel(); panel > 0) {
    Value width = e.constant(panel), row = indices[0];
    Value column = arith::DivUIOp::create(e.b, e.loc, row, width);
    if (indices.size() > 1) // a vector lies like a matrix of one column
      column = e.add(e.mul(column, e.size(tensor, 1)), indices[1]);
    position = e.add(e.mul(column, width),
                     arith::RemUIOp::create(e.b, e.loc, row, width));
  } else if (layout.getCache()) {
    Value head = e.add(e.mul(indices[0], e.size(tensor, 1)), indices[1]);
    position = e.add(e.mul(head, e.headStride(tensor)),
                     e.add(e.mul(indices[2], e.size(tensor, 3)), indices[3]));
  } else {
    for (auto [axis, index] : llvm::enumerate(indices))
      position = axis == 0
                     ? index
                     : e.add(e.mul(position, e.size(tensor, axis)), index);
  }
  Type element = ranked(tensor).getElementType();
  Value value = e.load(element, e.pointer(tensor), position);
  if (registerType(tensor) != element)
    value = arith::ExtFOp::create(e.b, e.loc, registerType(tensor), value);
  return value;
}

/// Indices into `operand` for an element of a result it is broadcast to.
static SmallVector<Value> broadcastIndices(Emitter &e, Value operand,
                                           ArrayRef<Value> indices) {
  RankedTensorType type = ranked(operand);
  SmallVector<Value> own(indices.take_back(type.getRank()));
  for (auto [axis, index] : llvm::enumerate(own))
    if (type.getDimSize(axis) == 1)
      index = e.constant(0);
  return own;
}

Value Elements::element(Operation *op, ArrayRef<Value> indices) {
  SmallVector<Value> operands;
  for (Value operand : op->getOperands())
    operands.push_back(at(operand, broadcastIndices(e, operand, indices)));
  Value value = emitElement(e.b, op, operands);
  // Rounding to 16 bits is part of the meaning of the op.
  Type element = ranked(op->getResult(0)).getElementType();
  if (value.getType() == element || isa<nn::CastOp>(op))
    return value;
  Value half = arith::TruncFOp::create(e.b, e.loc, element, value);
  return arith::ExtFOp::create(e.b, e.loc, value.getType(), half);
}

Value Elements::constant(Operation *op, ArrayRef<Value>) {
  auto dense = cast<DenseElementsAttr>(cast<arith::ConstantOp>(op).getValue());
  Type type = registerType(op->getResult(0));
  if (auto floating = dyn_cast<FloatType>(type))
    return e.constant(dense.getSplatValue<APFloat>().convertToDouble(),
                      floating);
  APInt bits = dense.getSplatValue<APInt>();
  return arith::ConstantOp::create(e.b, e.loc, e.b.getIntegerAttr(type, bits));
}

Value Elements::concat(Operation *op, ArrayRef<Value> indices) {
  auto concat = cast<nn::ConcatOp>(op);
  Type type = registerType(op->getResult(0));
  int64_t axis = concat.getAxis();
  std::function<Value(unsigned, Value)> part = [&](unsigned i, Value index) {
    Value input = concat.getInputs()[i];
    Indices own(indices);
    own[axis] = index;
    if (i + 1 == concat.getInputs().size())
      return at(input, own);
    Value size = e.size(input, axis);
    return choose(
        less(index, size), type, [&] { return at(input, own); },
        [&] {
          return part(i + 1, arith::SubIOp::create(e.b, e.loc, index, size));
        });
  };
  return part(0, indices[axis]);
}

Value Elements::indexAt(Value tensor, ArrayRef<Value> indices) {
  Value index = at(tensor, indices);
  if (index.getType().isInteger(64))
    return index;
  return arith::ExtSIOp::create(e.b, e.loc, e.b.getI64Type(), index);
}

/// Negative indices count from the end.
Value Elements::wrapped(Value index, Value size) {
  Value negative = less(index, e.constant(0));
  return arith::SelectOp::create(e.b, e.loc, negative, e.add(index, size),
                                 index);
}

/// Indices into the only operand of a view.
SmallVector<Value> Elements::viewed(Operation *op, ArrayRef<Value> indices) {
  return TypeSwitch<Operation *, Indices>(op)
      .Case([&](nn::ReshapeOp) { return reshape(op, indices); })
      .Case([&](nn::BroadcastOp broadcast) {
        return broadcastIndices(e, broadcast.getInput(), indices);
      })
      .Case([&](nn::TransposeOp transpose) {
        Indices own(indices.size());
        for (auto [to, from] : llvm::enumerate(transpose.getPermutation()))
          own[from] = indices[to];
        return own;
      })
      .Case([&](nn::SliceOp slice) {
        Indices own(indices);
        Value &index = own[slice.getAxis()];
        if (slice.getStep() != 1)
          index = e.mul(index, slice.getStep());
        index = e.add(index, e.size(e.dims.ofIndex(slice.getStart())));
        return own;
      })
      .Case([&](nn::GatherOp gather) {
        int64_t axis = gather.getAxis();
        int64_t depth = ranked(gather.getIndices()).getRank();
        Value index = indexAt(gather.getIndices(), indices.slice(axis, depth));
        Indices own(indices.take_front(axis));
        own.push_back(wrapped(index, e.size(gather.getInput(), axis)));
        llvm::append_range(own, indices.drop_front(axis + depth));
        return own;
      })
      .Case([&](nn::GatherNdOp gather) {
        int64_t rank = ranked(gather.getIndices()).getRank();
        int64_t depth = ranked(gather.getIndices()).getShape().back();
        Indices own(indices.take_front(gather.getBatchDims()));
        for (int64_t i = 0; i < depth; ++i) {
          Indices place(indices.take_front(rank - 1));
          place.push_back(e.constant(i));
          Value size = e.size(gather.getInput(), own.size());
          own.push_back(wrapped(indexAt(gather.getIndices(), place), size));
        }
        llvm::append_range(own, indices.drop_front(rank - 1));
        return own;
      })
      .Case([&](nn::GatherElementsOp gather) {
        Indices own(indices);
        own[gather.getAxis()] =
            wrapped(indexAt(gather.getIndices(), indices),
                    e.size(gather.getInput(), gather.getAxis()));
        return own;
      });
}

/// Axes are matched from the left while their sizes agree, then from the
/// right; only what lies between is counted and divided again.
SmallVector<Value> Elements::reshape(Operation *op, ArrayRef<Value> indices) {
  Value input = op->getOperand(0);
  ArrayRef<AffineExpr> from = e.dims.of(input);
  ArrayRef<AffineExpr> to = e.dims.of(op->getResult(0));
  size_t front = 0, back = 0;
  while (front < from.size() && front < to.size() && from[front] == to[front])
    ++front;
  while (front + back < from.size() && front + back < to.size() &&
         from[from.size() - 1 - back] == to[to.size() - 1 - back])
    ++back;
  Value position = e.constant(0);
  for (size_t i = front; i < to.size() - back; ++i)
    position = i == front ? indices[i]
                          : e.add(e.mul(position, e.size(to[i])), indices[i]);
  Indices own(indices.take_front(front));
  Indices middle;
  for (size_t i = from.size() - back; i-- > front + 1;) {
    Value size = e.size(from[i]);
    middle.push_back(arith::RemUIOp::create(e.b, e.loc, position, size));
    position = arith::DivUIOp::create(e.b, e.loc, position, size);
  }
  if (front + back < from.size())
    middle.push_back(position);
  llvm::append_range(own, llvm::reverse(middle));
  llvm::append_range(own, indices.take_back(back));
  return own;
}

Value Elements::triangle(Operation *op, ArrayRef<Value> indices) {
  auto triangle = cast<nn::TriangleOp>(op);
  Type type = registerType(op->getResult(0));
  Value row = indices[indices.size() - 2], column = indices.back();
  if (triangle.getDiagonal())
    row = e.add(row, e.size(e.dims.ofIndex(triangle.getDiagonal())));
  auto keeps = triangle.getUpper() ? arith::CmpIPredicate::sge
                                   : arith::CmpIPredicate::sle;
  Value kept = arith::CmpIOp::create(e.b, e.loc, keeps, column, row);
  Value value = at(triangle.getInput(), indices);
  Value zero = arith::ConstantOp::create(e.b, e.loc, e.b.getZeroAttr(type));
  return arith::SelectOp::create(e.b, e.loc, kept, value, zero);
}

Value Elements::rope(Operation *op, ArrayRef<Value> indices) {
  auto rope = cast<nn::RopeOp>(op); // input [B, H, T, D], cos [B or 1, T, R/2]
  Type type = registerType(op->getResult(0));
  int64_t half = ranked(rope.getCos()).getShape().back();
  Value d = indices[3], width = e.constant(half), two = e.constant(2);
  auto rotated = [&]() -> Value {
    bool interleaved = rope.getInterleaved();
    Value pair = interleaved
                     ? arith::DivUIOp::create(e.b, e.loc, d, two).getResult()
                     : arith::RemUIOp::create(e.b, e.loc, d, width).getResult();
    Value which =
        interleaved ? arith::RemUIOp::create(e.b, e.loc, d, two).getResult()
                    : arith::DivUIOp::create(e.b, e.loc, d, width).getResult();
    Value first = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq,
                                        which, e.constant(0));
    int64_t distance = interleaved ? 1 : half;
    Indices partner(indices);
    partner[3] = arith::SelectOp::create(e.b, e.loc, first,
                                         e.add(d, e.constant(distance)),
                                         e.add(d, e.constant(-distance)));
    // One row of angles may serve all batches.
    Value last = e.add(e.size(rope.getCos(), 0), e.constant(-1));
    Value row = arith::MinSIOp::create(e.b, e.loc, indices[0], last);
    Indices angle{row, indices[2], pair};
    Math m{e.b, e.loc};
    Value sin = at(rope.getSin(), angle);
    sin = m.select(first, m.neg(sin), sin);
    return m.fma(at(rope.getInput(), partner), sin,
                 m.mul(at(rope.getInput(), indices), at(rope.getCos(), angle)));
  };
  if (2 * half == ranked(rope.getInput()).getShape().back())
    return rotated();
  return choose(less(d, e.constant(2 * half)), type, rotated,
                [&] { return at(rope.getInput(), indices); });
}

} // namespace qopt::tile
