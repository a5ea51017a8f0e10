// A LoRA adapter as PEFT writes it: a folder with adapter_config.json and
// adapter_model.safetensors.

#ifndef QOPT_FRONTENDS_PEFT_ADAPTER_H
#define QOPT_FRONTENDS_PEFT_ADAPTER_H

#include "mlir/IR/Diagnostics.h"
#include "qopt/dialects/nn/WeightFile.h"

namespace qopt::peft {

/// The two factors for one module: y += scale * x A^T B^T.
struct Branch {
  std::string module;
  int64_t rank, columns, rows; ///< A is [rank, columns], B is [rows, rank]
  double scale;
  std::vector<float> a, b;
};

/// A parameter that the adapter replaces (modules_to_save).
struct Replacement {
  std::string module;
  std::string file, key;
  mlir::RankedTensorType type;
};

struct Adapter {
  std::string name;     ///< the folder's
  std::string baseHash; ///< of the model that it was made for; may be empty
  std::vector<Branch> branches;          ///< in the order of their modules
  std::vector<Replacement> replacements; ///< likewise
};

/// Reads the adapter in `folder`. What qopt cannot honour (other methods than
/// LoRA, DoRA, biases, ...) is an error that names it.
mlir::FailureOr<Adapter> readAdapter(llvm::StringRef folder,
                                     mlir::MLIRContext *context);

} // namespace qopt::peft

#endif // QOPT_FRONTENDS_PEFT_ADAPTER_H
