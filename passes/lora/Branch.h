// Low-rank branches: where they go, and what their factors begin with.

#ifndef QOPT_PASSES_LORA_BRANCH_H
#define QOPT_PASSES_LORA_BRANCH_H

#include "mlir/IR/Builders.h"
#include "qopt/passes/Weights.h"
#include "qopt/passes/calibrate/Product.h"

namespace qopt::lora {

/// What factors begin with.
enum class Init {
  zero, ///< no change: B is 0, A random
  svd,  ///< the best of their rank for the error of the weight
  qera  ///< the same for the error of the output
};

/// Branches that a pass adds.
struct BranchOptions {
  int64_t rank = 0; ///< 0: none
  double alpha = 0;
  std::string targets; ///< a regular expression for names of layers
  Init init = Init::zero;
  uint64_t seed = 0;    ///< of A
  mlir::FloatType type; ///< of the factors, as they are stored
  bool slots = false;   ///< adapters from outside may take their place
};

/// Reads the options of a pass; an error at `loc` if they make no sense.
llvm::FailureOr<BranchOptions>
readBranchOptions(int64_t rank, double alpha, llvm::StringRef targets,
                  llvm::StringRef init, int64_t seed, llvm::StringRef factors,
                  mlir::Location loc);

/// A [R, C] and B [N, R].
struct FactorPair {
  std::vector<float> a, b;
};

/// Rounds the factors of a layer to what they are stored in; an error at `loc`
/// if one does not fit.
llvm::LogicalResult roundFactors(const BranchOptions &options,
                                 llvm::StringRef layer, FactorPair &pair,
                                 mlir::Location loc);

/// Numbers that were rounded to `type`, as it stores them.
std::vector<char> bytesOf(llvm::ArrayRef<float> numbers, mlir::Type type);

/// A by Kaiming's rule for the name of the layer (uniform within 1 / sqrt(C),
/// as PEFT has it), B zero.
FactorPair zeroFactors(const BranchOptions &options, llvm::StringRef module,
                       int64_t rows, int64_t columns);

/// B A is the best correction of rank R for `difference` [N, C], which is
/// overwritten: in its own norm, or, with `sigma`, in that of the outputs for
/// inputs of that second moment (QERA-exact, arXiv:2410.06040). Directions of
/// inputs with less than C eps of the largest share do not count. The scale
/// of the branch is divided out of B.
FactorPair bestFactors(mlir::MLIRContext *context, const BranchOptions &options,
                       calibrate::Matrix difference,
                       const calibrate::Matrix *sigma);

/// The layer's module: its name without ".weight".
std::string moduleOf(llvm::StringRef layer);

/// Whether a weight, up to its codes, is in the basis of the model's file,
/// neither rotated nor folded: what adapters from outside are made for.
bool isInFileBasis(mlir::Value weight);

/// Adds `lowbit.lora_linear` behind a linear layer, which all its readers read
/// from now on. `a` and `b` are the values of its factors' globals.
void attachBranch(mlir::OpBuilder &builder, mlir::Operation *linear,
                  mlir::Value input, llvm::StringRef module,
                  const BranchOptions &options, mlir::TypedAttr a,
                  mlir::TypedAttr b, mlir::SymbolTable &symbols);

/// The same with plain layers, the first of which is returned.
nn::LinearOp attachPlainBranch(mlir::OpBuilder &builder, nn::LinearOp linear,
                               mlir::Value a, mlir::Value b,
                               const BranchOptions &options,
                               mlir::Type element);

/// A weight [N, C] without what a branch adds to it.
calibrate::Matrix without(mlir::MLIRContext *context,
                          const BranchOptions &options,
                          calibrate::Matrix weight, const FactorPair &pair);

/// The energy of what is left of `difference`: the trace of
/// (D - B A) sigma (D - B A)^T.
double errorWith(mlir::MLIRContext *context, const BranchOptions &options,
                 calibrate::Matrix difference, const FactorPair &pair,
                 const calibrate::Matrix &sigma);

} // namespace qopt::lora

#endif // QOPT_PASSES_LORA_BRANCH_H
