// From a function of the LLVM dialect to instructions of the simulator.
//
// Blocks are put in an order in which a loop comes before what follows it: the
// warp runs the group of lanes that is furthest behind.

#include "qopt/codegen/simt/Decoder.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qopt/codegen/simt/Simulator.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace qopt::simt {

unsigned lineOf(Operation *op) {
  auto place = op->getLoc()->findInstanceOf<FileLineColLoc>();
  return place ? place.getLine() : 0;
}

static const Writers &allWriters() {
  static const Writers writers = [] {
    Writers made;
    addConstants(made);
    addAggregates(made);
    addControl(made);
    addIntegers(made);
    addFloats(made);
    addConversions(made);
    addMemory(made);
    addCollectives(made);
    addCopies(made);
    addMatrices(made);
    return made;
  }();
  return writers;
}

Decoder::Decoder(Simulator &simulator, LLVM::LLVMFuncOp function, Code &code)
    : simulator(simulator), function(function), code(code),
      layout(DataLayout::closest(function)),
      isKernel(function->hasAttr(NVVM::NVVMDialect::getKernelFuncAttrName())) {
  code.name = function.getSymName().str();
  code.function = function;
}

InFlightDiagnostic Decoder::unknown(StringRef why) {
  auto error = op->emitError()
               << (isKernel ? "kernel '" : "function '") << code.name
               << "', line " << lineOf(op) << ": the simulator does not know '"
               << op->getName() << "'";
  if (!why.empty())
    error << ": " << why;
  return error;
}

LogicalResult Decoder::collect(Type type, SmallVector<Scalar, 4> &into) {
  if (auto vector = dyn_cast<VectorType>(type)) {
    if (vector.getRank() != 1 || vector.isScalable())
      return failure();
    for (int64_t i = 0; i < vector.getNumElements(); ++i)
      if (failed(collect(vector.getElementType(), into)))
        return failure();
    return success();
  }
  if (auto structure = dyn_cast<LLVM::LLVMStructType>(type)) {
    for (Type field : structure.getBody())
      if (failed(collect(field, into)))
        return failure();
    return success();
  }
  if (auto array = dyn_cast<LLVM::LLVMArrayType>(type)) {
    for (unsigned i = 0; i < array.getNumElements(); ++i)
      if (failed(collect(array.getElementType(), into)))
        return failure();
    return success();
  }
  if (isa<LLVM::LLVMPointerType>(type))
    into.push_back({Scalar::pointer, 64});
  else if (auto integer = dyn_cast<IntegerType>(type);
           integer && integer.getWidth() <= 64)
    into.push_back({Scalar::integer, integer.getWidth()});
  else if (type.isF16())
    into.push_back({Scalar::f16, 16});
  else if (type.isBF16())
    into.push_back({Scalar::bf16, 16});
  else if (type.isF32())
    into.push_back({Scalar::f32, 32});
  else if (type.isF64())
    into.push_back({Scalar::f64, 64});
  else
    return failure();
  return success();
}

FailureOr<SmallVector<Scalar, 4>> Decoder::scalarsOf(Type type) {
  SmallVector<Scalar, 4> scalars;
  if (failed(collect(type, scalars)))
    return failure();
  return scalars;
}

FailureOr<Scalar> Decoder::scalarOf(Type type) {
  auto scalars = scalarsOf(getElementTypeOrSelf(type));
  if (failed(scalars) || scalars->size() != 1)
    return failure();
  return scalars->front();
}

uint32_t Decoder::fresh(uint32_t count) {
  uint32_t first = code.registers;
  code.registers += count;
  return first;
}

Registers Decoder::define(Value value) {
  auto scalars = scalarsOf(value.getType());
  size_t count = failed(scalars) ? 0 : scalars->size();
  Registers made(count);
  uint32_t first = fresh(count);
  for (size_t i = 0; i < count; ++i)
    made[i] = first + i;
  registers[value] = made;
  return made;
}

uint32_t Decoder::constant(uint64_t bits, bool wide) {
  auto [found, isNew] = constants.try_emplace({bits, unsigned(wide)}, 0);
  if (isNew) {
    found->second = fresh();
    code.constants.push_back({found->second, wide, bits});
  }
  return found->second;
}

std::optional<uint64_t> Decoder::constantOf(Value value) {
  const Registers &where = of(value);
  if (where.size() == 1)
    for (const Code::Constant &constant : code.constants)
      if (constant.to == where.front())
        return constant.bits;
  return std::nullopt;
}

Instr &Decoder::emit(Step step, uint32_t to, uint32_t a, uint32_t b, uint32_t c,
                     int64_t number) {
  Instr &instr = code.instrs.emplace_back();
  instr.step = step;
  instr.to = to;
  instr.a = a;
  instr.b = b;
  instr.c = c;
  instr.number = number;
  code.origins.push_back(op);
  return instr;
}

void Decoder::list(Instr &instr, ArrayRef<uint32_t> values) {
  instr.list = code.lists.size();
  instr.count = values.size();
  llvm::append_range(code.lists, values);
}

static void stepJump(Warp &warp, const Instr &i) { warp.jump(i.number); }

/// To `number` where a holds, else to the next instruction.
static void stepBranch(Warp &warp, const Instr &i) {
  const uint32_t *condition = warp.at<uint32_t>(i.a);
  uint32_t taken = 0;
  warp.each([&](unsigned lane) { taken |= (condition[lane] & 1) << lane; });
  warp.split(taken, i.number, warp.pc);
}

template <class T> static void stepCopy(Warp &warp, const Instr &i) {
  const T *from = warp.at<T>(i.a);
  T *to = warp.at<T>(i.to);
  warp.each([&](unsigned lane) { to[lane] = from[lane]; });
}

/// Gives the arguments of a block their values, all at once.
void Decoder::copy(Block *block, ValueRange arguments) {
  struct Move {
    uint32_t to, from;
    bool wide;
  };
  SmallVector<Move> moves;
  llvm::SmallDenseSet<uint32_t> written;
  bool overlaps = false;
  for (auto [argument, value] : llvm::zip(block->getArguments(), arguments)) {
    auto scalars = scalarsOf(value.getType());
    for (auto [to, from, scalar] : llvm::zip(of(argument), of(value), *scalars))
      if (to != from)
        moves.push_back({to, from, scalar.isWide()});
  }
  for (const Move &move : moves) {
    overlaps |= written.contains(move.from);
    written.insert(move.to);
  }
  auto move = [&](uint32_t to, uint32_t from, bool wide) {
    emit(wide ? stepCopy<uint64_t> : stepCopy<uint32_t>, to, from);
  };
  if (overlaps)
    for (Move &each : moves) {
      uint32_t between = fresh();
      move(between, each.from, each.wide);
      each.from = between;
    }
  for (const Move &each : moves)
    move(each.to, each.from, each.wide);
}

void Decoder::goTo(Block *block, ValueRange arguments) {
  copy(block, arguments);
  emit(stepJump);
  jumps.push_back({position() - 1, block});
}

void Decoder::branch(uint32_t condition, Block *block, ValueRange arguments,
                     Block *otherwise, ValueRange otherArguments) {
  uint32_t at = position();
  emit(stepBranch, 0, condition);
  if (otherwise) {
    goTo(otherwise, otherArguments);
    code.instrs[at].number = position();
    return goTo(block, arguments);
  }
  // The condition holds: through here; else behind it.
  emit(stepJump);
  code.instrs[at].number = position();
  goTo(block, arguments);
  code.instrs[at + 1].number = position();
}

LogicalResult Decoder::decode(Operation &operation) {
  op = &operation;
  for (Value result : op->getResults())
    if (failed(scalarsOf(result.getType()))) {
      std::string type;
      llvm::raw_string_ostream(type) << "of type " << result.getType();
      return unknown(type);
    }
  const auto *write = allWriters().find(op);
  if (!write)
    return unknown();
  return (*write)(*this, op);
}

/// Blocks in reverse post-order, later successors first visited.
static void order(Block *block, llvm::SmallPtrSetImpl<Block *> &seen,
                  std::vector<Block *> &finished) {
  if (!seen.insert(block).second)
    return;
  for (Block *next : llvm::reverse(block->getSuccessors()))
    order(next, seen, finished);
  finished.push_back(block);
}

LogicalResult Decoder::run() {
  op = function;
  if (auto size = function->getAttrOfType<DenseI32ArrayAttr>(
          NVVM::NVVMDialect::getReqntidAttrName())) {
    code.blockSize = 1;
    for (int32_t threads : size.asArrayRef())
      code.blockSize *= threads;
  }
  std::vector<Block *> blocks;
  llvm::SmallPtrSet<Block *, 16> seen;
  order(&function.getBody().front(), seen, blocks);
  for (Block *block : llvm::reverse(blocks))
    for (BlockArgument argument : block->getArguments()) {
      auto scalars = scalarsOf(argument.getType());
      if (failed(scalars))
        return function.emitError("the simulator does not know the type ")
               << argument.getType();
      define(argument);
    }
  for (BlockArgument argument : function.getBody().getArguments()) {
    auto scalar = scalarOf(argument.getType());
    if (failed(scalar) || !scalar->isWide())
      return function.emitError("expects pointers and i64 as arguments, got ")
             << argument.getType();
    code.parameters.push_back(of(argument).front());
  }
  for (Block *block : llvm::reverse(blocks)) {
    starts[block] = position();
    for (Operation &operation : *block)
      if (failed(decode(operation)))
        return failure();
  }
  for (auto [at, block] : jumps)
    code.instrs[at].number = starts[block];
  return success();
}

} // namespace qopt::simt
