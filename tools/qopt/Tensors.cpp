// Follows parameters from the adapted program into its kernels.

#include "qopt/tools/qopt/Tensors.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"
#include "qopt/dialects/lowbit/Lowbit.h"
#include "qopt/passes/Weights.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using ml_program::GlobalLoadOp;
using ml_program::GlobalOp;

namespace qopt::driver {

//===----------------------------------------------------------------------===//
// Remarks
//===----------------------------------------------------------------------===//

namespace {
class Listener final : public remark::detail::MLIRRemarkStreamerBase {
public:
  explicit Listener(Remarks &remarks) : remarks(remarks) {}
  void streamOptimizationRemark(const remark::detail::Remark &remark) override {
    std::string text;
    for (const auto &part : remark.getArgs())
      if (part.key == "Remark")
        text += part.val;
    remarks.list.push_back({remark.getLocation(),
                            remark.getCombinedCategoryName().str(),
                            StringRef(text).trim().str()});
  }

private:
  Remarks &remarks;
};
} // namespace

void Remarks::listenTo(MLIRContext &context) {
  // Only passes of recipes, which see the whole module and so come one by one.
  remark::RemarkCategories categories{
      std::nullopt, std::nullopt,
      "qopt-(untie|fold|insert|rotate|quantize|gptq|attach).*", std::nullopt,
      std::nullopt};
  (void)remark::enableOptimizationRemarks(
      context, std::make_unique<Listener>(*this),
      std::make_unique<remark::RemarkEmittingPolicyAll>(), categories);
}

StringRef Remarks::find(StringRef pass, Location loc) const {
  for (const Entry &entry : list)
    if (entry.pass == pass && entry.loc == loc)
      return entry.reason;
  return "";
}

//===----------------------------------------------------------------------===//
// The adapted program
//===----------------------------------------------------------------------===//

int64_t TensorReport::elements() const {
  return ShapedType::getNumElements(shape);
}

double TensorReport::bits() const {
  return elements() > 0 ? 8.0 * double(bytes) / double(elements()) : 0;
}

static std::string textOf(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text == "i1" ? "bool" : text;
}

/// "ternary/tensor", "i4/g64", "u2/g64": u for codes with a zero of their own.
static std::string textOf(lowbit::SchemeAttr scheme) {
  std::string text =
      scheme.getMethod() == lowbit::Method::ternary
          ? "ternary"
          : (scheme.hasZeros() ? "u" : "i") + std::to_string(scheme.getBits());
  if (scheme.getPer() == lowbit::Granularity::group)
    return text + "/g" + std::to_string(scheme.getGroup());
  return (text + "/" + stringifyGranularity(scheme.getPer())).str();
}

namespace {
/// A layer, or a table, and what it reads.
struct LayerView {
  Value weight, scales, zeros;
  lowbit::SchemeAttr scheme; ///< null: float
  std::string acts;

  static std::optional<LayerView> of(Operation *op);
};

/// Makes the list.
class Collector {
public:
  Collector(ModuleOp adapted, StringRef pipeline, const Remarks &remarks,
            ArrayRef<calibrate::LayerReport> calibrated)
      : adapted(adapted), pipeline(pipeline), remarks(remarks),
        calibrated(calibrated), symbols(adapted) {}
  std::vector<TensorReport> collect();

private:
  void addLayer(Operation *op, const LayerView &view);
  std::string reasonOf(Operation *op, const LayerView &view, StringRef name);
  bool isOverridden(Operation *op, StringRef name);
  const calibrate::LayerReport *calibrationOf(StringRef name);

  ModuleOp adapted;
  StringRef pipeline;
  const Remarks &remarks;
  ArrayRef<calibrate::LayerReport> calibrated;
  SymbolTable symbols;
  llvm::MapVector<Operation *, TensorReport> tensors; ///< by global
  llvm::SmallPtrSet<Operation *, 16> parts;           ///< scales and zeros
};
} // namespace

std::optional<LayerView> LayerView::of(Operation *op) {
  if (auto linear = dyn_cast<nn::LinearOp>(op))
    return LayerView{linear.getWeight(),
                     {},
                     {},
                     {},
                     textOf(getElementTypeOrSelf(linear.getInput()))};
  if (auto embedding = dyn_cast<nn::EmbeddingOp>(op))
    return LayerView{embedding.getTable(), {}, {}, {}, ""};
  if (auto linear = dyn_cast<lowbit::LinearOp>(op)) {
    auto codes = linear.getInput().getDefiningOp<lowbit::QuantizeOp>();
    std::string acts = codes ? "i" + std::to_string(codes.getScheme().getBits())
                             : textOf(getElementTypeOrSelf(linear.getInput()));
    return LayerView{linear.getWeight(), linear.getWeightScales(),
                     linear.getZeros(), linear.getScheme(), acts};
  }
  if (auto embedding = dyn_cast<lowbit::EmbeddingOp>(op))
    return LayerView{embedding.getTable(), embedding.getScales(),
                     embedding.getZeros(), embedding.getScheme(), ""};
  return std::nullopt;
}

/// Whether an --override, which the recipe holds, is about this layer.
bool Collector::isOverridden(Operation *op, StringRef name) {
  StringRef rest = pipeline;
  size_t at = rest.find("overrides=");
  if (at == StringRef::npos)
    return false;
  StringRef text = rest.substr(at).split('=').second.take_until(
      [](char c) { return c == ' ' || c == '}'; });
  SmallVector<StringRef> names{name};
  op->getLoc()->walk([&](Location loc) {
    if (auto named = dyn_cast<NameLoc>(loc))
      names.push_back(named.getName());
    return WalkResult::advance();
  });
  for (const std::string &entry : splitOption(text)) {
    std::string message;
    auto pattern =
        LayerPattern::parse(StringRef(entry).rsplit('=').first, message);
    if (succeeded(pattern) && pattern->matches(names))
      return true;
  }
  return false;
}

const calibrate::LayerReport *Collector::calibrationOf(StringRef name) {
  for (const calibrate::LayerReport &layer : calibrated)
    if (layer.name == name)
      return &layer;
  return nullptr;
}

std::string Collector::reasonOf(Operation *op, const LayerView &view,
                                StringRef name) {
  if (isOverridden(op, name))
    return "--override";
  if (view.scheme &&
      (view.weight.getDefiningOp<lowbit::QuantizeOp>() ||
       view.weight.getDefiningOp<nn::ConcatOp>() || calibrationOf(name)))
    return "recipe";
  if (view.scheme)
    return "codes of the model";
  if (pipeline.empty())
    return "no recipe";
  StringRef said = remarks.find("qopt-quantize-weights", op->getLoc());
  return said.empty() || said == Remarks::isFloat ? "recipe"
                                                  : "left: " + said.str();
}

void Collector::addLayer(Operation *op, const LayerView &view) {
  GlobalOp global = getParameter(view.weight, symbols);
  if (!global)
    return;
  StringRef name = global.getSymName();
  // Codes that data chose lie beside the model, under a name of their own.
  if (StringRef base = name; base.consume_back(".codes") && calibrationOf(base))
    name = base;
  TensorReport &tensor = tensors[global];
  bool isKnown = tensor.isLayer;
  if (!isKnown || tensor.acts.empty())
    tensor.acts = view.acts;
  if (isKnown)
    return; // a table that the head shares
  tensor.name = name.str();
  tensor.isLayer = true;
  tensor.isPacked = bool(view.scheme);
  tensor.codeBits = view.scheme ? view.scheme.getBits() : 0;
  auto type = cast<RankedTensorType>(view.weight.getType());
  tensor.shape.assign(type.getShape().begin(), type.getShape().end());
  tensor.to = view.scheme ? textOf(view.scheme) : textOf(type.getElementType());
  tensor.reason = reasonOf(op, view, name);
  tensor.globals = {global.getSymName().str()};
  for (Value part : {view.scales, view.zeros})
    if (GlobalOp owned = part ? getParameter(part, symbols) : nullptr;
        owned && owned != global) {
      parts.insert(owned);
      tensor.globals.push_back(owned.getSymName().str());
    }
  if (const calibrate::LayerReport *found = calibrationOf(name))
    tensor.calibrated = *found;
}

std::vector<TensorReport> Collector::collect() {
  // In the order of the model, which is that of the globals.
  llvm::SmallPtrSet<Operation *, 16> loaded;
  adapted.walk([&](GlobalLoadOp load) {
    loaded.insert(symbols.lookup(load.getGlobal().getLeafReference()));
  });
  for (auto global : adapted.getOps<GlobalOp>())
    if (loaded.contains(global) && !global.getIsMutable() &&
        isa<RankedTensorType>(global.getType()))
      tensors[global] = {};
  for (auto function : adapted.getOps<func::FuncOp>())
    function.walk([&](Operation *op) {
      if (auto view = LayerView::of(op))
        addLayer(op, *view);
    });
  // What data chose stands before all others; its source says where it belongs.
  llvm::StringMap<int64_t> place;
  for (auto [i, global] : llvm::enumerate(adapted.getOps<GlobalOp>()))
    place[global.getSymName()] = i;
  std::vector<TensorReport> result;
  for (auto &[op, tensor] : tensors) {
    if (parts.contains(op))
      continue;
    auto global = cast<GlobalOp>(op);
    auto type = cast<RankedTensorType>(global.getType());
    if (!tensor.isLayer && calibrationOf(global.getSymName()))
      continue; // what codes were chosen for, which stand in its place
    if (auto role =
            global->getAttrOfType<nn::RoleAttr>(nn::NnDialect::roleAttr))
      tensor.role = stringifyRole(role.getValue()).str();
    tensor.from = textOf(type.getElementType());
    tensor.fromBytes = nn::storedBytes(type);
    if (tensor.calibrated) {
      // The codes stand for the parameter that they were made from.
      auto source = symbols.lookup<GlobalOp>(tensor.name);
      auto old = source ? dyn_cast<RankedTensorType>(source.getType())
                        : RankedTensorType();
      tensor.from = old ? textOf(old.getElementType()) : "f32";
      tensor.fromBytes = old ? nn::storedBytes(old) : 4 * tensor.elements();
    } else if (tensor.reason == "codes of the model") {
      tensor.from = tensor.to;
      tensor.fromBytes = tensor.elements() * tensor.codeBits / 8;
      for (StringRef part : llvm::drop_begin(tensor.globals))
        tensor.fromBytes += nn::storedBytes(
            cast<RankedTensorType>(symbols.lookup<GlobalOp>(part).getType()));
    }
    if (!tensor.isLayer) {
      tensor.name = global.getSymName().str();
      tensor.globals = {tensor.name};
      tensor.shape.assign(type.getShape().begin(), type.getShape().end());
      tensor.to = tensor.from;
      tensor.reason = tensor.role == "adapter" ? "recipe" : "never quantized";
    }
    result.push_back(std::move(tensor));
  }
  auto placeOf = [&](const TensorReport &tensor) {
    // A branch belongs to its layer.
    std::string base = tensor.name;
    if (size_t at = base.find(".lora_"); at != std::string::npos)
      base = base.substr(0, at) + ".weight";
    auto found = place.find(base);
    return std::pair(found == place.end() ? place.lookup(tensor.name)
                                          : found->second,
                     StringRef(tensor.name));
  };
  llvm::sort(result, [&](const TensorReport &a, const TensorReport &b) {
    return placeOf(a) < placeOf(b);
  });
  return result;
}

std::vector<TensorReport>
tensorsOf(ModuleOp adapted, StringRef pipeline, const Remarks &remarks,
          ArrayRef<calibrate::LayerReport> calibrated) {
  return Collector(adapted, pipeline, remarks, calibrated).collect();
}

//===----------------------------------------------------------------------===//
// Its kernels
//===----------------------------------------------------------------------===//

llvm::DenseMap<Operation *, TensorReport *>
ownersOf(ModuleOp kernels, MutableArrayRef<TensorReport> tensors) {
  SymbolTable symbols(kernels);
  llvm::StringMap<TensorReport *> byGlobal;
  for (TensorReport &tensor : tensors)
    for (const std::string &global : tensor.globals)
      byGlobal[global] = &tensor;
  llvm::DenseMap<Operation *, TensorReport *> owners;
  for (auto weight : kernels.getOps<kernel::WeightOp>()) {
    Value value = weight.getBody().front().getTerminator()->getOperand(0);
    GlobalOp global = getParameter(value, symbols);
    owners[weight] = global ? byGlobal.lookup(global.getSymName()) : nullptr;
  }
  return owners;
}

void addKernels(std::vector<TensorReport> &tensors, ModuleOp kernels,
                function_ref<StringRef(kernel::FuncOp)> familyOf) {
  SymbolTable symbols(kernels);
  TensorReport constants;
  constants.name = "(constants)";
  constants.from = constants.to = "mixed";
  constants.reason = "never quantized";
  auto owners = ownersOf(kernels, tensors);
  for (auto weight : kernels.getOps<kernel::WeightOp>()) {
    TensorReport *owner = owners[weight];
    (owner ? owner : &constants)->bytes += weight.getBytes();
  }
  auto look = [&](func::FuncOp entry) {
    entry.walk([&](kernel::LaunchOp launch) {
      for (Value operand : launch.getArguments()) {
        auto load = operand.getDefiningOp<kernel::LoadOp>();
        TensorReport *tensor =
            load ? owners.lookup(symbols.lookup(load.getWeight())) : nullptr;
        if (!tensor || !tensor->kernel.empty())
          continue;
        tensor->kernel = launch.getKernel().str();
        tensor->family =
            familyOf(symbols.lookup<kernel::FuncOp>(tensor->kernel)).str();
      }
    });
  };
  // What makes text counts most.
  if (auto decode = symbols.lookup<func::FuncOp>("decode"))
    look(decode);
  for (auto entry : kernels.getOps<func::FuncOp>())
    look(entry);
  for (TensorReport &tensor : tensors)
    if (!tensor.isLayer && tensor.bytes == 0)
      tensor.reason = "folded into others";
  if (constants.bytes) {
    constants.shape = {constants.bytes};
    constants.fromBytes = constants.bytes;
    tensors.push_back(constants);
  }
}

} // namespace qopt::driver
