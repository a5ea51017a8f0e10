// The only place where passes are put in order.

#include "qopt/passes/Pipelines.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "qopt/passes/Passes.h"

using namespace mlir;

namespace qopt {

static void addRaise(OpPassManager &manager) {
  OpPassManager &function = manager.nest<func::FuncOp>();
  function.addPass(createCanonicalizerPass());
  function.addPass(createCSEPass());
  function.addPass(createRaiseLinear());  // bias, rows    -> linear
  function.addPass(createRaiseRmsNorm()); // mean squares  -> rms_norm
  function.addPass(createRaiseSwiglu());  // x sigmoid(x)  -> silu, swiglu
  function.addPass(createCSEPass());
  function.addPass(createRaiseRope()); // pairs turned  -> rope
  function.addPass(createCSEPass());
  function.addPass(createRaiseAttention()); // softmax       -> attention
  function.addPass(createCSEPass());
  function.addPass(createRaiseAttentionMask()); // mask          -> causal, keys
  function.addPass(createCanonicalizerPass());
  function.addPass(createCSEPass());
  manager.addPass(createAssignRoles()); // parameters    -> nn.role
  QuantizeWeightsOptions stored;        // codes of the file stay codes
  stored.matrix = stored.embedding = stored.head = "float";
  manager.addPass(createQuantizeWeights(stored)); // -> lowbit.linear
}

static void addDecode(OpPassManager &manager) {
  manager.addPass(createAddEntries()); // run -> prefill, decode, logits, nll
  OpPassManager &function = manager.nest<func::FuncOp>();
  function.addPass(createCanonicalizerPass());
  function.addPass(createCSEPass());
  function.addPass(createRaiseAttentionMask()); // nothing is padded now
  function.addPass(createCanonicalizerPass());
  function.addPass(createCSEPass());
}

namespace {

/// What is trained, and how: the options of qopt-add-train-step.
struct TrainOptions final : PassPipelineOptions<TrainOptions> {
  Option<std::string> train{*this, "train", llvm::cl::init("full"),
                            llvm::cl::desc("parameters that are trained")};
  Option<std::string> pattern{*this, "pattern", llvm::cl::init(""),
                              llvm::cl::desc("names that are trained")};
  Option<std::string> optim{*this, "optim", llvm::cl::init("adamw"),
                            llvm::cl::desc("optimizer")};
  Option<std::string> states{*this, "states", llvm::cl::init("f32"),
                             llvm::cl::desc("states of the optimizer")};
  Option<int64_t> recompute{*this, "recompute", llvm::cl::init(0),
                            llvm::cl::desc("parts that are computed again")};
  Option<double> klWeight{*this, "kl-weight", llvm::cl::init(1),
                          llvm::cl::desc("of the teacher's divergence")};
  Option<double> ceWeight{*this, "ce-weight", llvm::cl::init(0.1),
                          llvm::cl::desc("of the cross-entropy beside it")};
};

} // namespace

static void addTrain(OpPassManager &manager, const TrainOptions &options) {
  manager.addPass(createTie()); // one table, one parameter
  StraightThroughOptions rounding;
  rounding.train = options.train;
  rounding.pattern = options.pattern;
  manager.addPass(createStraightThrough(rounding)); // codes -> fake_quantize
  manager.addPass(createCanonicalizerPass());
  addDecode(manager); // run -> nll, among others
  manager.addNestedPass<func::FuncOp>(createFuseLoss());
  AddTrainStepOptions step;
  step.train = options.train;
  step.pattern = options.pattern;
  step.optim = options.optim;
  step.states = options.states;
  step.accumulate = true;
  step.recompute = options.recompute;
  step.klWeight = options.klWeight;
  step.ceWeight = options.ceWeight;
  manager.addPass(createAddTrainStep(step)); // nll -> train_step
  OpPassManager &function = manager.nest<func::FuncOp>();
  function.addPass(createLowerMuon()); // muon -> products
  function.addPass(createCanonicalizerPass());
  if (options.recompute == 0)
    function.addPass(createCSEPass());
  function.addPass(createLowerFakeQuantize()); // rounded numbers -> codes
  function.addPass(createCanonicalizerPass());
}

void addStage(OpPassManager &manager, Stage stage) {
  switch (stage) {
  case Stage::raise:
    return addRaise(manager);
  case Stage::decode:
    return addDecode(manager);
  }
}

void registerPipelines() {
  static PassPipelineRegistration<> raise(
      "qopt-raise", "recognise the layers of a model",
      [](OpPassManager &manager) { addStage(manager, Stage::raise); });
  static PassPipelineRegistration<> decode(
      "qopt-decode", "build the entries of the executable from raised layers",
      [](OpPassManager &manager) { addStage(manager, Stage::decode); });
  static PassPipelineRegistration<TrainOptions> train(
      "qopt-train", "build the entries that train from raised layers",
      addTrain);
}

} // namespace qopt
