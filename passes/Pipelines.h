// The order of passes, by name.

#ifndef QOPT_PASSES_PIPELINES_H
#define QOPT_PASSES_PIPELINES_H

#include "mlir/Pass/PassManager.h"

namespace qopt {

/// Where a program stands between the model file and the executable.
enum class Stage {
  raise,  ///< layers are recognised
  decode, ///< the entries of the executable stand beside `run`
};

/// Appends the passes that lead to `stage` from the one before it.
void addStage(mlir::OpPassManager &manager, Stage stage);

/// `qopt-raise`, `qopt-decode`, and `qopt-train`, which adds the entries that
/// train.
void registerPipelines();

} // namespace qopt

#endif // QOPT_PASSES_PIPELINES_H
