// The table of stages.

#include "qopt/tools/qopt/Stages.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/PassRegistry.h"
#include "qopt/dialects/kernel/Kernel.h"

using namespace mlir;

namespace qopt::driver {

namespace {
struct StageFacts {
  llvm::StringLiteral name, passes;
};
} // namespace

static constexpr StageFacts stages[stageCount] = {
    {"import", ""},
    {"raise", "qopt-raise"},
    {"adapt", ""}, // the recipe's
    {"train", ""}, // its own
    {"kernels", "qopt-decode,qopt-outline-weights,qopt-outline-adapters,"
                "qopt-outline-kernels,qopt-fuse-updates,"
                "qopt-place-variables,qopt-plan-memory"},
    {"generate", ""},
    {"link", ""},
};

StringRef stageName(Stage stage) { return stages[int(stage)].name; }

StringRef stagePasses(Stage stage, const ChosenPasses &chosen) {
  switch (stage) {
  case Stage::adapt:
    return chosen.adapt;
  case Stage::train:
    return chosen.train;
  default:
    return stages[int(stage)].passes;
  }
}

Stage stageOf(ModuleOp program) {
  for (Operation &op : *program.getBody()) {
    if (isa<LLVM::LLVMFuncOp, LLVM::GlobalOp>(op))
      return Stage::generate;
    if (isa<kernel::FuncOp, kernel::WeightOp>(op))
      return Stage::kernels;
  }
  return Stage::import;
}

LogicalResult runStage(ModuleOp program, Stage stage,
                       const ChosenPasses &chosen, const LayoutFacts &facts) {
  PassManager passes(program.getContext());
  std::string text = stagePasses(stage, chosen).str();
  // Layouts and launches are those of the machines that it is compiled for.
  auto tell = [&](StringRef pass, const std::string &options) {
    if (size_t at = text.find(pass); at != std::string::npos)
      text.insert(at + pass.size(), options);
  };
  tell("qopt-outline-weights", facts.options());
  tell("qopt-outline-kernels", facts.options());
  tell("qopt-fuse-updates", facts.launchOptions());
  if (failed(parsePassPipeline(text, passes)))
    return failure();
  return passes.run(program);
}

std::string pipelineText(Stage last, const ChosenPasses &chosen) {
  std::string text;
  for (int stage = 0; stage <= int(last); ++stage) {
    StringRef passes = stagePasses(Stage(stage), chosen);
    if (!passes.empty())
      text += (text.empty() ? "" : ",") + passes.str();
  }
  return "builtin.module(" + text + ")";
}

} // namespace qopt::driver
