// The stages of a compilation, in order, and the passes of each.

#ifndef QOPT_TOOLS_QOPT_STAGES_H
#define QOPT_TOOLS_QOPT_STAGES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "qopt/passes/kernel/Target.h"

namespace qopt::driver {

enum class Stage { import, raise, adapt, train, kernels, generate, link };
constexpr int stageCount = 7;

llvm::StringRef stageName(Stage stage);
/// Passes that the user chooses, as text of a pipeline.
struct ChosenPasses {
  std::string adapt; ///< the recipe's
  std::string train; ///< empty: the binary does not train
};

/// The passes that bring a program through `stage`, as text of a pipeline;
/// empty if the stage is not one of passes or has nothing to do.
llvm::StringRef stagePasses(Stage stage, const ChosenPasses &chosen);
/// The stage that a program's ops say it has been through.
Stage stageOf(mlir::ModuleOp program);
/// Runs the passes of one stage, for machines that fit `facts`.
llvm::LogicalResult runStage(mlir::ModuleOp program, Stage stage,
                             const ChosenPasses &chosen,
                             const LayoutFacts &facts);
/// All passes up to `last`, as --pass-pipeline takes them.
std::string pipelineText(Stage last, const ChosenPasses &chosen);

} // namespace qopt::driver

#endif // QOPT_TOOLS_QOPT_STAGES_H
