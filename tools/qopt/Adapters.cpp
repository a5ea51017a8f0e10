// Describes adapters as JSON.

#include "qopt/tools/qopt/Adapters.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "qopt/dialects/kernel/Kernel.h"
#include "qopt/passes/kernel/Variables.h"
#include "qopt/passes/lora/Adapters.h"

using namespace mlir;
namespace json = llvm::json;

namespace qopt::driver {

/// What a factor is, without its place.
static json::Object describeFactor(ml_program::GlobalOp slot,
                                   RankedTensorType type) {
  std::string element;
  llvm::raw_string_ostream(element) << type.getElementType();
  return json::Object{
      {"module", slot->getAttrOfType<StringAttr>(lora::moduleAttr).getValue()},
      {"factor", slot.getSymName().ends_with("lora_A.weight") ? "A" : "B"},
      {"rows", type.getDimSize(0)},
      {"columns", type.getDimSize(1)},
      {"type", element},
      {"scale",
       slot->getAttrOfType<FloatAttr>(lora::scaleAttr).getValueAsDouble()}};
}

static json::Object describeSlot(kernel::WeightOp weight,
                                 ml_program::GlobalOp slot,
                                 json::Array copies) {
  json::Object factor = describeFactor(slot, weight.getResultType());
  factor["panel"] = weight.getLayout().getPanel();
  factor["offset"] = int64_t(weight.getOffset());
  factor["bytes"] = weight.getBytes();
  factor["plain"] = weight->hasAttr(lora::plainAttr);
  factor["copies"] = std::move(copies);
  return factor;
}

/// A factor that is trained.
static json::Object describeVariable(ml_program::GlobalOp slot) {
  auto type = cast<RankedTensorType>(slot.getType());
  json::Object factor = describeFactor(slot, type);
  factor["panel"] = 0;
  factor["offset"] = Variables::offsetOf(slot);
  factor["bytes"] = kernel::LayoutAttr::get(slot.getContext(), 0).bytesOf(type);
  factor["plain"] = true;
  factor["variable"] = true;
  return factor;
}

json::Value describeAdapters(ModuleOp program) {
  auto names = program->getAttrOfType<ArrayAttr>(lora::adaptersAttr);
  if (!names)
    return nullptr;
  SymbolTable symbols(program);
  llvm::MapVector<Operation *, json::Array> copies; // by slot
  auto weights = program.getOps<kernel::WeightOp>();
  for (kernel::WeightOp weight : weights)
    if (auto slot = weight->getAttrOfType<FlatSymbolRefAttr>(lora::slotAttr)) {
      if (weight->hasAttr(lora::adapterAttr))
        copies[symbols.lookup(slot.getValue())].push_back(
            int64_t(weight.getOffset()));
      else
        copies.insert({weight, {}});
    }
  json::Array all, slots;
  for (auto name : names.getAsRange<StringAttr>())
    all.push_back(name.getValue());
  for (auto &[weight, places] : copies) {
    auto slot = weight->getAttrOfType<FlatSymbolRefAttr>(lora::slotAttr);
    slots.push_back(
        describeSlot(cast<kernel::WeightOp>(weight),
                     symbols.lookup<ml_program::GlobalOp>(slot.getValue()),
                     std::move(places)));
  }
  for (ml_program::GlobalOp variable : Variables::of(program).globals)
    if (variable->hasAttr(lora::moduleAttr))
      slots.push_back(describeVariable(variable));
  return json::Object{{"names", std::move(all)},
                      {"fixed", program->hasAttr(lora::fixedAttr)},
                      {"slots", std::move(slots)}};
}

} // namespace qopt::driver
