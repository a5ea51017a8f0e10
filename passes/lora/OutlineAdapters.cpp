// Gives the adapters that are not active weights of their own.

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "qopt/dialects/kernel/Kernel.h"
#include "qopt/passes/Passes.h"
#include "qopt/passes/lora/Adapters.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using ml_program::GlobalLoadOp;
using ml_program::GlobalOp;

namespace qopt {

#define GEN_PASS_DEF_OUTLINEADAPTERS
#include "qopt/passes/Passes.h.inc"

/// Weights begin at multiples of a cache line.
static constexpr int64_t alignment = 64;

namespace {

struct OutlineAdapters final : impl::OutlineAdaptersBase<OutlineAdapters> {
  using OutlineAdaptersBase::OutlineAdaptersBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    auto weights = llvm::to_vector(module.getOps<kernel::WeightOp>());
    int64_t end = 0;
    for (kernel::WeightOp weight : weights)
      end = std::max<int64_t>(end, weight.getOffset() + weight.getBytes());
    // The values for a slot, in the order of the adapters.
    llvm::MapVector<Operation *, SmallVector<GlobalOp>> others;
    for (auto global : module.getOps<GlobalOp>())
      if (auto slot = global->getAttrOfType<FlatSymbolRefAttr>(lora::slotAttr))
        others[symbols.lookup(slot.getValue())].push_back(global);
    for (kernel::WeightOp weight : weights) {
      if (weight->hasAttr(lora::slotAttr))
        continue; // an earlier run has seen it
      if (GlobalOp slot = slotOf(weight, symbols))
        end = outline(weight, slot, others[slot], symbols, end);
    }
  }

  /// The slot that a weight's chain begins with; null if there is none.
  static GlobalOp slotOf(kernel::WeightOp weight, SymbolTable &symbols) {
    GlobalOp slot;
    weight.walk([&](GlobalLoadOp load) {
      auto global =
          symbols.lookup<GlobalOp>(load.getGlobal().getLeafReference());
      if (global && global->hasAttr(lora::moduleAttr))
        slot = global;
    });
    return slot;
  }

  int64_t outline(kernel::WeightOp weight, GlobalOp slot,
                  ArrayRef<GlobalOp> others, SymbolTable &symbols,
                  int64_t end) {
    OpBuilder builder(weight);
    weight->setAttr(lora::slotAttr, FlatSymbolRefAttr::get(slot));
    // A load and the return: a factor goes in as it is.
    if (llvm::hasNItems(weight.getBody().front(), 2))
      weight->setAttr(lora::plainAttr, builder.getUnitAttr());
    builder.setInsertionPointAfter(weight);
    for (GlobalOp other : others) {
      auto copy = cast<kernel::WeightOp>(builder.clone(*weight));
      copy.setSymName((other.getSymName() + ".packed").str());
      end = llvm::alignTo(end, alignment);
      copy.setOffset(end);
      end += copy.getBytes();
      copy->setAttr(lora::slotAttr, FlatSymbolRefAttr::get(weight));
      copy->setAttr(lora::adapterAttr, other->getAttr(lora::adapterAttr));
      copy.walk([&](GlobalLoadOp load) {
        if (load.getGlobal().getLeafReference() == slot.getSymNameAttr())
          load.setGlobalAttr(FlatSymbolRefAttr::get(other));
      });
      symbols.insert(copy);
    }
    return end;
  }
};

} // namespace
} // namespace qopt
