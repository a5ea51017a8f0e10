// Constants, what takes values apart, and what decides where lanes go on.

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qopt/codegen/simt/Decoder.h"
#include "qopt/codegen/simt/Simulator.h"

using namespace mlir;

namespace qopt::simt {

static LogicalResult writeConstant(Decoder &d, LLVM::ConstantOp op) {
  auto scalar = d.scalarOf(op.getType());
  if (failed(scalar))
    return d.unknown("a constant of several types");
  Registers values;
  auto add = [&](const APInt &bits) {
    values.push_back(d.constant(bits.getZExtValue(), scalar->isWide()));
  };
  Attribute value = op.getValue();
  if (auto integer = dyn_cast<IntegerAttr>(value)) {
    add(integer.getValue());
  } else if (auto number = dyn_cast<FloatAttr>(value)) {
    add(number.getValue().bitcastToAPInt());
  } else if (auto elements = dyn_cast<DenseElementsAttr>(value)) {
    if (elements.getElementType().isIntOrIndex())
      for (const APInt &element : elements.getValues<APInt>())
        add(element);
    else
      for (const APFloat &element : elements.getValues<APFloat>())
        add(element.bitcastToAPInt());
  } else {
    return d.unknown("a constant of this kind");
  }
  auto scalars = d.scalarsOf(op.getType());
  if (failed(scalars) || scalars->size() != values.size())
    return d.unknown("a constant of another size than its type");
  d.alias(op, std::move(values));
  return success();
}

/// Zero, and what has no value: any is right.
template <class Op> static LogicalResult writeZero(Decoder &d, Op op) {
  Registers values;
  for (Scalar scalar : *d.scalarsOf(op.getType()))
    values.push_back(d.constant(0, scalar.isWide()));
  d.alias(op, std::move(values));
  return success();
}

static LogicalResult writeAddress(Decoder &d, LLVM::AddressOfOp op) {
  Operation *symbol = d.simulator.lookup(
      op, FlatSymbolRefAttr::get(op.getContext(), op.getGlobalName()));
  auto global = dyn_cast_or_null<LLVM::GlobalOp>(symbol);
  constexpr unsigned sharedSpace = 3;
  if (!global || global.getAddrSpace() != sharedSpace) {
    auto address = d.simulator.addressOf(
        op, FlatSymbolRefAttr::get(op.getContext(), op.getGlobalName()));
    if (failed(address))
      return failure();
    d.alias(op, {d.constant(*address, true)});
    return success();
  }
  auto found = llvm::find_if(d.code.shared, [&](const SharedVariable &known) {
    return known.name == op.getGlobalName();
  });
  if (found == d.code.shared.end()) {
    uint64_t bytes = d.layout.getTypeSize(global.getType());
    // Between two variables lies nothing.
    uint64_t offset =
        d.code.shared.empty() ? 0 : (d.code.sharedBytes + 1024) & ~1023ull;
    d.code.hasDynamicShared |= bytes == 0;
    d.code.shared.push_back({op.getGlobalName().str(), offset, bytes});
    d.code.sharedBytes = offset + bytes;
    found = std::prev(d.code.shared.end());
    if (d.code.hasDynamicShared && d.code.shared.size() > 1)
      return d.unknown("expects either static or dynamic shared memory");
  }
  d.alias(op, {d.constant(inSpace(Space::shared, found->offset), true)});
  return success();
}

void addConstants(Writers &writers) {
  writers.add<LLVM::ConstantOp>(writeConstant);
  writers.add<LLVM::ZeroOp>(writeZero<LLVM::ZeroOp>);
  writers.add<LLVM::UndefOp>(writeZero<LLVM::UndefOp>);
  writers.add<LLVM::PoisonOp>(writeZero<LLVM::PoisonOp>);
  writers.add<LLVM::AddressOfOp>(writeAddress);
}

/// The place of a part among the scalars of the whole, and how many it has.
static std::pair<size_t, size_t> partOf(Decoder &d, Type type,
                                        ArrayRef<int64_t> position) {
  size_t first = 0;
  for (int64_t index : position) {
    if (auto array = dyn_cast<LLVM::LLVMArrayType>(type)) {
      type = array.getElementType();
      first += index * d.scalarsOf(type)->size();
      continue;
    }
    ArrayRef<Type> fields = cast<LLVM::LLVMStructType>(type).getBody();
    for (Type field : fields.take_front(index))
      first += d.scalarsOf(field)->size();
    type = fields[index];
  }
  return {first, d.scalarsOf(type)->size()};
}

static LogicalResult writeExtractValue(Decoder &d, LLVM::ExtractValueOp op) {
  auto [first, count] =
      partOf(d, op.getContainer().getType(), op.getPosition());
  ArrayRef<uint32_t> whole = d.of(op.getContainer());
  d.alias(op, Registers(whole.slice(first, count)));
  return success();
}

static LogicalResult writeInsertValue(Decoder &d, LLVM::InsertValueOp op) {
  auto [first, count] =
      partOf(d, op.getContainer().getType(), op.getPosition());
  Registers whole = d.of(op.getContainer());
  llvm::copy(d.of(op.getValue()), whole.begin() + first);
  d.alias(op, std::move(whole));
  return success();
}

/// to = list[a], a lane's own choice.
template <class T> static void stepElement(Warp &warp, const Instr &i) {
  const uint32_t *list = warp.listOf(i);
  T *to = warp.at<T>(i.to);
  warp.each([&](unsigned lane) {
    uint64_t index =
        i.b ? warp.at<uint64_t>(i.a)[lane] : warp.at<uint32_t>(i.a)[lane];
    if (index >= i.count)
      return warp.fault("out of bounds: thread " + Twine(warp.threadOf(lane)) +
                        " takes element " + Twine(index) + " of a vector of " +
                        Twine(i.count));
    to[lane] = warp.at<T>(list[index])[lane];
  });
}

/// to = a if number == b (an index), else c.
template <class T> static void stepReplace(Warp &warp, const Instr &i) {
  const T *value = warp.at<T>(i.a), *old = warp.at<T>(i.c);
  const uint32_t *index = warp.at<uint32_t>(i.b);
  T *to = warp.at<T>(i.to);
  warp.each([&](unsigned lane) {
    to[lane] = index[lane] == i.number ? value[lane] : old[lane];
  });
}

static LogicalResult writeExtractElement(Decoder &d,
                                         LLVM::ExtractElementOp op) {
  const Registers &vector = d.of(op.getVector());
  if (auto index = d.constantOf(op.getPosition())) {
    if (*index >= vector.size())
      return d.unknown("an index behind the vector");
    d.alias(op, {vector[*index]});
    return success();
  }
  bool wide = d.scalarOf(op.getType())->isWide();
  uint32_t to = d.define(op)[0];
  bool wideIndex = d.scalarOf(op.getPosition().getType())->isWide();
  Instr &instr = d.emit(wide ? stepElement<uint64_t> : stepElement<uint32_t>,
                        to, d.of(op.getPosition())[0], wideIndex);
  d.list(instr, d.of(op.getVector()));
  return success();
}

static LogicalResult writeInsertElement(Decoder &d, LLVM::InsertElementOp op) {
  Registers vector = d.of(op.getVector());
  uint32_t value = d.of(op.getValue())[0];
  if (auto index = d.constantOf(op.getPosition())) {
    if (*index >= vector.size())
      return d.unknown("an index behind the vector");
    vector[*index] = value;
    d.alias(op, std::move(vector));
    return success();
  }
  bool wide = d.scalarOf(op.getType())->isWide();
  uint32_t index = d.of(op.getPosition())[0];
  Registers made = d.define(op);
  // The lower half of a wide index is at its start, lane by lane apart.
  if (d.scalarOf(op.getPosition().getType())->isWide())
    return d.unknown("a dynamic index of 64 bits");
  for (auto [i, to] : llvm::enumerate(made))
    d.emit(wide ? stepReplace<uint64_t> : stepReplace<uint32_t>, to, value,
           index, vector[i], i);
  return success();
}

static LogicalResult writeShuffle(Decoder &d, LLVM::ShuffleVectorOp op) {
  Registers all = d.of(op.getV1()), picked;
  llvm::append_range(all, d.of(op.getV2()));
  for (int32_t index : op.getMask())
    picked.push_back(all[std::max(index, 0)]);
  d.alias(op, std::move(picked));
  return success();
}

static LogicalResult writeFreeze(Decoder &d, LLVM::FreezeOp op) {
  d.alias(op, d.of(op.getVal()));
  return success();
}

void addAggregates(Writers &writers) {
  writers.add<LLVM::ExtractValueOp>(writeExtractValue);
  writers.add<LLVM::InsertValueOp>(writeInsertValue);
  writers.add<LLVM::ExtractElementOp>(writeExtractElement);
  writers.add<LLVM::InsertElementOp>(writeInsertElement);
  writers.add<LLVM::ShuffleVectorOp>(writeShuffle);
  writers.add<LLVM::FreezeOp>(writeFreeze);
}

static LogicalResult writeBr(Decoder &d, LLVM::BrOp op) {
  d.goTo(op.getDest(), op.getDestOperands());
  return success();
}

static LogicalResult writeCondBr(Decoder &d, LLVM::CondBrOp op) {
  d.branch(d.of(op.getCondition())[0], op.getTrueDest(),
           op.getTrueDestOperands(), op.getFalseDest(),
           op.getFalseDestOperands());
  return success();
}

/// to = whether a is b.
template <class T> static void stepEqual(Warp &warp, const Instr &i) {
  const T *a = warp.at<T>(i.a), *b = warp.at<T>(i.b);
  uint32_t *to = warp.at<uint32_t>(i.to);
  warp.each([&](unsigned lane) { to[lane] = a[lane] == b[lane]; });
}

/// Case after case; behind the last one, the default.
static LogicalResult writeSwitch(Decoder &d, LLVM::SwitchOp op) {
  bool wide = d.scalarOf(op.getValue().getType())->isWide();
  uint32_t value = d.of(op.getValue())[0];
  SmallVector<APInt> cases;
  if (op.getCaseValues())
    cases = llvm::to_vector(op.getCaseValues()->getValues<APInt>());
  for (auto [i, number] : llvm::enumerate(cases)) {
    uint32_t same = d.fresh();
    d.emit(wide ? stepEqual<uint64_t> : stepEqual<uint32_t>, same, value,
           d.constant(number.getZExtValue(), wide));
    d.branch(same, op.getCaseDestinations()[i], op.getCaseOperands(i), nullptr,
             {});
  }
  d.goTo(op.getDefaultDestination(), op.getDefaultOperands());
  return success();
}

static void stepReturn(Warp &warp, const Instr &i) {
  if (i.count && !warp.block)
    warp.result = warp.at<uint64_t>(i.a)[0];
  warp.leave();
}

static LogicalResult writeReturn(Decoder &d, LLVM::ReturnOp op) {
  Instr &instr = d.emit(stepReturn);
  if (op.getNumOperands() == 0)
    return success();
  if (!d.scalarOf(op.getOperand(0).getType())->isWide())
    return d.unknown("a result of other than 64 bits");
  instr.count = 1;
  instr.a = d.of(op.getOperand(0))[0];
  return success();
}

static void stepUnreachable(Warp &warp, const Instr &) {
  warp.fault("is reached, though 'llvm.unreachable' says that it is not");
}

static LogicalResult writeUnreachable(Decoder &d, LLVM::UnreachableOp) {
  d.emit(stepUnreachable);
  return success();
}

/// qopt_launch(pool, ordinal, args, argCount, gridX, blockX, sharedBytes)
static void stepLaunch(Warp &warp, const Instr &i) {
  const uint32_t *list = warp.listOf(i);
  auto word = [&](int k) { return warp.at<uint64_t>(list[k])[0]; };
  Operation *op = warp.code.origins[warp.pc - 1];
  LLVM::LLVMFuncOp kernel = warp.simulator.kernel(word(1));
  if (!kernel)
    return warp.fault("launches kernel " + Twine(word(1)) +
                      ", which is not there");
  SmallVector<uint64_t> words(word(3));
  if (!words.empty()) {
    size_t bytes = words.size() * sizeof(uint64_t);
    char *from = warp.access(0, word(2), bytes, 8, Access::read);
    if (!from)
      return;
    std::memcpy(words.data(), from, bytes);
  }
  Grid grid = {word(4), word(5), word(6)};
  if (grid.blocks == 0)
    return;
  if (failed(warp.simulator.launch(op, kernel, words, grid)))
    warp.abandon();
}

static LogicalResult writeCall(Decoder &d, LLVM::CallOp op) {
  if (d.isKernel || op.getCallee() != "qopt_launch")
    return d.unknown(
        ("a call of '" + op.getCallee().value_or("an address") + "'").str());
  SmallVector<uint32_t> operands;
  for (Value operand : op.getArgOperands())
    llvm::append_range(operands, d.of(operand));
  if (operands.size() != 7)
    return d.unknown("expects 7 arguments of 'qopt_launch'");
  d.list(d.emit(stepLaunch), operands);
  return success();
}

void addControl(Writers &writers) {
  writers.add<LLVM::BrOp>(writeBr);
  writers.add<LLVM::CondBrOp>(writeCondBr);
  writers.add<LLVM::SwitchOp>(writeSwitch);
  writers.add<LLVM::ReturnOp>(writeReturn);
  writers.add<LLVM::UnreachableOp>(writeUnreachable);
  writers.add<LLVM::CallOp>(writeCall);
  writers.add<LLVM::AssumeOp>(writeNothing);
}

} // namespace qopt::simt
