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
  QuantizeWeightsOptions stored; // codes of the file stay codes
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
}

} // namespace qopt
