// Finds the layers whose codes data can choose.

#include "qopt/passes/calibrate/Layers.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"
#include "qopt/passes/calibrate/Calibration.h"

using namespace mlir;

namespace qopt::calibrate {

const SettingsInterface *getSettings(MLIRContext *context) {
  auto *dialect = context->getLoadedDialect<nn::NnDialect>();
  return dialect ? dialect->getRegisteredInterface<SettingsInterface>()
                 : nullptr;
}

Value floatInputOf(lowbit::LinearOp op) {
  if (!op.getInputScales())
    return op.getInput();
  auto quantize = op.getInput().getDefiningOp<lowbit::QuantizeOp>();
  return quantize ? Value(quantize.getInput()) : Value();
}

/// Why data cannot choose the codes of a layer; empty if it can.
static StringRef reasonToLeave(lowbit::LinearOp op, bool withHead,
                               SymbolTable &symbols) {
  auto quantize = op.getWeight().getDefiningOp<lowbit::QuantizeOp>();
  if (!quantize || !isWeight(quantize.getInput(), symbols))
    return "its codes are not made here from a weight";
  if (!floatInputOf(op))
    return "its input is not quantized here";
  if (quantize.getScheme().getMethod() == lowbit::Method::ternary)
    return "ternary weights are trained, not fitted";
  for (Value result : quantize.getResults())
    if (llvm::any_of(result.getUsers(), [&](Operation *user) {
          return user != op && !isOpTriviallyDead(user);
        }))
      return "another layer reads its codes";
  auto role = getRole(quantize.getInput(), symbols);
  if (!withHead && (role == nn::Role::head || role == nn::Role::embedding))
    return "it is the head";
  return "";
}

SmallVector<Layer> collectLayers(ModuleOp program, bool withHead,
                                 const lora::BranchOptions &branch,
                                 StringRef category) {
  SmallVector<Layer> layers;
  auto run = program.lookupSymbol<func::FuncOp>("run");
  if (!run)
    return layers;
  SymbolTable symbols(program);
  std::string message;
  auto targets = lora::BranchOptions(branch).rank > 0
                     ? LayerPattern::parse(branch.targets, message)
                     : FailureOr<LayerPattern>(failure());
  run.walk([&](lowbit::LinearOp op) {
    StringRef reason = reasonToLeave(op, withHead, symbols);
    if (!reason.empty()) {
      remark::missed(op.getLoc(),
                     remark::RemarkOpts::name("kept").category(category))
          << reason;
      return;
    }
    auto quantize = op.getWeight().getDefiningOp<lowbit::QuantizeOp>();
    Layer layer;
    layer.op = op;
    layer.quantize = quantize;
    layer.name = nameOfLayer(op, quantize.getInput(), symbols);
    layer.codes = layer.name + ".codes";
    layer.scales = layer.name + ".scales";
    if (quantize.getZeros())
      layer.zeros = layer.name + ".zeros";
    if (succeeded(targets) &&
        targets->matches(namesOfLayer(op, quantize.getInput(), symbols))) {
      layer.a = lora::moduleOf(layer.name) + ".lora_A.weight";
      layer.b = lora::moduleOf(layer.name) + ".lora_B.weight";
    }
    layers.push_back(layer);
  });
  return layers;
}

RankedTensorType factorA(const Layer &layer,
                         const lora::BranchOptions &branch) {
  lowbit::LinearOp op = layer.op;
  return RankedTensorType::get(
      {branch.rank, op.getWeight().getType().getDimSize(1)}, branch.type);
}

RankedTensorType factorB(const Layer &layer,
                         const lora::BranchOptions &branch) {
  lowbit::LinearOp op = layer.op;
  return RankedTensorType::get(
      {op.getWeight().getType().getDimSize(0), branch.rank}, branch.type);
}

std::vector<Spill::Tensor> tensorsOf(ArrayRef<Layer> layers,
                                     const lora::BranchOptions &branch) {
  std::vector<Spill::Tensor> tensors;
  for (const Layer &layer : layers) {
    lowbit::QuantizeOp quantize = layer.quantize;
    auto add = [&](StringRef key, Type type) {
      if (!key.empty())
        tensors.push_back({key.str(), cast<RankedTensorType>(type)});
    };
    add(layer.codes, quantize.getCodes().getType());
    add(layer.scales, quantize.getScales().getType());
    if (quantize.getZeros())
      add(layer.zeros, quantize.getZeros().getType());
    add(layer.a, factorA(layer, branch));
    add(layer.b, factorB(layer, branch));
  }
  return tensors;
}

int64_t vocabularyOf(ModuleOp program) {
  int64_t rows = 0;
  program.walk([&](Operation *op) {
    Value table;
    if (auto embedding = dyn_cast<nn::EmbeddingOp>(op))
      table = embedding.getTable();
    else if (auto onCodes = dyn_cast<lowbit::EmbeddingOp>(op))
      table = onCodes.getTable();
    if (!table)
      return WalkResult::advance();
    rows = cast<RankedTensorType>(table.getType()).getDimSize(0);
    return WalkResult::interrupt();
  });
  return rows;
}

} // namespace qopt::calibrate
