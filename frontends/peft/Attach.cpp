// Finds the layers that adapters name, and adds their branches.
//
// All is looked at before the first layer is changed.

#include "qopt/frontends/peft/Attach.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "qopt/dialects/lowbit/Lowbit.h"
#include "qopt/frontends/peft/Adapter.h"
#include "qopt/passes/Weights.h"
#include "qopt/passes/lora/Adapters.h"
#include "qopt/passes/lora/Branch.h"

using namespace mlir;
using ml_program::GlobalLoadOp;
using ml_program::GlobalOp;

namespace qopt::peft {

namespace {

/// A layer that has a parameter with rows and columns.
struct Layer {
  Operation *op;
  Value weight;
  SmallVector<std::string> names; ///< modules that it may be called
};

/// The branches of one layer: one an adapter, or null.
struct Target {
  Layer *layer;
  std::string module; ///< of the first adapter that names it
  SmallVector<const Branch *> branches;
};

class Attacher {
public:
  explicit Attacher(ModuleOp program) : program(program), symbols(program) {}

  LogicalResult run(ArrayRef<std::string> folders, StringRef baseHash);

private:
  void collectLayers();
  FailureOr<Layer *> find(const Adapter &adapter, StringRef module);
  LogicalResult plan(size_t which);
  LogicalResult planReplacements();
  void attach(Target &target);
  void replace(Layer &layer, const Replacement &replacement);
  InFlightDiagnostic fail(const Adapter &adapter) {
    return emitError(program.getLoc(), "adapter '") << adapter.name << "': ";
  }

  ModuleOp program;
  SymbolTable symbols;
  std::vector<Adapter> adapters;
  std::vector<Layer> layers;
  std::vector<Target> targets;
  std::vector<std::pair<Layer *, const Replacement *>> replacements;
};

} // namespace

/// The parameter of a layer, as long as it has one.
static Value weightOf(Operation *op) {
  if (auto linear = dyn_cast<nn::LinearOp>(op))
    return linear.getWeight();
  if (auto linear = dyn_cast<lowbit::LinearOp>(op))
    return linear.getWeight();
  if (auto embedding = dyn_cast<nn::EmbeddingOp>(op))
    return embedding.getTable();
  if (auto embedding = dyn_cast<lowbit::EmbeddingOp>(op))
    return embedding.getTable();
  return {};
}

static bool isLinear(Operation *op) {
  return isa<nn::LinearOp, lowbit::LinearOp>(op);
}

/// `/model/layers.0/mlp/up_proj/MatMul` -> `model.layers.0.mlp.up_proj`,
/// `model.layers.0.mlp.up_proj.MatMul.weight_Q4` -> the same.
static std::string moduleOf(StringRef name) {
  bool isPath = name.consume_front("/");
  std::string module = isPath ? name.rsplit('/').first.str()
                              : name.rsplit(".weight").first.str();
  std::replace(module.begin(), module.end(), '/', '.');
  StringRef text(module);
  text.consume_back(".MatMul");
  return text.str();
}

void Attacher::collectLayers() {
  program.walk([&](Operation *op) {
    Value weight = weightOf(op);
    if (!weight || !isWeight(weight, symbols))
      return;
    Layer layer{op, weight, {}};
    for (StringRef name : namesOfLayer(op, weight, symbols))
      if (std::string module = moduleOf(name); !module.empty())
        layer.names.push_back(std::move(module));
    layers.push_back(std::move(layer));
  });
}

/// Exporters and PEFT wrap models: one name may be the end of the other.
static bool isSame(StringRef a, StringRef b) {
  return a == b || a.ends_with(("." + b).str()) || b.ends_with(("." + a).str());
}

FailureOr<Layer *> Attacher::find(const Adapter &adapter, StringRef module) {
  SmallVector<Layer *> exact, similar;
  for (Layer &layer : layers) {
    if (llvm::is_contained(layer.names, module))
      exact.push_back(&layer);
    else if (llvm::any_of(layer.names, [&](const std::string &name) {
               return isSame(name, module);
             }))
      similar.push_back(&layer);
  }
  SmallVector<Layer *> &found = exact.empty() ? similar : exact;
  if (found.size() == 1)
    return found.front();
  if (found.empty())
    return fail(adapter) << "the model has no layer '" << module
                         << "': it was made for another base";
  return fail(adapter) << found.size() << " layers are called '" << module
                       << "'";
}

LogicalResult Attacher::plan(size_t which) {
  const Adapter &adapter = adapters[which];
  for (const Branch &branch : adapter.branches) {
    FailureOr<Layer *> layer = find(adapter, branch.module);
    if (failed(layer))
      return failure();
    auto type = cast<RankedTensorType>((*layer)->weight.getType());
    if (!isLinear((*layer)->op))
      return fail(adapter) << "'" << branch.module
                           << "' is no linear layer: only those take a branch";
    if (type.getDimSize(0) != branch.rows ||
        type.getDimSize(1) != branch.columns)
      return fail(adapter) << "'" << branch.module << "' is "
                           << type.getDimSize(0) << " x " << type.getDimSize(1)
                           << " here and " << branch.rows << " x "
                           << branch.columns
                           << " in the adapter: it was made for another base";
    auto found = llvm::find_if(
        targets, [&](const Target &target) { return target.layer == *layer; });
    if (found == targets.end()) {
      targets.push_back({*layer, branch.module, {}});
      found = targets.end() - 1;
    }
    found->branches.resize(adapters.size());
    found->branches[which] = &branch;
  }
  return success();
}

LogicalResult Attacher::planReplacements() {
  for (const Adapter &adapter : adapters)
    for (const Replacement &replacement : adapter.replacements) {
      if (adapters.size() > 1)
        return fail(adapter)
               << "modules_to_save has '" << replacement.module
               << "': such an adapter cannot be one of several; compile it in "
                  "alone";
      FailureOr<Layer *> layer = find(adapter, replacement.module);
      if (failed(layer))
        return failure();
      auto type = cast<RankedTensorType>((*layer)->weight.getType());
      if (type.getShape() != replacement.type.getShape())
        return fail(adapter) << "'" << replacement.module << "' is " << type
                             << " here and " << replacement.type
                             << " in the adapter: it was made for another base";
      if (isa<lowbit::LinearOp, lowbit::EmbeddingOp>((*layer)->op))
        return fail(adapter) << "'" << replacement.module
                             << "' is codes here: it cannot be replaced";
      replacements.push_back({*layer, &replacement});
    }
  return success();
}

/// Numbers in the type that the layer computes in.
static DenseElementsAttr valueOf(ArrayRef<float> numbers, int64_t rows,
                                 int64_t columns, Type element) {
  auto type = RankedTensorType::get({rows, columns}, element);
  if (element.isF32())
    return DenseElementsAttr::get(type, numbers);
  SmallVector<APFloat> converted;
  bool lossy;
  for (float number : numbers) {
    converted.emplace_back(number);
    converted.back().convert(cast<FloatType>(element).getFloatSemantics(),
                             APFloat::rmNearestTiesToEven, &lossy);
  }
  return DenseElementsAttr::get(type, converted);
}

void Attacher::attach(Target &target) {
  Operation *op = target.layer->op;
  Type element = getElementTypeOrSelf(op->getResult(0).getType());
  auto type = cast<RankedTensorType>(target.layer->weight.getType());
  int64_t rows = type.getDimSize(0), columns = type.getDimSize(1), rank = 0;
  double scale = 0;
  target.branches.resize(adapters.size());
  for (const Branch *branch : target.branches) {
    rank = std::max(rank, branch ? branch->rank : 0);
    scale = scale == 0 && branch ? branch->scale : scale;
  }
  OpBuilder builder(op);
  auto factor = [&](const Branch *branch, bool isA) {
    std::vector<float> values(rank * (isA ? columns : rows));
    if (branch && isA) // more rows, of zeros
      llvm::copy(branch->a, values.begin());
    double ratio = branch && scale != 0 ? branch->scale / scale : 1;
    for (int64_t n = 0; branch && !isA && n < rows; ++n)
      for (int64_t r = 0; r < branch->rank; ++r)
        values[n * rank + r] = float(branch->b[n * branch->rank + r] * ratio);
    return valueOf(values, isA ? rank : rows, isA ? columns : rank, element);
  };
  std::string layer =
      lora::moduleOf(nameOfLayer(op, target.layer->weight, symbols));
  lora::BranchOptions options;
  options.rank = rank;
  options.alpha = scale * double(rank);
  lora::attachBranch(builder, op, op->getOperand(0), layer, options,
                     factor(target.branches[0], true),
                     factor(target.branches[0], false), symbols);
  for (bool isA : {true, false}) {
    std::string name = layer + (isA ? ".lora_A" : ".lora_B") + ".weight";
    auto slot = symbols.lookup<GlobalOp>(name);
    slot->setAttr(lora::moduleAttr, builder.getStringAttr(target.module));
    slot->setAttr(lora::scaleAttr, builder.getF64FloatAttr(scale));
    for (size_t i = 1; i < adapters.size(); ++i) {
      auto values = factor(target.branches[i], isA);
      builder.setInsertionPoint(slot);
      auto other = GlobalOp::create(builder, slot.getLoc(),
                                    adapters[i].name + "/" + name,
                                    values.getType(), /*is_mutable=*/false,
                                    values, builder.getStringAttr("private"));
      other->setAttr(
          nn::NnDialect::roleAttr,
          nn::RoleAttr::get(builder.getContext(), nn::Role::adapter));
      other->setAttr(lora::adapterAttr,
                     builder.getStringAttr(adapters[i].name));
      other->setAttr(lora::slotAttr, FlatSymbolRefAttr::get(slot));
      symbols.insert(other);
    }
  }
}

void Attacher::replace(Layer &layer, const Replacement &replacement) {
  OpBuilder builder(layer.op);
  auto type = cast<RankedTensorType>(layer.weight.getType());
  auto value = nn::WeightAttr::get(program.getContext(), replacement.type,
                                   replacement.file, 0, replacement.key);
  GlobalOp old = getParameter(layer.weight, symbols);
  std::string name = replacement.module + ".weight";
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(program.getBody());
  auto global = GlobalOp::create(builder, layer.op->getLoc(), name,
                                 replacement.type, /*is_mutable=*/false, value,
                                 builder.getStringAttr("private"));
  if (old)
    if (Attribute role = old->getAttr(nn::NnDialect::roleAttr))
      global->setAttr(nn::NnDialect::roleAttr, role);
  symbols.insert(global);
  builder.setInsertionPoint(layer.op);
  Value weight =
      GlobalLoadOp::create(builder, layer.op->getLoc(), replacement.type,
                           FlatSymbolRefAttr::get(global));
  if (weight.getType() != type)
    weight = nn::CastOp::create(builder, layer.op->getLoc(), type, weight);
  layer.op->replaceUsesOfWith(layer.weight, weight);
  layer.weight = weight;
}

LogicalResult Attacher::run(ArrayRef<std::string> folders, StringRef baseHash) {
  for (const std::string &folder : folders) {
    FailureOr<Adapter> adapter = readAdapter(folder, program.getContext());
    if (failed(adapter))
      return failure();
    for (const Adapter &other : adapters)
      if (other.name == adapter->name)
        return fail(*adapter) << "there are two of this name";
    if (adapter->name == "none")
      return fail(*adapter) << "expects another name: none means no adapter";
    if (!adapter->baseHash.empty() && !baseHash.empty() &&
        adapter->baseHash != baseHash)
      return fail(*adapter) << "was made for the base " << adapter->baseHash
                            << ", this one is " << baseHash;
    adapters.push_back(std::move(*adapter));
  }
  collectLayers();
  for (size_t i = 0; i < adapters.size(); ++i)
    if (failed(plan(i)))
      return failure();
  if (failed(planReplacements()))
    return failure();
  for (auto [layer, replacement] : replacements)
    replace(*layer, *replacement);
  for (Target &target : targets)
    attach(target);
  Builder builder(program.getContext());
  SmallVector<Attribute> names;
  for (const Adapter &adapter : adapters)
    names.push_back(builder.getStringAttr(adapter.name));
  program->setAttr(lora::adaptersAttr, builder.getArrayAttr(names));
  if (!replacements.empty())
    program->setAttr(lora::fixedAttr, builder.getUnitAttr());
  return success();
}

LogicalResult attachAdapters(ModuleOp program, ArrayRef<std::string> folders,
                             StringRef baseHash) {
  return folders.empty() ? success() : Attacher(program).run(folders, baseHash);
}

} // namespace qopt::peft
