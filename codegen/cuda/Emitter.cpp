// What the kernel families write their tile programs with.

#include "qopt/codegen/cuda/Emitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace qopt::cuda {

/// Address spaces of LLVM.
static constexpr unsigned globalSpace = 1, sharedSpace = 3;

Emitter::Emitter(gpu::GPUModuleOp module, kernel::FuncOp kernel,
                 StringRef symbol, const Phases &plan, int64_t threads)
    : tile::Emitter(kernel), threads(threads) {
  MLIRContext *context = b.getContext();
  b.setInsertionPointToEnd(module.getBody());
  SmallVector<Type> parameters;
  Type pointer = LLVM::LLVMPointerType::get(context), i64 = b.getI64Type();
  // The signature is what bind asks for: the function grows with it.
  auto nothing = LLVM::LLVMVoidType::get(context);
  function = LLVM::LLVMFuncOp::create(b, loc, symbol,
                                      LLVM::LLVMFunctionType::get(nothing, {}));
  entry = function.addEntryBlock(b);
  auto next = [&](Type type) {
    parameters.push_back(type);
    return Value(entry->addArgument(type, loc));
  };
  bind(next);
  if (plan.workspace || plan.rounds)
    workspace = next(pointer);
  if (plan.rounds)
    round = next(i64);
  function.setFunctionType(LLVM::LLVMFunctionType::get(nothing, parameters));
  function->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), b.getUnitAttr());
  function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(),
                    b.getUnitAttr());
  function->setAttr(NVVM::NVVMDialect::getReqntidAttrName(),
                    b.getDenseI32ArrayAttr({int32_t(threads)}));
  b.setInsertionPointToEnd(entry);
  auto end = LLVM::ReturnOp::create(b, loc, ValueRange());
  b.setInsertionPoint(end);
  auto range = LLVM::ConstantRangeAttr::get(context, 32, 0, threads);
  block = widen(NVVM::BlockIdXOp::create(b, loc, b.getI32Type()));
  thread = widen(NVVM::ThreadIdXOp::create(b, loc, b.getI32Type(), range));
  lane = rem(thread, warpSize);
  warp = div(thread, warpSize);
}

void Emitter::finish() {
  if (sharedSize == 0)
    return;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(function);
  auto type = LLVM::LLVMArrayType::get(b.getI8Type(), sharedSize);
  LLVM::GlobalOp::create(b, loc, type, /*isConstant=*/false,
                         LLVM::Linkage::Internal,
                         function.getSymName().str() + "_shared", Attribute(),
                         /*alignment=*/16, sharedSpace);
}

void Emitter::allowRegisters(int64_t count) {
  constexpr int64_t ofChip = 64 << 10; // of an SM, from sm_80 on
  int64_t blocks = std::max<int64_t>(1, ofChip / (count * threads));
  function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(),
                    b.getI32IntegerAttr(blocks));
}

Value Emitter::shared(int64_t bytes) {
  int64_t start = sharedSize;
  sharedSize = llvm::alignTo(start + bytes, 16);
  return atTop([&]() -> Value {
    auto type = LLVM::LLVMPointerType::get(b.getContext(), sharedSpace);
    Value base = LLVM::AddressOfOp::create(
        b, loc, type, function.getSymName().str() + "_shared");
    return offset(base, constant(start), b.getI8Type());
  });
}

Value Emitter::table(ArrayRef<uint64_t> words, StringRef what) {
  std::string name = (function.getSymName() + "_" + what).str();
  auto module = function->getParentOfType<gpu::GPUModuleOp>();
  if (!module.lookupSymbol(name)) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(function);
    auto type = LLVM::LLVMArrayType::get(b.getI64Type(), words.size());
    auto attr = DenseElementsAttr::get(
        RankedTensorType::get(words.size(), b.getI64Type()), words);
    LLVM::GlobalOp::create(b, loc, type, /*isConstant=*/true,
                           LLVM::Linkage::Internal, name, attr,
                           /*alignment=*/16, globalSpace);
  }
  return atTop([&]() -> Value {
    auto generic = LLVM::LLVMPointerType::get(b.getContext());
    auto global = LLVM::LLVMPointerType::get(b.getContext(), globalSpace);
    Value address = LLVM::AddressOfOp::create(b, loc, global, name);
    return LLVM::AddrSpaceCastOp::create(b, loc, generic, address);
  });
}

void Emitter::barrier() { NVVM::Barrier0Op::create(b, loc); }

void Emitter::warpBarrier() { NVVM::SyncWarpOp::create(b, loc, i32(-1)); }

void Emitter::copyAsync(Value to, Value from, Value size) {
  auto global = LLVM::LLVMPointerType::get(b.getContext(), globalSpace);
  from = LLVM::AddrSpaceCastOp::create(b, loc, global, from);
  NVVM::CpAsyncOp::create(b, loc, to, from, 16, NVVM::LoadCacheModifierKind::CG,
                          size);
}

void Emitter::commitCopies() { NVVM::CpAsyncCommitGroupOp::create(b, loc); }

void Emitter::waitForCopies() {
  NVVM::CpAsyncWaitGroupOp::create(b, loc, b.getI32IntegerAttr(0));
}

static unsigned bytesOf(VectorType type) {
  return type.getNumElements() * type.getElementType().getIntOrFloatBitWidth() /
         8;
}

Value Emitter::loadWide(VectorType type, Value base, Value index) {
  Value address = offset(base, index, type.getElementType());
  return LLVM::LoadOp::create(b, loc, type, address, bytesOf(type));
}

void Emitter::storeWide(Value value, Value base, Value index) {
  auto type = cast<VectorType>(value.getType());
  Value address = offset(base, index, type.getElementType());
  LLVM::StoreOp::create(b, loc, value, address, bytesOf(type));
}

Value Emitter::element(Value vector, int64_t i) {
  return vector::ExtractOp::create(b, loc, vector, i);
}

Value Emitter::vectorOf(ArrayRef<Value> elements) {
  auto type = VectorType::get(elements.size(), elements[0].getType());
  return vector::FromElementsOp::create(b, loc, type, elements);
}

Value Emitter::shuffle(Value x, int64_t distance) {
  auto move = [&](Value x) -> Value {
    return NVVM::ShflOp::create(b, loc, x.getType(), i32(-1), x, i32(distance),
                                i32(warpSize - 1), NVVM::ShflKind::bfly,
                                UnitAttr());
  };
  if (x.getType().getIntOrFloatBitWidth() == 32)
    return move(x);
  // Of 64 bits, in halves.
  VectorType halves = vector(2, b.getI32Type());
  Value words = LLVM::BitcastOp::create(b, loc, halves, x);
  words = vectorOf({move(element(words, 0)), move(element(words, 1))});
  return LLVM::BitcastOp::create(b, loc, x.getType(), words);
}

Value Emitter::shuffleFrom(Value x, Value lane) {
  return NVVM::ShflOp::create(b, loc, x.getType(), i32(-1), x, narrow(lane),
                              i32(warpSize - 1), NVVM::ShflKind::idx,
                              UnitAttr());
}

Value Emitter::joinLanes(Value x, Join join, int64_t from, int64_t to) {
  for (int64_t distance = to / 2; distance >= from; distance /= 2)
    x = join(x, shuffle(x, distance));
  return x;
}

Value Emitter::joinBlock(Value x, Join join) {
  x = joinLanes(x, join);
  if (warps() == 1)
    return x;
  Value place = shared(x.getType().getIntOrFloatBitWidth() / 8 * warps());
  // What was there may still be read.
  barrier();
  branch(equal(lane, constant(0)), [&] { store(x, place, warp); });
  barrier();
  Value sum = load(x.getType(), place, constant(0));
  for (int64_t i = 1; i < warps(); ++i)
    sum = join(sum, load(x.getType(), place, constant(i)));
  return sum;
}

Value Emitter::choose(Value condition, Type type, function_ref<Value()> then,
                      function_ref<Value()> otherwise) {
  auto branch = scf::IfOp::create(b, loc, type, condition,
                                  /*addThenBlock=*/true, /*addElseBlock=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(branch.thenBlock());
  scf::YieldOp::create(b, loc, then());
  b.setInsertionPointToEnd(branch.elseBlock());
  scf::YieldOp::create(b, loc, otherwise());
  return branch.getResult(0);
}

Value Emitter::less(Value a, Value c) {
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, a, c);
}

Value Emitter::equal(Value a, Value c) {
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, a, c);
}

Value Emitter::div(Value a, int64_t c) {
  return b.createOrFold<arith::DivUIOp>(loc, a, constant(c));
}

Value Emitter::rem(Value a, int64_t c) {
  return b.createOrFold<arith::RemUIOp>(loc, a, constant(c));
}

Value Emitter::sub(Value a, Value c) {
  return b.createOrFold<arith::SubIOp>(loc, a, c);
}

Value Emitter::smaller(Value a, Value c) {
  return b.createOrFold<arith::MinSIOp>(loc, a, c);
}

Value Emitter::i32(int64_t value) {
  return arith::ConstantIntOp::create(b, loc, value, 32);
}

Value Emitter::narrow(Value x) {
  return b.createOrFold<arith::TruncIOp>(loc, b.getI32Type(), x);
}

Value Emitter::widen(Value x) {
  return b.createOrFold<arith::ExtUIOp>(loc, b.getI64Type(), x);
}

} // namespace qopt::cuda
