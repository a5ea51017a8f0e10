// Gives every result of a launch a slot in its entry's arena.
//
// A slot holds one value after the other, and values that no run needs both;
// which ones share it is decided once, for all batches and lengths: sizes are
// compared at typical dimensions, and the arena computes each slot as the
// largest of its values at run time. So what grows with batch and length does
// not share with what does not: the gradient of a weight lives to the end of a
// step, and would keep the room of an activation. Nor does a small value take
// the room of a large one.

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Pass/Pass.h"
#include "qopt/dialects/kernel/Kernel.h"
#include "qopt/dialects/nn/Dims.h"
#include "qopt/dialects/nn/Nn.h"
#include "qopt/dialects/train/Train.h"
#include "qopt/passes/Passes.h"
#include "qopt/passes/kernel/Needs.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace qopt {

#define GEN_PASS_DEF_PLANMEMORY
#include "qopt/passes/Passes.h.inc"

namespace {

/// A value in its slot.
struct Holder {
  Need need;
  int64_t until; ///< position of its last use
};

/// One place in the arena.
struct Slot {
  SmallVector<AffineExpr> sizes; ///< bytes of the values that share it
  int64_t typical = 0;           ///< bytes of the largest, at typical sizes
  bool isFixed = false;          ///< they are the same for all dimensions
  SmallVector<Holder> holders;   ///< so far

  /// Whether a value can have it from `position` on.
  bool isFree(int64_t position, const Need &need) const {
    return llvm::all_of(holders, [&](const Holder &holder) {
      return holder.until < position || holder.need.excludes(need);
    });
  }
};

/// Plans the arena of one entry.
class Planner {
public:
  explicit Planner(func::FuncOp entry)
      : entry(entry), dims(entry), needs(entry.getBody().front()) {}

  LogicalResult plan();

private:
  void measureLives();
  void use(Value value, int64_t position);
  int64_t place(Value value, AffineExpr bytes, int64_t position);
  FailureOr<AffineExpr> bytesOf(Value value, kernel::LayoutAttr layout);

  func::FuncOp entry;
  nn::Dims dims;
  Needs needs;
  DenseMap<Value, int64_t> lastUse;
  DenseSet<Value> elsewhere; ///< outputs, and what is stored to variables
  SmallVector<Slot> slots;
};

} // namespace

/// A reshape is its operand under another name, a choice one of three.
void Planner::use(Value value, int64_t position) {
  Operation *op = value.getDefiningOp();
  if (isa_and_nonnull<nn::ReshapeOp, train::ChooseOp>(op))
    for (Value operand : op->getOperands())
      use(operand, position);
  else
    lastUse[value] = position;
}

void Planner::measureLives() {
  for (auto [position, op] : llvm::enumerate(entry.getBody().front()))
    for (Value operand : op.getOperands())
      use(operand, position);
  for (Value output : entry.getBody().front().getTerminator()->getOperands())
    elsewhere.insert(output);
  for (auto store : entry.getOps<ml_program::GlobalStoreOp>())
    elsewhere.insert(store.getValue());
}

FailureOr<AffineExpr> Planner::bytesOf(Value value, kernel::LayoutAttr layout) {
  auto type = cast<RankedTensorType>(value.getType());
  if (layout.getPanel() > 0)
    return getAffineConstantExpr(layout.bytesOf(type), entry.getContext());
  AffineExpr elements = dims.elements(value);
  if (!elements)
    return entry.emitError("cannot tell the size of a ")
           << type << " in terms of the inputs' sizes";
  int64_t bytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  return elements * bytes;
}

/// What an expression is for one batch of a few hundred tokens.
static int64_t typicalValue(AffineExpr expr, size_t symbols) {
  MLIRContext *context = expr.getContext();
  SmallVector<Attribute> values(symbols,
                                IntegerAttr::get(IndexType::get(context), 256));
  if (!values.empty()) // the batch
    values[0] = IntegerAttr::get(IndexType::get(context), 1);
  SmallVector<Attribute> result;
  auto map = AffineMap::get(0, symbols, expr);
  if (failed(map.constantFold(values, result)))
    return 0;
  return cast<IntegerAttr>(result[0]).getInt();
}

/// A free slot is left alone by values that need less than this part of it.
static constexpr int64_t leastPart = 4;

int64_t Planner::place(Value value, AffineExpr bytes, int64_t position) {
  int64_t typical = typicalValue(bytes, dims.symbols().size());
  bool isFixed = isa<AffineConstantExpr>(bytes);
  Need need = needs.of(value.getDefiningOp());
  Slot *best = nullptr;
  for (Slot &slot : slots)
    if (slot.isFixed == isFixed && slot.typical <= leastPart * typical &&
        slot.isFree(position, need) &&
        (!best ||
         std::abs(slot.typical - typical) < std::abs(best->typical - typical)))
      best = &slot;
  if (!best)
    best = &slots.emplace_back();
  if (!llvm::is_contained(best->sizes, bytes))
    best->sizes.push_back(bytes);
  best->typical = std::max(best->typical, typical);
  best->isFixed = isFixed;
  auto last = lastUse.find(value);
  best->holders.push_back(
      {need, last == lastUse.end() ? position : last->second});
  return best - slots.begin();
}

LogicalResult Planner::plan() {
  measureLives();
  SymbolTable symbols(entry->getParentOfType<ModuleOp>());
  for (auto [position, op] : llvm::enumerate(entry.getBody().front())) {
    auto launch = dyn_cast<kernel::LaunchOp>(op);
    if (!launch)
      continue;
    auto kernel = symbols.lookup<kernel::FuncOp>(launch.getKernel());
    auto appends = kernel.getStates();
    SmallVector<int64_t> places;
    for (auto [i, value, inside] :
         llvm::enumerate(launch.getResults(), kernel.getResultValues())) {
      bool cached = llvm::is_contained(appends, inside.getDefiningOp());
      if (cached || elsewhere.contains(value)) {
        places.push_back(-1);
        continue;
      }
      FailureOr<AffineExpr> bytes = bytesOf(value, kernel.getResultLayout(i));
      if (failed(bytes))
        return failure();
      places.push_back(place(value, *bytes, position));
    }
    launch.setSlots(places);
  }

  Builder b(entry.getContext());
  SmallVector<Attribute> rows;
  for (const Slot &slot : slots) {
    SmallVector<AffineMap> maps;
    for (AffineExpr size : slot.sizes)
      maps.push_back(AffineMap::get(0, dims.symbols().size(), size));
    rows.push_back(b.getAffineMapArrayAttr(maps));
  }
  entry->setAttr(kernel::KernelDialect::slotsAttr, b.getArrayAttr(rows));
  return success();
}

namespace {

struct PlanMemory final : impl::PlanMemoryBase<PlanMemory> {
  void runOnOperation() override {
    for (auto entry : getOperation().getOps<func::FuncOp>())
      if (failed(Planner(entry).plan()))
        return signalPassFailure();
  }
};

} // namespace
} // namespace qopt
