// Adds low-rank branches to linear layers (LoRA, arXiv:2106.09685), empty or
// as the best correction of what quantizing has left.

#include "mlir/IR/Remarks.h"
#include "mlir/IR/SymbolTable.h"
#include "qopt/dialects/nn/WeightFile.h"
#include "qopt/passes/Executor.h"
#include "qopt/passes/Passes.h"
#include "qopt/passes/calibrate/Calibration.h"
#include "qopt/passes/calibrate/Layers.h"
#include "qopt/passes/calibrate/Solve.h"
#include "qopt/passes/calibrate/Stream.h"

using namespace mlir;
using namespace qopt::calibrate;

namespace qopt {

#define GEN_PASS_DEF_ATTACHLORA
#include "qopt/passes/Passes.h.inc"

static remark::RemarkOpts remarkNamed(StringRef name) {
  return remark::RemarkOpts::name(name).category("qopt-attach-lora");
}

namespace {

/// A layer that gets a branch.
struct Target {
  Operation *op; ///< nn.linear or lowbit.linear
  Value weight;  ///< float: what codes are made of
  std::string module;
};

struct AttachLora final : impl::AttachLoraBase<AttachLora> {
  using AttachLoraBase::AttachLoraBase;

  void runOnOperation() override {
    if (failed(attach()))
      signalPassFailure();
  }

private:
  LogicalResult attach();
  LogicalResult collect(SymbolTable &symbols);
  LogicalResult attachEmpty(SymbolTable &symbols);
  LogicalResult attachBest(SymbolTable &symbols);
  FailureOr<std::unique_ptr<Stream>> openStream(Samples &samples);
  LogicalResult correct(Target &target, const Matrix *sigma,
                        lora::FactorPair &pair);
  LogicalResult place(Target &target, lora::FactorPair pair,
                      SymbolTable &symbols);

  Executor *executor = nullptr;
  lora::BranchOptions branch;
  SmallVector<Target> targets;
};

} // namespace

/// What a layer's codes are made of, or its float weight.
static Value floatWeightOf(Operation *op) {
  if (auto linear = dyn_cast<nn::LinearOp>(op))
    return linear.getWeight();
  Value codes = cast<lowbit::LinearOp>(op).getWeight();
  auto quantize = codes.getDefiningOp<lowbit::QuantizeOp>();
  return quantize ? Value(quantize.getInput()) : codes;
}

static Value floatRowsOf(Operation *op) {
  if (auto linear = dyn_cast<nn::LinearOp>(op))
    return linear.getInput();
  return floatInputOf(cast<lowbit::LinearOp>(op));
}

static bool hasBranch(Operation *op) {
  return llvm::any_of(op->getUsers(), [&](Operation *user) {
    auto branch = dyn_cast<lowbit::LoraLinearOp>(user);
    return branch && branch.getBase().getDefiningOp() == op;
  });
}

/// Looks at all layers before any is changed.
LogicalResult AttachLora::collect(SymbolTable &symbols) {
  std::string message;
  FailureOr<LayerPattern> pattern =
      LayerPattern::parse(branch.targets, message);
  auto kept = [](Operation *op, StringRef reason) {
    remark::missed(op->getLoc(), remarkNamed("kept")) << reason;
  };
  bool isEmpty = branch.init == lora::Init::zero;
  LogicalResult result = success();
  getOperation().walk([&](Operation *op) {
    if (!isa<nn::LinearOp, lowbit::LinearOp>(op))
      return;
    Value weight = floatWeightOf(op);
    SmallVector<StringRef> names = namesOfLayer(op, weight, symbols);
    auto role = getRole(weight, symbols);
    if (role == nn::Role::adapter || !pattern->matches(names))
      return;
    if (role == nn::Role::head || role == nn::Role::embedding)
      return kept(op, "the head gets no branch");
    if (hasBranch(op))
      return kept(op, "it has a branch");
    if (names.empty() || !floatRowsOf(op) || !isWeight(weight, symbols))
      return kept(op, "its weight or its input is not made here");
    if (!isEmpty && isa<nn::LinearOp>(op))
      return kept(op, "its weight is exact: there is nothing to correct");
    if (!isEmpty && !isa<FloatType>(getElementTypeOrSelf(weight))) {
      result = op->emitError("layer '")
               << names.front()
               << "' has codes whose weight is gone: give qopt-gptq the rank, "
                  "or attach with init=zero";
      return;
    }
    targets.push_back({op, weight, lora::moduleOf(names.front())});
  });
  if (succeeded(result) && !pattern->isUsed())
    return getOperation().emitError("no linear layer matches '")
           << branch.targets << "'";
  return result;
}

LogicalResult AttachLora::place(Target &target, lora::FactorPair pair,
                                SymbolTable &symbols) {
  if (failed(
          lora::roundFactors(branch, target.module, pair, target.op->getLoc())))
    return failure();
  OpBuilder b(target.op);
  int64_t rank = branch.rank;
  auto dense = [&](ArrayRef<float> numbers, ArrayRef<int64_t> shape) {
    return DenseElementsAttr::getFromRawBuffer(
        RankedTensorType::get(shape, branch.type),
        lora::bytesOf(numbers, branch.type));
  };
  lora::attachBranch(
      b, target.op, floatRowsOf(target.op), target.module, branch,
      dense(pair.a, {rank, int64_t(pair.a.size()) / rank}),
      dense(pair.b, {int64_t(pair.b.size()) / rank, rank}), symbols);
  return success();
}

LogicalResult AttachLora::attachEmpty(SymbolTable &symbols) {
  for (Target &target : targets) {
    auto type = cast<RankedTensorType>(target.op->getOperand(0).getType());
    auto result = cast<RankedTensorType>(target.op->getResult(0).getType());
    if (failed(
            place(target,
                  zeroFactors(branch, target.module, result.getShape().back(),
                              type.getShape().back()),
                  symbols)))
      return failure();
  }
  return success();
}

/// The factors for what the codes of a layer leave.
LogicalResult AttachLora::correct(Target &target, const Matrix *sigma,
                                  lora::FactorPair &pair) {
  auto numbers =
      executor->evaluate(target.weight, nn::folderOf(getOperation()));
  if (failed(numbers))
    return failure();
  auto type = cast<RankedTensorType>(target.weight.getType());
  Matrix weight(type.getDimSize(0), type.getDimSize(1));
  weight.data.assign(numbers->begin(), numbers->end());
  auto op = cast<lowbit::LinearOp>(target.op);
  Codes codes = roundToNearest(op.getScheme(), weight);
  for (size_t i = 0; i < weight.data.size(); ++i)
    weight.data[i] -= codes.values.data[i];
  pair = bestFactors(&getContext(), branch, std::move(weight), sigma);
  return success();
}

FailureOr<std::unique_ptr<Stream>> AttachLora::openStream(Samples &samples) {
  ModuleOp program = getOperation();
  const auto *given = getSettings(&getContext());
  Settings settings;
  settings.data = data;
  settings.samples = this->samples;
  settings.length = length;
  if (given && data.empty())
    settings = given->settings;
  if (settings.data.empty())
    return program.emitError("init=qera needs calibration data: --calib FILE, "
                             "or the option data=FILE.npy");
  auto read = readSamples(settings.data, settings.samples, settings.length,
                          vocabularyOf(program), program.getLoc());
  if (failed(read))
    return failure();
  samples = std::move(*read);
  auto ops = llvm::map_to_vector(targets, [](Target &t) { return t.op; });
  return Stream::create(program, ops, samples, *executor);
}

LogicalResult AttachLora::attachBest(SymbolTable &symbols) {
  executor = getExecutor(&getContext());
  if (!executor)
    return noExecutor(getOperation());
  std::vector<lora::FactorPair> pairs(targets.size());
  if (branch.init == lora::Init::svd) {
    for (auto [target, pair] : llvm::zip_equal(targets, pairs))
      if (failed(correct(target, nullptr, pair)))
        return failure();
  } else {
    Samples samples;
    auto stream = openStream(samples);
    if (failed(stream))
      return failure();
    for (int64_t level = 1; level <= (*stream)->numLevels(); ++level) {
      if (failed((*stream)->advance(level, /*measure=*/true)))
        return failure();
      for (int64_t index : (*stream)->layersOf(level)) {
        Matrix sigma = (*stream)->momentOf(index);
        if (failed(correct(targets[index], &sigma, pairs[index])))
          return failure();
        (*stream)->quantize(
            index, cast<lowbit::LinearOp>(targets[index].op).getScheme());
      }
    }
  }
  for (auto [target, pair] : llvm::zip_equal(targets, pairs))
    if (failed(place(target, std::move(pair), symbols)))
      return failure();
  return success();
}

LogicalResult AttachLora::attach() {
  ModuleOp program = getOperation();
  auto options =
      lora::readBranchOptions(loraRank, loraAlpha, loraTargets, loraInit,
                              loraSeed, loraFactors, program.getLoc());
  if (failed(options))
    return failure();
  branch = *options;
  if (branch.rank < 1)
    return program.emitError("expects a rank of at least 1");
  SymbolTable symbols(program);
  if (failed(collect(symbols)))
    return failure();
  if (targets.empty())
    return success();
  branch.slots = llvm::all_of(
      targets, [](Target &t) { return lora::isInFileBasis(t.weight); });
  return branch.init == lora::Init::zero ? attachEmpty(symbols)
                                         : attachBest(symbols);
}

} // namespace qopt
