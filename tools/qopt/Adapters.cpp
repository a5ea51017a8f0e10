// Describes adapters as JSON.

#include "qopt/tools/qopt/Adapters.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "qopt/dialects/kernel/Kernel.h"
#include "qopt/passes/lora/Adapters.h"

using namespace mlir;
namespace json = llvm::json;

namespace qopt::driver {

static json::Object describeSlot(kernel::WeightOp weight,
                                 ml_program::GlobalOp slot,
                                 json::Array copies) {
  RankedTensorType type = weight.getResultType();
  std::string element;
  llvm::raw_string_ostream(element) << type.getElementType();
  return json::Object{
      {"module", slot->getAttrOfType<StringAttr>(lora::moduleAttr).getValue()},
      {"factor", slot.getSymName().ends_with("lora_A.weight") ? "A" : "B"},
      {"rows", type.getDimSize(0)},
      {"columns", type.getDimSize(1)},
      {"type", element},
      {"panel", weight.getLayout().getPanel()},
      {"offset", int64_t(weight.getOffset())},
      {"bytes", weight.getBytes()},
      {"scale",
       slot->getAttrOfType<FloatAttr>(lora::scaleAttr).getValueAsDouble()},
      {"plain", weight->hasAttr(lora::plainAttr)},
      {"copies", std::move(copies)}};
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
  return json::Object{{"names", std::move(all)},
                      {"fixed", program->hasAttr(lora::fixedAttr)},
                      {"slots", std::move(slots)}};
}

} // namespace qopt::driver
