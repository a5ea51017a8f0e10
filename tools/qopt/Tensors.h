// What became of each parameter of a model, and why.

#ifndef QOPT_TOOLS_QOPT_TENSORS_H
#define QOPT_TOOLS_QOPT_TENSORS_H

#include <optional>
#include <vector>

#include "mlir/IR/BuiltinOps.h"
#include "qopt/codegen/KernelFamily.h"
#include "qopt/dialects/nn/WeightFile.h"
#include "qopt/passes/calibrate/Calibration.h"

namespace qopt::driver {

/// One parameter. What lies beside its codes, scales and zeros, is part of it.
struct TensorReport {
  std::string name, role;
  std::vector<int64_t> shape; ///< as the layer has it: [out, in]
  std::string from, to;       ///< "f32", "i4/g64"
  std::string acts; ///< what the layer multiplies it with; empty: no layer
  std::string reason;
  bool isLayer = false;  ///< a linear layer or a table, not a norm or a bias
  bool isPacked = false; ///< stored as codes
  int64_t codeBits = 0;  ///< of a code
  int64_t fromBytes = 0, bytes = 0;
  std::string kernel, family;       ///< that read it first
  std::vector<std::string> globals; ///< that hold its codes, scales and zeros
  /// Signal to noise of the stored numbers (dB), over some of the rows.
  std::optional<double> sqnr;
  std::optional<calibrate::LayerReport> calibrated;

  int64_t elements() const;
  double bits() const; ///< of an element, scales and zeros included
};

/// What passes left as it was, and why, by the location of the op.
struct Remarks {
  struct Entry {
    mlir::Location loc;
    std::string pass, reason;
  };
  std::vector<Entry> list;
  /// What a recipe or an override asked for is no news.
  static constexpr llvm::StringLiteral isFloat = "its scheme is float";

  /// From here on the context's passes fill `list`, which must outlive it.
  void listenTo(mlir::MLIRContext &context);
  /// What a pass said of an op; empty: nothing.
  llvm::StringRef find(llvm::StringRef pass, mlir::Location loc) const;
};

/// The parameters of a program that the recipe `pipeline` has adapted, in the
/// order of the model.
std::vector<TensorReport>
tensorsOf(mlir::ModuleOp adapted, llvm::StringRef pipeline,
          const Remarks &remarks,
          llvm::ArrayRef<calibrate::LayerReport> calibrated);

/// The tensor that the bytes of each weight belong to; null: to none.
llvm::DenseMap<mlir::Operation *, TensorReport *>
ownersOf(mlir::ModuleOp kernels, llvm::MutableArrayRef<TensorReport> tensors);

/// Adds bytes and kernels from the program at the kernel stage, and the family
/// that runs each; what belongs to no parameter becomes one more,
/// "(constants)".
void addKernels(std::vector<TensorReport> &tensors, mlir::ModuleOp kernels,
                llvm::function_ref<llvm::StringRef(kernel::FuncOp)> familyOf);

/// Compares the numbers that the file of a model holds with their source: at
/// most about 256 rows of each tensor.
void measureStored(std::vector<TensorReport> &tensors, mlir::ModuleOp kernels,
                   nn::WeightFiles &files, llvm::StringRef path);

} // namespace qopt::driver

#endif // QOPT_TOOLS_QOPT_TENSORS_H
