// Gathers what is known at compile time into `kernel.weight`s.
//
// A tensor that only depends on frozen parameters and constants is a weight:
// its chain of ops moves out of the entries, once for all that use it, and gets
// a layout and a place. Nothing is evaluated here. The scales and zeros of
// codes follow them, so that link finds all that one quantization gives in a
// row.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Pass/Pass.h"
#include "qopt/dialects/kernel/Kernel.h"
#include "qopt/dialects/kernel/Packing.h"
#include "qopt/dialects/lowbit/Lowbit.h"
#include "qopt/dialects/train/Train.h"
#include "qopt/passes/Passes.h"
#include "qopt/passes/kernel/Lora.h"
#include "qopt/passes/kernel/Prologue.h"
#include "qopt/passes/kernel/Target.h"
#include "qopt/passes/kernel/Variables.h"
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
  kernel::LayoutAttr layout;  ///< that a reader wants; null: row-major
  bool needsRowMajor = false; ///< whatever the others want
};

/// Finds the chains of a program.
class WeightCollector {
public:
  WeightCollector(ModuleOp module, const LayoutFacts &target)
      : symbols(module), target(target) {}

  void collect(func::FuncOp function);
  /// The weights, what one quantization gives behind one another.
  SmallVector<Weight *> inOrder();
  /// By the text of the chain, in the order of first use.
  llvm::MapVector<StringAttr, Weight> weights;

private:
  bool isKnown(Value value);
  StringAttr textOf(Value value);
  kernel::LayoutAttr layoutFor(OpOperand &use);
  kernel::LayoutAttr layoutOfCodes(lowbit::SchemeAttr scheme);

  SymbolTable symbols;
  LayoutFacts target;
  DenseMap<Value, bool> known;
  DenseMap<Value, StringAttr> texts;
};

} // namespace

/// Whether the value depends on parameters and constants only. Codes stay codes
/// where their reader makes numbers of them.
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
    result = global && global.getValue().has_value() &&
             !global.getIsMutable() && !global->hasAttr(mappedAttr);
  } else {
    bool pure = isPure(op) && !isReadAsCodes(op) &&
                isa<arith::ArithDialect, nn::NnDialect, lowbit::LowbitDialect>(
                    op->getDialect());
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
  out << op->getName() << op->getAttrDictionary() << value.getType() << "#"
      << cast<OpResult>(value).getResultNumber() << "(";
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

/// Codes of a scheme, for the narrowest vectors.
kernel::LayoutAttr WeightCollector::layoutOfCodes(lowbit::SchemeAttr scheme) {
  bool ternary = scheme.getMethod() == lowbit::Method::ternary;
  int64_t bits = scheme.getBits();
  bool fragments = target.fragments && bits != 3;
  return kernel::LayoutAttr::packed(scheme.getContext(), bits, target.lanes,
                                    ternary ? 1 : int64_t(1) << (bits - 1),
                                    fragments);
}

/// How its reader wants a weight; null: as it comes.
kernel::LayoutAttr WeightCollector::layoutFor(OpOperand &use) {
  Operation *op = use.getOwner();
  if (auto linear = dyn_cast<nn::LinearOp>(op))
    return &use == &linear.getWeightMutable()
               ? kernel::LayoutAttr::get(op->getContext(), panelRows)
               : kernel::LayoutAttr();
  // Codes, and beside them, in panels of the same rows, scales and zeros.
  lowbit::SchemeAttr scheme;
  Value codes;
  if (auto linear = dyn_cast<lowbit::LinearOp>(op)) {
    if (use.get() == linear.getInput() || use.get() == linear.getBias())
      return {};
    scheme = linear.getScheme();
    codes = linear.getWeight();
  } else if (auto embedding = dyn_cast<lowbit::EmbeddingOp>(op)) {
    if (use.get() == embedding.getIds())
      return {};
    scheme = embedding.getScheme();
    codes = embedding.getTable();
  } else if (auto grad = dyn_cast<train::PackedLinearGradOp>(op)) {
    if (use.get() == grad.getDy())
      return {};
    scheme = grad.getScheme();
    codes = grad.getWeight();
  } else if (auto numbers = dyn_cast<lowbit::DequantizeOp>(op)) {
    if (!isReadAsCodes(op))
      return {};
    scheme = numbers.getScheme();
    codes = numbers.getCodes();
  } else {
    return {};
  }
  kernel::LayoutAttr packed = layoutOfCodes(scheme);
  if (use.get() == codes)
    return packed;
  if (scheme.getPer() == lowbit::Granularity::tensor)
    return {};
  return kernel::LayoutAttr::get(op->getContext(), packed.getPanel());
}

/// Whether the reader takes a weight of numbers in no other layout.
static bool needsRowMajor(Operation *op) {
  return isa<train::ClassifierLossOp, train::ClassifierLossGradOp>(op);
}

void WeightCollector::collect(func::FuncOp function) {
  function.walk([&](Operation *op) {
    if (llvm::any_of(op->getResults(), [&](Value r) { return isKnown(r); }))
      return; // inside a chain
    for (OpOperand &operand : op->getOpOperands()) {
      Value value = operand.get();
      if (!isa<RankedTensorType>(value.getType()) || !isKnown(value) ||
          (isImmediate(value) &&
           (isa<nn::NnDialect, lowbit::LowbitDialect>(op->getDialect()) ||
            isa<ml_program::GlobalStoreOp>(op))))
        continue;
      Weight &weight = weights[textOf(value)];
      if (!weight.value)
        weight.value = value;
      weight.uses.push_back(&operand);
      if (auto layout = layoutFor(operand))
        weight.layout = layout;
      weight.needsRowMajor |= needsRowMajor(op);
    }
  });
}

SmallVector<Weight *> WeightCollector::inOrder() {
  llvm::MapVector<StringAttr, SmallVector<Weight *>> together;
  for (auto &[text, weight] : weights) {
    auto quantize = weight.value.getDefiningOp<lowbit::QuantizeOp>();
    together[quantize ? textOf(quantize.getCodes()) : text].push_back(&weight);
  }
  SmallVector<Weight *> all;
  for (auto &[text, some] : together) {
    llvm::sort(some, [](Weight *a, Weight *b) {
      return cast<OpResult>(a->value).getResultNumber() <
             cast<OpResult>(b->value).getResultNumber();
    });
    llvm::append_range(all, some);
  }
  return all;
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
  using OutlineWeightsBase::OutlineWeightsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (lanes != 8 && lanes != 16) {
      module.emitError("expects 8 or 16 lanes, got ") << int64_t(lanes);
      return signalPassFailure();
    }
    if (fragments && lanes != 16) {
      module.emitError("expects 16 lanes for fragments, got ")
          << int64_t(lanes);
      return signalPassFailure();
    }
    splitLoraLinears(module);
    WeightCollector collector(module, {lanes, fragments});
    for (auto function : module.getOps<func::FuncOp>())
      collector.collect(function);

    SymbolTable symbols(module);
    OpBuilder builder(&getContext());
    auto firstEntry = module.getOps<func::FuncOp>().begin();
    int64_t offset = 0;
    for (Weight *next : collector.inOrder()) {
      Weight &weight = *next;
      llvm::SetVector<Operation *> chain;
      collectChain(weight.value, chain);
      builder.setInsertionPoint(*firstEntry);
      kernel::LayoutAttr layout = weight.layout;
      if (!layout || weight.needsRowMajor)
        layout = kernel::LayoutAttr::get(&getContext(), 0);
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
