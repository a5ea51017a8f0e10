// The entries: straight-line code that launches the kernels in order.
//
// Every size is an expression of the entry's symbols. The arena is a row of
// slots; a slot is as large as the largest of the values that share it. What no
// taken alternative of a train.choose reads is not launched.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "qopt/codegen/cpu/Emitter.h"
#include "qopt/codegen/cpu/Generate.h"
#include "qopt/dialects/nn/Dims.h"
#include "qopt/dialects/nn/Nn.h"
#include "qopt/dialects/train/Train.h"
#include "qopt/passes/kernel/Needs.h"
#include "qopt/runtime/abi.h"

using namespace mlir;

namespace qopt::cpu {

FailureOr<uint32_t> typeOf(Type element) {
  if (element.isF32())
    return QOPT_F32;
  if (element.isF16())
    return QOPT_F16;
  if (element.isBF16())
    return QOPT_BF16;
  if (element.isF64())
    return QOPT_F64;
  if (element.isInteger(1))
    return QOPT_BOOL;
  if (element.isInteger(8))
    return QOPT_I8;
  if (element.isInteger(16))
    return QOPT_I16;
  if (element.isInteger(32))
    return QOPT_I32;
  if (element.isInteger(64))
    return QOPT_I64;
  return failure();
}

namespace {

/// Writes the functions of one entry.
class EntryWriter {
public:
  EntryWriter(ModuleOp module, ModuleOp program, func::FuncOp entry,
              const Kernels &kernels, StringRef variant, WriteLaunch launch)
      : program(program), entry(entry), kernels(kernels), variant(variant),
        launchOne(launch), dims(entry), needs(entry.getBody().front()),
        table(program), loc(entry.getLoc()), b(module.getBodyRegion()) {
    b.setInsertionPointToEnd(module.getBody());
    pointer = LLVM::LLVMPointerType::get(b.getContext());
    i64 = b.getI64Type();
    result.name = entry.getSymName().str();
    llvm::append_range(result.symbols, dims.symbols());
  }

  FailureOr<Entry> write();

private:
  using Sizes = SmallVector<SmallVector<AffineExpr>>; ///< by slot, then value

  LogicalResult describe();
  LogicalResult addSpec(SmallVector<Spec> &specs, Value value, Attribute name);
  LogicalResult addStates();
  std::string begin(StringRef what, TypeRange arguments, Type result);
  void writeShapes();
  void writeArena();
  LogicalResult writeRun();
  LogicalResult writeLaunch(kernel::LaunchOp launch);
  void writePhases(const Kernel &kernel, ArrayRef<Value> symbols,
                   int64_t position);
  LogicalResult writeLaunchIfNeeded(kernel::LaunchOp launch);
  /// Whether lambda, as the run has it, is in one of the cases.
  Value isCase(Value lambda, int64_t layer, unsigned cases);
  void writeChoice(train::ChooseOp choice);
  /// Where a variable lies.
  FailureOr<Value> variable(Operation *user, SymbolRefAttr name);

  Value constant(int64_t value) {
    return arith::ConstantIntOp::create(b, loc, value, 64);
  }
  Value at(Value base, int64_t index, Type element) {
    return LLVM::GEPOp::create(b, loc, pointer, element, base,
                               ArrayRef<LLVM::GEPArg>{int32_t(index)});
  }
  Value loadAt(Value base, int64_t index, Type type) {
    return LLVM::LoadOp::create(b, loc, type, at(base, index, type), 8);
  }
  void storeAt(Value value, Value base, int64_t index) {
    LLVM::StoreOp::create(b, loc, value, at(base, index, value.getType()), 8);
  }
  Value expr(AffineExpr expr) { return writeExpr(b, loc, expr, symbols); }
  /// Loads the symbols from the array `base`.
  void loadSymbols(Value base) {
    symbols.clear();
    for (size_t i = 0; i < result.symbols.size(); ++i)
      symbols.push_back(loadAt(base, i, i64));
  }
  /// Bytes of a slot: those of the largest value, a multiple of 64.
  Value slotBytes(ArrayRef<AffineExpr> values);
  Sizes slots();
  /// The bytes of the workspaces of all launches.
  SmallVector<AffineExpr> workspaces();
  const Kernel &kernelOf(kernel::LaunchOp launch) {
    return kernels.find(launch.getKernelAttr().getAttr())->second;
  }

  ModuleOp program;
  func::FuncOp entry;
  const Kernels &kernels;
  StringRef variant;
  WriteLaunch launchOne;
  nn::Dims dims;
  Needs needs;
  SymbolTable table;
  Location loc;
  OpBuilder b;
  Type pointer, i64;
  Block *body = nullptr;
  SmallVector<Value> symbols;
  SmallVector<ml_program::GlobalOp> states;
  DenseMap<Value, Value> pointers;
  DenseMap<Value, Value> hostPointers; ///< of inputs, for the entry itself
  SmallVector<Value> slotAddresses, outputs, stateAddresses;
  Value workspace, weights, variables, pool, arguments;
  Entry result;
};

} // namespace

LogicalResult EntryWriter::addSpec(SmallVector<Spec> &specs, Value value,
                                   Attribute name) {
  auto type = cast<RankedTensorType>(value.getType());
  FailureOr<uint32_t> element = typeOf(type.getElementType());
  std::string text = name ? cast<StringAttr>(name).str()
                          : ("value" + Twine(specs.size())).str();
  if (failed(element))
    return entry.emitError("expects '") << text
                                        << "' to hold floats, bools or "
                                           "signed integers, got "
                                        << type;
  if (llvm::is_contained(dims.of(value), AffineExpr()))
    return entry.emitError("cannot tell the sizes of '")
           << text << "', " << type;
  specs.push_back({text, *element, SmallVector<AffineExpr>(dims.of(value))});
  return success();
}

/// Caches are the mutable globals without a value, in the order of the program:
/// the same list for every entry that has any.
LogicalResult EntryWriter::addStates() {
  bool any = entry
                 .walk([](kernel::LaunchOp launch) {
                   return launch.getStates() ? WalkResult::interrupt()
                                             : WalkResult::advance();
                 })
                 .wasInterrupted();
  if (!any)
    return success();
  auto symbolNamed = [&](StringRef name) -> AffineExpr {
    auto found = llvm::find(result.symbols, name);
    return found == result.symbols.end()
               ? AffineExpr()
               : getAffineSymbolExpr(found - result.symbols.begin(),
                                     b.getContext());
  };
  AffineExpr batch = symbolNamed("batch"), capacity = symbolNamed("capacity");
  if (!capacity)
    return entry.emitError("expects a symbol 'capacity' for its caches");
  for (auto global : program.getOps<ml_program::GlobalOp>()) {
    auto type = dyn_cast<RankedTensorType>(global.getType());
    if (!global.getIsMutable() || global.getValue() || !type ||
        type.getRank() != 4)
      continue;
    FailureOr<uint32_t> element = typeOf(type.getElementType());
    if (failed(element))
      return global.emitError("expects a cache of floats, got ") << type;
    auto size = [&](int64_t axis, AffineExpr dynamic) {
      return type.isDynamicDim(axis)
                 ? dynamic
                 : getAffineConstantExpr(type.getDimSize(axis), b.getContext());
    };
    AffineExpr one = getAffineConstantExpr(1, b.getContext());
    result.states.push_back({global.getSymName().str(),
                             *element,
                             {size(0, batch ? batch : one), size(1, {}),
                              size(2, capacity), size(3, {})}});
    states.push_back(global);
  }
  return success();
}

LogicalResult EntryWriter::describe() {
  for (BlockArgument argument : entry.getArguments())
    if (isa<RankedTensorType>(argument.getType()))
      if (failed(addSpec(result.inputs, argument,
                         entry.getArgAttr(argument.getArgNumber(),
                                          nn::NnDialect::nameAttr))))
        return failure();
  Operation *terminator = entry.getBody().front().getTerminator();
  for (auto [i, value] : llvm::enumerate(terminator->getOperands()))
    if (failed(addSpec(result.outputs, value,
                       entry.getResultAttr(i, nn::NnDialect::nameAttr))))
      return failure();
  return addStates();
}

std::string EntryWriter::begin(StringRef what, TypeRange arguments,
                               Type resultType) {
  std::string symbol =
      ("qopt_" + what + "_" + entry.getSymName() + "__" + variant).str();
  auto type =
      LLVM::LLVMFunctionType::get(resultType, llvm::to_vector(arguments));
  auto function =
      LLVM::LLVMFuncOp::create(b, loc, symbol, type, LLVM::Linkage::Internal);
  body = function.addEntryBlock(b);
  b.setInsertionPointToEnd(body);
  return symbol;
}

void EntryWriter::writeShapes() {
  OpBuilder::InsertionGuard guard(b);
  auto nothing = LLVM::LLVMVoidType::get(b.getContext());
  result.shapes = begin("shapes", {pointer, pointer}, nothing);
  loadSymbols(body->getArgument(0));
  int64_t position = 0;
  for (auto *specs : {&result.inputs, &result.outputs, &result.states})
    for (const Spec &spec : *specs)
      for (AffineExpr size : spec.dims)
        storeAt(expr(size), body->getArgument(1), position++);
  LLVM::ReturnOp::create(b, loc, ValueRange());
}

Value EntryWriter::slotBytes(ArrayRef<AffineExpr> values) {
  Value largest = constant(0);
  for (AffineExpr bytes : values)
    largest = arith::MaxSIOp::create(b, loc, largest, expr(bytes));
  Value rounded = arith::AddIOp::create(b, loc, largest, constant(63));
  return arith::AndIOp::create(b, loc, rounded, constant(-64));
}

EntryWriter::Sizes EntryWriter::slots() {
  Sizes sizes;
  if (auto attr =
          entry->getAttrOfType<ArrayAttr>(kernel::KernelDialect::slotsAttr))
    for (auto slot : attr.getAsRange<ArrayAttr>()) {
      auto &values = sizes.emplace_back();
      for (AffineMap map : slot.getAsValueRange<AffineMapAttr>())
        values.push_back(map.getResult(0));
    }
  return sizes;
}

SmallVector<AffineExpr> EntryWriter::workspaces() {
  SmallVector<AffineExpr> sizes;
  entry.walk([&](kernel::LaunchOp launch) {
    if (AffineExpr bytes = kernelOf(launch).workspace)
      sizes.push_back(bytes.replaceSymbols(launch.getSymbols().getResults()));
  });
  return sizes;
}

void EntryWriter::writeArena() {
  OpBuilder::InsertionGuard guard(b);
  result.arena = begin("arena", {pointer}, i64);
  loadSymbols(body->getArgument(0));
  // Launches run one after the other: their workspaces are one place.
  Value sum = slotBytes(workspaces());
  for (const auto &slot : slots())
    sum = arith::AddIOp::create(b, loc, sum, slotBytes(slot));
  LLVM::ReturnOp::create(b, loc, sum);
}

LogicalResult EntryWriter::writeLaunch(kernel::LaunchOp launch) {
  int64_t position = 0;
  for (Value operand : launch.getArguments())
    if (isa<RankedTensorType>(operand.getType()))
      storeAt(pointers.at(operand), arguments, position++);
  SmallVector<Value> caches;
  if (launch.getStates())
    for (auto name : launch.getStates()->getAsRange<FlatSymbolRefAttr>()) {
      auto found = llvm::find_if(states, [&](ml_program::GlobalOp global) {
        return global.getSymName() == name.getValue();
      });
      if (found == states.end())
        return launch.emitOpError("expects a cache [?, H, ?, D] named ")
               << name;
      caches.push_back(stateAddresses[found - states.begin()]);
    }
  auto body = table.lookup<kernel::FuncOp>(launch.getKernel());
  auto appends = body.getStates();
  for (auto [i, value] : llvm::enumerate(launch.getResults())) {
    int64_t slot = launch.getSlots() ? (*launch.getSlots())[i] : -1;
    auto append =
        llvm::find(appends, body.getResultValues()[i].getDefiningOp());
    if (append != appends.end())
      pointers[value] = caches[append - appends.begin()];
    else if (slot >= 0)
      pointers[value] = slotAddresses[slot];
    else if (!pointers.contains(value))
      return launch.emitOpError("expects an arena slot for result ") << i;
    storeAt(pointers[value], arguments, position++);
  }
  for (Value cache : caches)
    storeAt(cache, arguments, position++);
  SmallVector<Value> values;
  for (AffineExpr value : launch.getSymbols().getResults()) {
    values.push_back(expr(value));
    storeAt(values.back(), arguments, position++);
  }
  writePhases(kernelOf(launch), values, position);
  return success();
}

/// The launches of a kernel whose other arguments are stored, `position` of
/// them.
void EntryWriter::writePhases(const Kernel &kernel, ArrayRef<Value> symbols,
                              int64_t position) {
  auto all = [&] {
    int64_t count = position + (kernel.rounds ? 2 : kernel.workspace ? 1 : 0);
    for (const Kernel::Launch &launch : kernel.launches) {
      Value tasks = writeExpr(b, loc, launch.tasks, symbols);
      launchOne({b, loc, pool, arguments, count, tasks}, launch);
    }
  };
  if (kernel.workspace)
    storeAt(workspace, arguments, position);
  if (!kernel.rounds)
    return all();
  Value rounds = writeExpr(b, loc, kernel.rounds, symbols);
  auto loop = scf::ForOp::create(b, loc, constant(0), rounds, constant(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(loop.getBody()->getTerminator());
  storeAt(loop.getInductionVar(), arguments, position + 1);
  all();
}

Value EntryWriter::isCase(Value lambda, int64_t layer, unsigned cases) {
  Type f32 = b.getF32Type();
  Value value = LLVM::LoadOp::create(
      b, loc, f32, at(hostPointers.at(lambda), layer, f32), 4);
  auto compare = [&](arith::CmpFPredicate predicate, float bound) -> Value {
    Value number = arith::ConstantOp::create(b, loc, b.getF32FloatAttr(bound));
    return arith::CmpFOp::create(b, loc, predicate, value, number);
  };
  Value result =
      arith::ConstantIntOp::create(b, loc, (cases & Need::some) != 0, 1);
  auto decide = [&](Need::Case which, Value isWhich) {
    Value isIn = arith::ConstantIntOp::create(b, loc, (cases & which) != 0, 1);
    result = arith::SelectOp::create(b, loc, isWhich, isIn, result);
  };
  decide(Need::none, compare(arith::CmpFPredicate::OLE, 0));
  decide(Need::whole, compare(arith::CmpFPredicate::OGE, 1));
  return result;
}

LogicalResult EntryWriter::writeLaunchIfNeeded(kernel::LaunchOp launch) {
  Need need = needs.of(launch);
  if (!need.lambda && need.cases)
    return writeLaunch(launch);
  Value isNeeded = need.lambda ? isCase(need.lambda, need.layer, need.cases)
                               : arith::ConstantIntOp::create(b, loc, 0, 1);
  auto branch = scf::IfOp::create(b, loc, isNeeded, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(branch.thenYield());
  return writeLaunch(launch);
}

/// The address of the alternative that is taken.
void EntryWriter::writeChoice(train::ChooseOp choice) {
  Value taken = pointers.at(choice.getSome());
  auto decide = [&](Need::Case which, Value alternative) {
    Value isWhich = isCase(choice.getLambda(), choice.getLayer(), which);
    taken = LLVM::SelectOp::create(b, loc, isWhich, pointers.at(alternative),
                                   taken);
  };
  decide(Need::none, choice.getNone());
  decide(Need::whole, choice.getWhole());
  pointers[choice] = taken;
}

FailureOr<Value> EntryWriter::variable(Operation *user, SymbolRefAttr name) {
  auto global = table.lookup<ml_program::GlobalOp>(name.getLeafReference());
  auto offset = global ? global->getAttrOfType<IntegerAttr>(
                             kernel::KernelDialect::offsetAttr)
                       : IntegerAttr();
  if (!offset)
    return user->emitOpError("expects a place for the variable ") << name;
  return Value(LLVM::GEPOp::create(b, loc, pointer, b.getI8Type(), variables,
                                   constant(offset.getInt())));
}

LogicalResult EntryWriter::writeRun() {
  OpBuilder::InsertionGuard guard(b);
  result.run = begin("run", {pointer}, LLVM::LLVMVoidType::get(b.getContext()));
  // The fields of qopt_call, in order, are pointers.
  auto field = [&](int64_t i) {
    return loadAt(body->getArgument(0), i, pointer);
  };
  weights = field(0);
  Value arena = field(1);
  loadSymbols(field(2));
  Value inputs = field(3), outputArray = field(4), stateArray = field(5);
  pool = field(6);
  variables = field(7);
  Value hostInputs = field(8);

  size_t longest = 1;
  entry.walk([&](kernel::LaunchOp launch) {
    size_t states = launch.getStates() ? launch.getStates()->size() : 0;
    longest = std::max<size_t>(
        longest, launch->getNumOperands() + launch->getNumResults() + states +
                     launch.getSymbols().getNumResults() + 2);
  });
  arguments = LLVM::AllocaOp::create(b, loc, pointer, i64, constant(longest));
  int64_t input = 0;
  for (BlockArgument argument : entry.getArguments())
    if (isa<RankedTensorType>(argument.getType())) {
      hostPointers[argument] = loadAt(hostInputs, input, pointer);
      pointers[argument] = loadAt(inputs, input++, pointer);
    }
  for (size_t i = 0; i < result.states.size(); ++i)
    stateAddresses.push_back(loadAt(stateArray, i, pointer));
  Value offset = constant(0);
  for (const auto &slot : slots()) {
    slotAddresses.push_back(
        LLVM::GEPOp::create(b, loc, pointer, b.getI8Type(), arena, offset));
    offset = arith::AddIOp::create(b, loc, offset, slotBytes(slot));
  }
  workspace =
      LLVM::GEPOp::create(b, loc, pointer, b.getI8Type(), arena, offset);
  for (auto store : entry.getOps<ml_program::GlobalStoreOp>()) {
    FailureOr<Value> place = variable(store, store.getGlobal());
    if (failed(place))
      return failure();
    pointers[store.getValue()] = *place;
  }
  Operation *terminator = entry.getBody().front().getTerminator();
  for (auto [i, value] : llvm::enumerate(terminator->getOperands()))
    if (value.getDefiningOp<kernel::LaunchOp>())
      pointers[value] = loadAt(outputArray, i, pointer);
    else
      return entry.emitError("expects result ") << i << " from a launch";

  for (Operation &op : entry.getBody().front().without_terminator()) {
    if (auto load = dyn_cast<kernel::LoadOp>(op)) {
      auto weight = table.lookup<kernel::WeightOp>(load.getWeight());
      pointers[load] =
          LLVM::GEPOp::create(b, loc, pointer, b.getI8Type(), weights,
                              constant(weight.getOffset()));
    } else if (auto load = dyn_cast<ml_program::GlobalLoadOp>(op)) {
      FailureOr<Value> place = variable(load, load.getGlobal());
      if (failed(place))
        return failure();
      pointers[load] = *place;
    } else if (auto reshape = dyn_cast<nn::ReshapeOp>(op)) {
      // The same memory. A copy first: the map may grow.
      Value memory = pointers.at(reshape.getInput());
      pointers[reshape] = memory;
      if (Value host = hostPointers.lookup(reshape.getInput()))
        hostPointers[reshape] = host;
    } else if (auto choice = dyn_cast<train::ChooseOp>(op)) {
      writeChoice(choice);
    } else if (auto launch = dyn_cast<kernel::LaunchOp>(op)) {
      if (failed(writeLaunchIfNeeded(launch)))
        return failure();
    } else if (!op.getResultTypes().empty() &&
               !op.getResult(0).getType().isIndex()) {
      return op.emitOpError("is left in an entry: expects launches only");
    }
  }
  LLVM::ReturnOp::create(b, loc, ValueRange());
  return success();
}

FailureOr<Entry> EntryWriter::write() {
  if (failed(describe()))
    return failure();
  writeShapes();
  writeArena();
  if (failed(writeRun()))
    return failure();
  return std::move(result);
}

FailureOr<Entry> emitEntry(ModuleOp module, ModuleOp program,
                           func::FuncOp entry, const Kernels &kernels,
                           StringRef variant, WriteLaunch launch) {
  return EntryWriter(module, program, entry, kernels, variant, launch).write();
}

} // namespace qopt::cpu
