// The layers whose codes data chooses, and their place in the spill file.

#ifndef QOPT_PASSES_CALIBRATE_LAYERS_H
#define QOPT_PASSES_CALIBRATE_LAYERS_H

#include "qopt/dialects/lowbit/Lowbit.h"
#include "qopt/passes/calibrate/Spill.h"
#include "qopt/passes/lora/Branch.h"

namespace qopt::calibrate {

/// One layer: `op` computes with the codes of `quantize`.
struct Layer {
  lowbit::LinearOp op;
  lowbit::QuantizeOp quantize;
  std::string name;
  /// Keys of the spill file; `zeros` is empty if the scheme has none, the
  /// others if the layer gets no branch.
  std::string codes, scales, zeros, a, b;
};

/// Layers of `run` that read codes which are made at compile time for them
/// alone; a remark of the pass `category` says why others are left. The head is
/// one of them only `withHead`. Those that match the targets of `branch` get
/// one.
llvm::SmallVector<Layer> collectLayers(mlir::ModuleOp program, bool withHead,
                                       const lora::BranchOptions &branch,
                                       llvm::StringRef category);

/// What the spill file holds for these layers.
std::vector<Spill::Tensor> tensorsOf(llvm::ArrayRef<Layer> layers,
                                     const lora::BranchOptions &branch);

/// How many tokens the first embedding of a program knows.
int64_t vocabularyOf(mlir::ModuleOp program);

/// Types of the factors of a branch.
mlir::RankedTensorType factorA(const Layer &layer,
                               const lora::BranchOptions &branch);
mlir::RankedTensorType factorB(const Layer &layer,
                               const lora::BranchOptions &branch);

/// The float rows that a layer reads, also where it reads their codes.
mlir::Value floatInputOf(lowbit::LinearOp op);

} // namespace qopt::calibrate

#endif // QOPT_PASSES_CALIBRATE_LAYERS_H
