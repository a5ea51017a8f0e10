// What tile programs are written with, whatever they run on.

#include "qopt/codegen/tile/Emitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/AffineExprVisitor.h"

using namespace mlir;

namespace qopt::tile {

static nn::Dims dimsOf(kernel::FuncOp kernel) {
  auto maps =
      llvm::to_vector(kernel.getDims().getAsValueRange<AffineMapAttr>());
  return nn::Dims(kernel.getBlock(), maps);
}

Emitter::Emitter(kernel::FuncOp kernel)
    : kernel(kernel), b(kernel.getContext()), loc(kernel.getLoc()),
      dims(dimsOf(kernel)) {}

void Emitter::bind(function_ref<Value(Type)> next) {
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  for (BlockArgument argument : kernel.getBlock().getArguments())
    if (isa<RankedTensorType>(argument.getType()))
      pointers[argument] = next(pointer);
  // A value that is given twice lies in two places; the first one is written.
  for (Value result : kernel.getResultValues())
    pointers.try_emplace(result, next(pointer));
  for (Operation *state : kernel.getStates())
    pointers[state->getResult(0)] = next(pointer);
  for (unsigned i = 0; i < kernel.getNumSymbols(); ++i)
    symbols.push_back(next(b.getI64Type()));

  // The capacities are the last symbols.
  SmallVector<Value> caches;
  for (BlockArgument argument : kernel.getBlock().getArguments())
    if (kernel.getLayout(argument).getCache())
      caches.push_back(argument);
  for (Operation *state : kernel.getStates())
    caches.push_back(state->getResult(0));
  for (auto [cache, symbol] :
       llvm::zip(llvm::reverse(caches), llvm::reverse(symbols)))
    capacities[cache] = symbol;
}

Value Emitter::atTop(function_ref<Value()> write) {
  OpBuilder::InsertionGuard guard(b);
  if (symbols.empty())
    b.setInsertionPointToStart(entry);
  else
    b.setInsertionPointAfterValue(symbols.back());
  return write();
}

Value Emitter::pointer(Value tensor) { return pointers.at(tensor); }

namespace {

/// Writes the arithmetic of an expression.
struct ExprWriter : AffineExprVisitor<ExprWriter, Value> {
  ExprWriter(OpBuilder &b, Location loc, ArrayRef<Value> symbols)
      : b(b), loc(loc), symbols(symbols) {}

  Value visitConstantExpr(AffineConstantExpr expr) {
    return arith::ConstantIntOp::create(b, loc, expr.getValue(), 64);
  }
  Value visitSymbolExpr(AffineSymbolExpr expr) {
    return symbols[expr.getPosition()];
  }
  Value visitDimExpr(AffineDimExpr expr) {
    llvm_unreachable("sizes are maps of symbols only");
  }
  Value visitAddExpr(AffineBinaryOpExpr expr) {
    return arith::AddIOp::create(b, loc, visit(expr.getLHS()),
                                 visit(expr.getRHS()));
  }
  Value visitMulExpr(AffineBinaryOpExpr expr) {
    return arith::MulIOp::create(b, loc, visit(expr.getLHS()),
                                 visit(expr.getRHS()));
  }
  // Sizes are not negative: truncating division is the floor.
  Value visitFloorDivExpr(AffineBinaryOpExpr expr) {
    return arith::DivSIOp::create(b, loc, visit(expr.getLHS()),
                                  visit(expr.getRHS()));
  }
  Value visitCeilDivExpr(AffineBinaryOpExpr expr) {
    Value one = arith::ConstantIntOp::create(b, loc, 1, 64);
    Value divisor = visit(expr.getRHS());
    Value sum = arith::AddIOp::create(b, loc, visit(expr.getLHS()), divisor);
    return arith::DivSIOp::create(
        b, loc, arith::SubIOp::create(b, loc, sum, one), divisor);
  }
  Value visitModExpr(AffineBinaryOpExpr expr) {
    return arith::RemSIOp::create(b, loc, visit(expr.getLHS()),
                                  visit(expr.getRHS()));
  }

  OpBuilder &b;
  Location loc;
  ArrayRef<Value> symbols;
};

} // namespace

Value writeExpr(OpBuilder &builder, Location loc, AffineExpr expr,
                ArrayRef<Value> symbols) {
  return ExprWriter(builder, loc, symbols).visit(expr);
}

Value Emitter::size(AffineExpr expr) {
  Value &value = sizes[expr];
  if (!value)
    value = atTop([&] { return writeExpr(b, loc, expr, symbols); });
  return value;
}

Value Emitter::size(Value tensor, int64_t axis) {
  return size(dims.of(tensor)[axis]);
}

Value Emitter::headStride(Value tensor) {
  Value positions = capacities.lookup(tensor);
  if (!positions)
    positions = size(tensor, 2);
  return mul(positions, size(tensor, 3));
}

Value Emitter::constant(int64_t value) {
  return arith::ConstantIntOp::create(b, loc, value, 64);
}

Value Emitter::constant(double value, Type type) {
  TypedAttr attr = b.getFloatAttr(getElementTypeOrSelf(type), value);
  if (auto vector = dyn_cast<VectorType>(type))
    attr = SplatElementsAttr::get(vector, attr);
  return arith::ConstantOp::create(b, loc, attr);
}

Value Emitter::add(Value a, Value b_) {
  return b.createOrFold<arith::AddIOp>(loc, a, b_);
}

Value Emitter::mul(Value a, Value b_) {
  return b.createOrFold<arith::MulIOp>(loc, a, b_);
}

Value Emitter::mul(Value a, int64_t factor) { return mul(a, constant(factor)); }

/// The type of an element in memory.
static Type inMemory(Type element) {
  return element.isInteger(1) ? IntegerType::get(element.getContext(), 8)
                              : element;
}

Value Emitter::offset(Value base, Value index, Type element) {
  return LLVM::GEPOp::create(b, loc, base.getType(), inMemory(element), base,
                             index);
}

Value Emitter::load(Type type, Value base, Value index) {
  Type element = getElementTypeOrSelf(type);
  Value address = offset(base, index, element);
  unsigned align = inMemory(element).getIntOrFloatBitWidth() / 8;
  if (!element.isInteger(1))
    return LLVM::LoadOp::create(b, loc, type, address, align);
  Type bytes = b.getI8Type();
  if (auto vector = dyn_cast<VectorType>(type))
    bytes = VectorType::get(vector.getShape(), bytes);
  Value byte = LLVM::LoadOp::create(b, loc, bytes, address, align);
  return arith::TruncIOp::create(b, loc, type, byte);
}

void Emitter::store(Value value, Value base, Value index) {
  Type type = value.getType(), element = getElementTypeOrSelf(type);
  Value address = offset(base, index, element);
  if (element.isInteger(1)) {
    Type bytes = b.getI8Type();
    if (auto vector = dyn_cast<VectorType>(type))
      bytes = VectorType::get(vector.getShape(), bytes);
    value = arith::ExtUIOp::create(b, loc, bytes, value);
  }
  unsigned align = inMemory(element).getIntOrFloatBitWidth() / 8;
  LLVM::StoreOp::create(b, loc, value, address, align);
}

SmallVector<Value>
Emitter::loop(Value from, Value to, int64_t step, ValueRange carried,
              function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  auto loop = scf::ForOp::create(b, loc, from, to, constant(step), carried);
  OpBuilder::InsertionGuard guard(b);
  Block *block = loop.getBody();
  // Without carried values the loop comes with its terminator.
  if (!block->empty())
    b.setInsertionPoint(block->getTerminator());
  else
    b.setInsertionPointToEnd(block);
  SmallVector<Value> next =
      body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (block->empty() || !block->back().hasTrait<OpTrait::IsTerminator>())
    scf::YieldOp::create(b, loc, next);
  return llvm::to_vector_of<Value>(loop.getResults());
}

void Emitter::loop(Value from, Value to, int64_t step,
                   function_ref<void(Value)> body) {
  loop(from, to, step, ValueRange(), [&](Value i, ValueRange) {
    body(i);
    return SmallVector<Value>();
  });
}

void Emitter::branch(Value condition, function_ref<void()> then,
                     function_ref<void()> otherwise) {
  auto branch = scf::IfOp::create(b, loc, TypeRange(), condition,
                                  /*addThenBlock=*/true,
                                  /*addElseBlock=*/bool(otherwise));
  OpBuilder::InsertionGuard guard(b);
  auto fill = [&](Block *block, function_ref<void()> write) {
    if (block->empty())
      b.setInsertionPointToEnd(block);
    else
      b.setInsertionPoint(block->getTerminator());
    write();
    if (block->empty() || !block->back().hasTrait<OpTrait::IsTerminator>())
      scf::YieldOp::create(b, loc);
  };
  fill(branch.thenBlock(), then);
  if (otherwise)
    fill(branch.elseBlock(), otherwise);
}

VectorType Emitter::vector(int64_t lanes, Type element) {
  return VectorType::get(lanes, element ? element : f32());
}

Type Emitter::f32() { return b.getF32Type(); }

} // namespace qopt::tile
