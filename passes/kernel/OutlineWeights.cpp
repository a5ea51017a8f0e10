// Gathers what is known at compile time into `kernel.weight`s.
//
// A tensor that only depends on parameters and constants is a weight: its chain
// of ops moves out of the entries, once for all that use it, and gets a layout
// and a place. Nothing is evaluated here.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Pass/Pass.h"
#include "qopt/dialects/kernel/Kernel.h"
#include "qopt/dialects/nn/Nn.h"
#include "qopt/passes/Passes.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace qopt {

#define GEN_PASS_DEF_OUTLINEWEIGHTS
#include "qopt/passes/Passes.h.inc"

/// Rows of a panel: one vector of 64 bytes, two of 32.
static constexpr int64_t panelRows = 16;
/// Weights begin at multiples of a cache line.
static constexpr int64_t alignment = 64;

namespace {

/// A chain of ops and where its value is used.
struct Weight {
  Value value; ///< one of the equal ones
  SmallVector<OpOperand *> uses;
  bool isMatrix = false; ///< the weight of a linear layer
};

/// Finds the chains of a program.
class WeightCollector {
public:
  explicit WeightCollector(ModuleOp module) : symbols(module) {}

  void collect(func::FuncOp function);
  /// By the text of the chain, in the order of first use.
  llvm::MapVector<StringAttr, Weight> weights;

private:
  bool isKnown(Value value);
  StringAttr textOf(Value value);

  SymbolTable symbols;
  DenseMap<Value, bool> known;
  DenseMap<Value, StringAttr> texts;
};

} // namespace

/// Whether the value depends on parameters and constants only.
bool WeightCollector::isKnown(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  auto [found, isNew] = known.try_emplace(value, false);
  if (!isNew)
    return found->second;
  bool result;
  if (auto load = dyn_cast<ml_program::GlobalLoadOp>(op)) {
    auto global = symbols.lookup<ml_program::GlobalOp>(
        load.getGlobal().getLeafReference());
    result = global && global.getValue().has_value();
  } else {
    bool pure = isPure(op) && (isa<arith::ArithDialect>(op->getDialect()) ||
                               isa<nn::NnDialect>(op->getDialect()));
    result = pure && llvm::all_of(op->getOperands(), [&](Value operand) {
               return isKnown(operand);
             });
  }
  return known[value] = result;
}

/// Equal for chains that compute the same from the same.
StringAttr WeightCollector::textOf(Value value) {
  StringAttr &text = texts[value];
  if (text)
    return text;
  Operation *op = value.getDefiningOp();
  std::string line;
  llvm::raw_string_ostream out(line);
  out << op->getName() << op->getAttrDictionary() << value.getType() << "(";
  for (Value operand : op->getOperands())
    out << textOf(operand).getValue() << ",";
  out << ")";
  // Recursion may have moved the entry.
  return texts[value] = StringAttr::get(value.getContext(), line);
}

/// Numbers that stand in the code itself.
static bool isImmediate(Value value) {
  auto constant = value.getDefiningOp<arith::ConstantOp>();
  auto dense =
      constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : nullptr;
  return dense && dense.isSplat();
}

void WeightCollector::collect(func::FuncOp function) {
  function.walk([&](Operation *op) {
    if (llvm::any_of(op->getResults(), [&](Value r) { return isKnown(r); }))
      return; // inside a chain
    for (OpOperand &operand : op->getOpOperands()) {
      Value value = operand.get();
      if (!isa<RankedTensorType>(value.getType()) || !isKnown(value) ||
          (isImmediate(value) && isa<nn::NnDialect>(op->getDialect())))
        continue;
      Weight &weight = weights[textOf(value)];
      if (!weight.value)
        weight.value = value;
      weight.uses.push_back(&operand);
      auto linear = dyn_cast<nn::LinearOp>(op);
      weight.isMatrix |= linear && &operand == &linear.getWeightMutable();
    }
  });
}

/// The ops of the chain, operands first.
static void collectChain(Value value, llvm::SetVector<Operation *> &chain) {
  Operation *op = value.getDefiningOp();
  for (Value operand : op->getOperands())
    collectChain(operand, chain);
  chain.insert(op);
}

/// The parameter's name, or none for a chain of constants.
static std::string nameOf(ArrayRef<Operation *> chain) {
  for (Operation *op : chain)
    if (auto load = dyn_cast<ml_program::GlobalLoadOp>(op))
      return (load.getGlobal().getLeafReference().getValue() + ".packed").str();
  return "constant";
}

namespace {

struct OutlineWeights final : impl::OutlineWeightsBase<OutlineWeights> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    WeightCollector collector(module);
    for (auto function : module.getOps<func::FuncOp>())
      collector.collect(function);

    SymbolTable symbols(module);
    OpBuilder builder(&getContext());
    auto firstEntry = module.getOps<func::FuncOp>().begin();
    int64_t offset = 0;
    for (auto &[text, weight] : collector.weights) {
      llvm::SetVector<Operation *> chain;
      collectChain(weight.value, chain);
      builder.setInsertionPoint(*firstEntry);
      auto layout = kernel::LayoutAttr::get(
          &getContext(), weight.isMatrix ? panelRows : 0, false);
      auto op =
          kernel::WeightOp::create(builder, weight.value.getLoc(),
                                   nameOf(chain.getArrayRef()), layout, offset);
      symbols.insert(op);
      builder.createBlock(&op.getBody());
      IRMapping mapping;
      for (Operation *link : chain)
        builder.clone(*link, mapping);
      kernel::ReturnOp::create(builder, op.getLoc(),
                               mapping.lookup(weight.value));
      offset += llvm::alignTo(op.getBytes(), alignment);
      replace(weight, op, builder);
    }
    eraseDead(module);
  }

  /// One load a function, before its first use.
  void replace(Weight &weight, kernel::WeightOp op, OpBuilder &builder) {
    DenseMap<Operation *, Value> loads;
    for (OpOperand *use : weight.uses) {
      auto function = use->getOwner()->getParentOfType<func::FuncOp>();
      Value &load = loads[function];
      if (!load) {
        builder.setInsertionPoint(use->getOwner());
        load =
            kernel::LoadOp::create(builder, weight.value.getLoc(),
                                   weight.value.getType(), op.getSymNameAttr());
      }
      use->set(load);
    }
  }

  void eraseDead(ModuleOp module) {
    for (auto function : module.getOps<func::FuncOp>())
      for (Operation &op : llvm::make_early_inc_range(
               llvm::reverse(function.getBody().front())))
        if (isOpTriviallyDead(&op))
          op.erase();
  }
};

} // namespace
} // namespace qopt
