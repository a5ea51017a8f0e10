// Moves what an entry computes into kernels, fused, each different one once.
//
// Three kinds of ops. *Anchors* (linear and other products of matrices, norm,
// attention, softmax, loss, quantize, steps of training) have a tile program of
// their own; a product takes the elementwise ops behind it along as its
// epilogue, with the second half of a low-rank branch, quantize the norm,
// rotation and elementwise ops before it as its prologue, and a step of an
// optimizer the form in which parameter and states are stored. A product reads
// a stored matrix turned where it lies. *Views* (reshape, transpose, slice,
// ...) move into whoever reads them. *Elementwise* ops move into their reader
// if it is the only one and as large as they are; otherwise what they compute
// is stored. What is left is a kernel each.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Pass/Pass.h"
#include "qopt/dialects/kernel/Kernel.h"
#include "qopt/dialects/lowbit/Lowbit.h"
#include "qopt/dialects/nn/Dims.h"
#include "qopt/dialects/train/Train.h"
#include "qopt/passes/Passes.h"
#include "qopt/passes/kernel/Layouts.h"
#include "qopt/passes/kernel/Lora.h"
#include "qopt/passes/kernel/Prologue.h"
#include "qopt/passes/kernel/Updates.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace qopt {

#define GEN_PASS_DEF_OUTLINEKERNELS
#include "qopt/passes/Passes.h.inc"

/// Ops that become parts of kernels.
static bool isModelOp(Operation *op) {
  return isa<nn::NnDialect, lowbit::LowbitDialect, train::TrainDialect>(
             op->getDialect()) &&
         !isa<train::ChooseOp>(op); // the host's
}

static bool isAnchor(Operation *op) {
  if (isLoraBranch(op))
    return false;
  return (isa<train::TrainDialect>(op->getDialect()) && isModelOp(op)) ||
         isa<nn::LinearOp, nn::MatmulOp, nn::RmsNormOp, nn::AttentionOp,
             nn::SoftmaxOp, nn::CrossEntropyOp, nn::KlDivergenceOp,
             nn::ScatterNdOp, lowbit::LinearOp, lowbit::QuantizeOp,
             lowbit::FakeQuantizeOp, lowbit::HadamardOp>(op);
}

/// Anchors with an epilogue: [.., N] whose elements are sums of products.
static bool isProduct(Operation *op) {
  return isa<nn::LinearOp, nn::MatmulOp, lowbit::LinearOp,
             train::LinearWeightGradOp, train::PackedLinearGradOp>(op);
}

static bool isView(Operation *op) {
  return isa<nn::ReshapeOp, nn::BroadcastOp, nn::TransposeOp, nn::SliceOp,
             nn::IotaOp, nn::FromIndexOp>(op);
}

/// Ops that read an element of an operand more than once: what is inlined into
/// them is computed again and again, so that only views are.
static bool rereads(Operation *op) {
  return isa<nn::CumsumOp, nn::RopeOp, nn::GatherOp, nn::GatherNdOp,
             nn::GatherElementsOp>(op);
}

static bool isElementwise(Operation *op) {
  return !isLoraBranch(op) && isa<nn::NnDialect>(op->getDialect()) &&
         !isAnchor(op) && !isView(op) && !rereads(op) &&
         !isa<nn::ConcatOp, nn::ReduceOp, nn::EmbeddingOp, nn::TriangleOp,
              nn::CacheAppendOp>(op);
}

/// A scalar that stands in the code itself.
static bool isImmediate(Value value) {
  return value.getDefiningOp<arith::ConstantOp>() != nullptr;
}

/// Whether what the op reads lies where the caller or a variable wants it.
static bool isKept(Operation *op) {
  return op->hasTrait<OpTrait::IsTerminator>() ||
         isa<ml_program::GlobalStoreOp, train::ChooseOp>(op);
}

namespace {

/// Kernels of a program by their text.
class KernelTable {
public:
  explicit KernelTable(ModuleOp module) : symbols(module) {}

  /// An equal kernel that is there already, or `kernel` under a fresh name.
  kernel::FuncOp unique(kernel::FuncOp kernel, StringRef kind);

private:
  SymbolTable symbols;
  llvm::StringMap<kernel::FuncOp> known;
  llvm::StringMap<int> counts;
};

/// Outlines one entry.
class Outliner {
public:
  Outliner(func::FuncOp entry, KernelTable &kernels, const LayoutFacts &facts)
      : entry(entry), kernels(kernels), facts(facts), dims(entry) {}

  LogicalResult run();

private:
  using Group = llvm::SetVector<Operation *>;

  void askArguments();
  void materializeOutputs();
  void takeEpilogues();
  bool isStored(Value value);
  kernel::LayoutAttr layoutOf(kernel::LoadOp load) {
    return tables
        .lookupNearestSymbolFrom<kernel::WeightOp>(load, load.getWeightAttr())
        .getLayout();
  }
  /// How a value lies that an op of this entry gives, or an argument.
  kernel::LayoutAttr layoutOf(Value value) {
    auto found = codeLayouts.find(value);
    return found != codeLayouts.end()
               ? found->second
               : kernel::LayoutAttr::get(entry.getContext(), 0);
  }
  bool isReadTurned(OpOperand &use);
  bool isInlined(Operation *op);
  bool isPrologue(Operation *op) { return isQuantizePrologue(op, dims); }
  bool hasSameSize(Value a, Value b) {
    AffineExpr size = dims.elements(a);
    return size && size == dims.elements(b);
  }
  /// A reshape of what is stored is the same memory under another shape.
  bool isAlias(Operation *op);
  void boundChains();
  void gather(Operation *op, Group &group);
  LogicalResult outline(Operation *root);

  func::FuncOp entry;
  KernelTable &kernels;
  const LayoutFacts &facts;
  nn::Dims dims;
  SymbolTableCollection tables;
  /// The product that an op is the epilogue of; its last op is a root.
  DenseMap<Operation *, Operation *> epilogueOf;
  DenseMap<Operation *, bool> inlined;
  /// Of what kernels quantize, where it does not lie row-major.
  DenseMap<Value, kernel::LayoutAttr> codeLayouts;
  SmallVector<std::pair<SmallVector<Value>, kernel::LaunchOp>> launches;
};

} // namespace

kernel::FuncOp KernelTable::unique(kernel::FuncOp kernel, StringRef kind) {
  kernel.setSymName("kernel");
  std::string text;
  llvm::raw_string_ostream out(text);
  kernel->print(out, OpPrintingFlags().useLocalScope());
  auto [found, isNew] = known.try_emplace(text, kernel);
  if (!isNew) {
    kernel->erase();
    return found->second;
  }
  kernel.setSymName((kind + "_" + Twine(counts[kind]++)).str());
  symbols.insert(kernel);
  return kernel;
}

/// Sizes are asked of arguments where they have them: what moves into kernels
/// is not there to be asked.
void Outliner::askArguments() {
  for (auto size : llvm::to_vector(entry.getOps<tensor::DimOp>())) {
    AffineExpr expr = dims.ofIndex(size);
    if (!expr || isa<BlockArgument>(size.getSource()))
      continue;
    for (BlockArgument argument : entry.getArguments()) {
      if (!isa<RankedTensorType>(argument.getType()))
        continue;
      ArrayRef<AffineExpr> own = dims.of(argument);
      auto found = llvm::find(own, expr);
      if (found == own.end())
        continue;
      OpBuilder b(size);
      Value axis =
          arith::ConstantIndexOp::create(b, size.getLoc(), found - own.begin());
      dims.add(axis.getDefiningOp());
      size->setOperands({argument, axis});
      break;
    }
  }
}

/// An output that no op of a kernel gives gets an op that copies it; so does
/// what is stored in a variable.
void Outliner::materializeOutputs() {
  Operation *terminator = entry.getBody().front().getTerminator();
  SmallVector<OpOperand *> outputs;
  for (auto store : entry.getOps<ml_program::GlobalStoreOp>())
    outputs.push_back(&store.getValueMutable());
  for (OpOperand &output : terminator->getOpOperands())
    outputs.push_back(&output);
  DenseSet<Value> seen;
  for (OpOperand *place : outputs) {
    OpOperand &output = *place;
    OpBuilder b(output.getOwner());
    Operation *op = output.get().getDefiningOp();
    bool given = op && (isa<kernel::LaunchOp>(op) ||
                        (isModelOp(op) && !isa<nn::CacheAppendOp>(op)));
    if (isa<ml_program::GlobalStoreOp>(output.getOwner()))
      given &= output.get().hasOneUse();
    if (given && seen.insert(output.get()).second)
      continue;
    SmallVector<Value> sizes;
    auto type = cast<RankedTensorType>(output.get().getType());
    for (int64_t axis = 0; axis < type.getRank(); ++axis)
      if (type.isDynamicDim(axis)) {
        Value index = arith::ConstantIndexOp::create(b, entry.getLoc(), axis);
        auto dim =
            tensor::DimOp::create(b, entry.getLoc(), output.get(), index);
        dims.add(index.getDefiningOp());
        dims.add(dim);
        sizes.push_back(dim);
      }
    auto copy =
        nn::BroadcastOp::create(b, entry.getLoc(), type, output.get(), sizes);
    dims.add(copy);
    output.set(copy);
  }
}

/// Whether an epilogue can read `operand` beside a product's result: a number,
/// a vector of all outputs, or a tensor of the result's shape.
static bool isEpilogueOperand(Value operand, Value result,
                              const nn::Dims &dims) {
  auto type = cast<RankedTensorType>(operand.getType());
  if (isImmediate(operand) || (type.hasStaticShape() && type.getRank() <= 1))
    return true;
  return dims.of(operand) == dims.of(result);
}

/// Elementwise ops behind a product, as far as they are its only reader and
/// what else they read is there.
void Outliner::takeEpilogues() {
  entry.walk([&](Operation *product) {
    if (!isProduct(product) || isLoraBranch(product))
      return;
    Operation *last = product;
    epilogueOf[last] = product;
    for (int length = 0; length < 64 && last->getResult(0).hasOneUse();
         ++length) {
      Operation *user = *last->getResult(0).user_begin();
      if (!isElementwise(user) || epilogueOf.contains(user) ||
          user->getNumResults() != 1 ||
          !llvm::all_of(user->getOperands(),
                        [&](Value operand) {
                          return isEpilogueOperand(operand,
                                                   product->getResult(0), dims);
                        }) ||
          dims.of(user->getResult(0)) != dims.of(last->getResult(0)) ||
          getElementTypeOrSelf(user->getResult(0)) !=
              getElementTypeOrSelf(last->getResult(0)))
        break;
      epilogueOf[user] = product;
      last = user;
    }
  });
}

bool Outliner::isAlias(Operation *op) {
  auto reshape = dyn_cast<nn::ReshapeOp>(op);
  if (!reshape)
    return false;
  Operation *source = reshape.getInput().getDefiningOp();
  if (source && isa<nn::CacheAppendOp>(source))
    return false; // a cache has room between its heads
  bool returned = llvm::any_of(op->getUsers(), isKept);
  return isStored(reshape.getInput()) && !returned;
}

/// Whether the value lies in memory before any kernel that reads it runs.
bool Outliner::isStored(Value value) {
  Operation *source = value.getDefiningOp();
  return !source ||
         isa<kernel::LoadOp, ml_program::GlobalLoadOp, train::ChooseOp>(
             source) ||
         isAlias(source) || (isModelOp(source) && !isInlined(source));
}

/// Whether the weight of a teacher is read.
static bool isTeacherWeight(OpOperand &use) {
  if (auto loss = dyn_cast<train::ClassifierLossOp>(use.getOwner()))
    return use.get() == loss.getTeacherWeight();
  auto gradient = dyn_cast<train::ClassifierLossGradOp>(use.getOwner());
  return gradient && use.get() == gradient.getTeacherWeight();
}

/// Whether a product, a loss or what packs codes reads the transpose of a
/// stored row-major matrix there: it knows how to, so that nothing is moved.
bool Outliner::isReadTurned(OpOperand &use) {
  auto transpose = use.get().getDefiningOp<nn::TransposeOp>();
  auto linear = dyn_cast<nn::LinearOp>(use.getOwner());
  auto quantize = dyn_cast<lowbit::QuantizeOp>(use.getOwner());
  bool reads =
      linear ? use.get() == linear.getWeight() &&
                   use.get() != linear.getInput() && !isLoraBranch(linear)
             : isa<nn::MatmulOp>(use.getOwner()) || isTeacherWeight(use) ||
                   (quantize && codeLayouts.contains(quantize.getCodes()));
  if (!transpose || !reads || !isStored(transpose.getInput()))
    return false;
  auto order =
      llvm::to_vector(llvm::seq<int64_t>(transpose.getType().getRank()));
  std::swap(order.end()[-2], order.end()[-1]);
  Value source = transpose.getInput();
  while (auto reshape = source.getDefiningOp<nn::ReshapeOp>())
    source = reshape.getInput();
  auto load = source.getDefiningOp<kernel::LoadOp>();
  return transpose.getPermutation() == ArrayRef<int64_t>(order) &&
         !source.getDefiningOp<nn::CacheAppendOp>() &&
         (!load || layoutOf(load).getPanel() == 0);
}

/// Whether the op becomes a part of all its readers' kernels.
bool Outliner::isInlined(Operation *op) {
  auto [found, isNew] = inlined.try_emplace(op, false);
  if (!isNew)
    return found->second;
  if (Operation *step = updateOf(op))
    return inlined[op] = step != op;
  auto linear = epilogueOf.find(op);
  bool result = true;
  if (linear != epilogueOf.end()) {
    // All but the last of an epilogue.
    Operation *user = op->hasOneUse() ? *op->user_begin() : nullptr;
    auto next = user ? epilogueOf.find(user) : epilogueOf.end();
    result = next != epilogueOf.end() && next->second == linear->second;
  } else if (isLoraBranch(op) || isPrologue(op)) {
    return inlined[op] = true;
  } else if (isAnchor(op) || isa<nn::CacheAppendOp>(op) || !isModelOp(op)) {
    result = false;
  } else if (!isView(op)) {
    Operation *user = op->hasOneUse() ? *op->user_begin() : nullptr;
    // An element of a concatenation is one of one operand.
    bool fits = user && user->getNumResults() == 1 &&
                (hasSameSize(op->getResult(0), user->getResult(0)) ||
                 isa<nn::ConcatOp, nn::ReduceOp>(user));
    result = fits && !rereads(user) && !isa<nn::ReduceOp, nn::CumsumOp>(op);
  }
  for (OpOperand &use : op->getUses()) {
    Operation *user = use.getOwner();
    if (isReadTurned(use))
      continue;
    if (isKept(user) || isAnchor(user) ||
        (epilogueOf.contains(user) && linear == epilogueOf.end()) ||
        isa<kernel::LaunchOp>(user))
      result = false;
  }
  return inlined[op] = result;
}

/// The ops of the kernel of `op`, operands first.
void Outliner::gather(Operation *op, Group &group) {
  for (Value operand : op->getOperands()) {
    Operation *source = operand.getDefiningOp();
    if (!source || group.contains(source) ||
        !isa<RankedTensorType>(operand.getType()))
      continue;
    if (isModelOp(source) && !isAlias(source) && isInlined(source))
      gather(source, group);
    else if (isImmediate(operand))
      group.insert(source);
  }
  group.insert(op);
}

static std::string kindOf(const llvm::SetVector<Operation *> &group) {
  for (Operation *op : llvm::reverse(group))
    if (isAnchor(op))
      return op->getName().stripDialect().str();
  return group.back()->getName().stripDialect().str();
}

namespace {

/// The sizes of a kernel, as symbols of its own: one for each different
/// expression of the entry's symbols.
class KernelSymbols {
public:
  explicit KernelSymbols(MLIRContext *context) : context(context) {}

  AffineExpr get(AffineExpr inEntry) {
    if (isa<AffineConstantExpr>(inEntry))
      return inEntry;
    auto found = llvm::find(values, inEntry);
    if (found == values.end()) {
      values.push_back(inEntry);
      found = values.end() - 1;
    }
    return getAffineSymbolExpr(found - values.begin(), context);
  }
  /// Adds one at the end, whatever it is.
  void append(AffineExpr inEntry) { values.push_back(inEntry); }
  ArrayRef<AffineExpr> get() const { return values; }

private:
  MLIRContext *context;
  SmallVector<AffineExpr> values;
};

} // namespace

/// The symbol of the entry that is the capacity of its caches.
static AffineExpr capacityOf(func::FuncOp entry, const nn::Dims &dims) {
  auto found = llvm::find(dims.symbols(), "capacity");
  return found == dims.symbols().end()
             ? AffineExpr()
             : getAffineSymbolExpr(found - dims.symbols().begin(),
                                   entry.getContext());
}

LogicalResult Outliner::outline(Operation *root) {
  Group group;
  gather(root, group);
  SmallVector<Value> operands, results(root->getResults());
  std::string kind = kindOf(group);
  if (updateOf(root) == root) {
    results = updatedBy(root);
    for (Value result : results)
      gather(result.getDefiningOp(), group);
  }
  SmallVector<Attribute> states;
  for (Operation *op : group) {
    if (auto append = dyn_cast<nn::CacheAppendOp>(op))
      states.push_back(append.getCacheAttr());
    for (Value operand : op->getOperands())
      if (!group.contains(operand.getDefiningOp()) &&
          !llvm::is_contained(operands, operand))
        operands.push_back(operand);
  }

  MLIRContext *context = entry.getContext();
  OpBuilder b(entry);
  KernelSymbols symbols(context);
  SmallVector<SmallVector<AffineExpr>> sizes;
  SmallVector<Attribute> layouts;
  int64_t caches = states.size();
  for (Value operand : operands) {
    SmallVector<AffineExpr> own(dims.of(operand));
    if (operand.getType().isIndex())
      own = {dims.ofIndex(operand)};
    if (llvm::is_contained(own, AffineExpr()))
      return root->emitError("cannot tell the size of a ")
             << operand.getType() << " in terms of the inputs' sizes";
    for (AffineExpr &size : own)
      size = symbols.get(size);
    sizes.push_back(own);
    bool cache = operand.getDefiningOp<nn::CacheAppendOp>() != nullptr;
    caches += cache;
    auto layout =
        cache ? kernel::LayoutAttr::get(context, 0, cache) : layoutOf(operand);
    if (auto load = operand.getDefiningOp<kernel::LoadOp>())
      layout = layoutOf(load);
    layouts.push_back(layout);
  }
  AffineExpr capacity = capacityOf(entry, dims);
  if (caches && !capacity)
    return root->emitError("expects a symbol 'capacity' for its caches");
  for (int64_t i = 0; i < caches; ++i)
    symbols.append(capacity);

  ArrayAttr resultLayouts; // null: all row-major
  if (llvm::any_of(results, [&](Value v) { return codeLayouts.contains(v); }))
    resultLayouts = b.getArrayAttr(llvm::map_to_vector(
        results, [&](Value v) -> Attribute { return layoutOf(v); }));
  SmallVector<AffineMap> maps;
  for (const auto &own : sizes)
    maps.push_back(AffineMap::get(0, symbols.get().size(), own, context));
  auto kernel = kernel::FuncOp::create(b, root->getLoc(), "kernel",
                                       b.getAffineMapArrayAttr(maps),
                                       b.getArrayAttr(layouts), resultLayouts);
  Block *body = b.createBlock(&kernel.getBody());
  IRMapping mapping;
  for (Value operand : operands)
    mapping.map(operand, body->addArgument(operand.getType(), root->getLoc()));
  for (Operation *op : group) {
    Operation *clone = b.clone(*op, mapping);
    if (auto append = dyn_cast<nn::CacheAppendOp>(clone))
      append.setCache("cache"); // which one, says the launch
  }
  SmallVector<Value> given;
  for (Value result : results)
    given.push_back(mapping.lookup(result));
  kernel::ReturnOp::create(b, root->getLoc(), given);
  kernel = kernels.unique(kernel, kind);

  b.setInsertionPoint(root);
  auto map = AffineMap::get(0, dims.symbols().size(), symbols.get(), context);
  auto launch = kernel::LaunchOp::create(
      b, root->getLoc(), TypeRange(ValueRange(results)),
      FlatSymbolRefAttr::get(kernel.getSymNameAttr()), operands,
      AffineMapAttr::get(map),
      states.empty() ? ArrayAttr() : b.getArrayAttr(states),
      DenseI64ArrayAttr());
  SmallVector<AffineMap> resultDims;
  for (Value result : results)
    resultDims.push_back(
        AffineMap::get(0, dims.symbols().size(), dims.of(result), context));
  launch->setAttr(nn::NnDialect::dimsAttr, b.getAffineMapArrayAttr(resultDims));
  launches.push_back({results, launch});
  return success();
}

/// Ops behind each other in one kernel: a kernel of thousands would be slow to
/// generate, and ours and LLVM's recursion end somewhere.
static constexpr unsigned maxChain = 256;

void Outliner::boundChains() {
  DenseMap<Operation *, unsigned> lengths;
  for (Operation &op : entry.getBody().front().without_terminator()) {
    if (!isModelOp(&op) || !isInlined(&op))
      continue;
    unsigned length = 0;
    for (Value operand : op.getOperands())
      if (Operation *source = operand.getDefiningOp())
        length = std::max(length, lengths.lookup(source));
    if (++length < maxChain || epilogueOf.contains(&op) || isPrologue(&op) ||
        isLoraBranch(&op))
      lengths[&op] = length;
    else
      inlined[&op] = false;
  }
}

/// What is computed again has been kept apart: nothing merges from here on.
static void dropRecomputes(func::FuncOp entry) {
  for (auto op :
       llvm::make_early_inc_range(entry.getOps<train::RecomputeOp>())) {
    op.replaceAllUsesWith(op.getInput());
    op.erase();
  }
}

LogicalResult Outliner::run() {
  askArguments();
  dropRecomputes(entry);
  separatePrologues(entry, dims);
  materializeOutputs();
  codeLayouts = layoutsOfCodes(entry, facts);
  takeEpilogues();
  boundChains();
  SmallVector<Operation *> roots;
  for (Operation &op : entry.getBody().front().without_terminator())
    if (isModelOp(&op) && !isAlias(&op) && !isInlined(&op))
      roots.push_back(&op);
  for (Operation *root : roots)
    if (failed(outline(root)))
      return failure();
  for (auto [values, launch] : launches)
    for (auto [value, result] : llvm::zip_equal(values, launch.getResults()))
      value.replaceAllUsesWith(result);
  for (Operation &op :
       llvm::make_early_inc_range(llvm::reverse(entry.getBody().front())))
    if (isOpTriviallyDead(&op) ||
        (isa<nn::CacheAppendOp>(op) && op.use_empty()))
      op.erase();
  return success();
}

namespace {

struct OutlineKernels final : impl::OutlineKernelsBase<OutlineKernels> {
  using OutlineKernelsBase::OutlineKernelsBase;

  void runOnOperation() override {
    KernelTable kernels(getOperation());
    LayoutFacts facts{lanes, fragments};
    for (auto entry : getOperation().getOps<func::FuncOp>())
      if (failed(Outliner(entry, kernels, facts).run()))
        return signalPassFailure();
  }
};

} // namespace
} // namespace qopt
