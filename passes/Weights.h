// What passes ask about weights: chains of ops on parameters and constants.

#ifndef QOPT_PASSES_WEIGHTS_H
#define QOPT_PASSES_WEIGHTS_H

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/Builders.h"
#include "qopt/dialects/nn/Nn.h"
#include "llvm/Support/Regex.h"

namespace qopt {

/// Whether `value` depends on parameters (globals with a value) and constants
/// only, through pure ops.
bool isWeight(mlir::Value value, mlir::SymbolTable &symbols);

/// The parameter that the chain of `value` begins with, along first operands;
/// null if there is none.
mlir::ml_program::GlobalOp getParameter(mlir::Value value,
                                        mlir::SymbolTable &symbols);

/// Whether an embedding reads the parameter that the chain of `value` begins
/// with, and a linear layer does too: changing one use changes the other.
bool isTied(mlir::Value value, mlir::SymbolTable &symbols);

/// Whether the chain of `value` rounds to codes, for training or for good:
/// what is behind it must not be changed, or other codes come out.
bool isQuantized(mlir::Value value);

/// Appends ops to the chain of a weight: `change` gets its last value. What is
/// narrower than f32 is widened first and rounded once, at the end.
mlir::Value changeWeight(mlir::OpBuilder &builder, mlir::Location loc,
                         mlir::Value weight,
                         llvm::function_ref<mlir::Value(mlir::Value)> change);

/// What that parameter is; none if it does not say.
std::optional<nn::Role> getRole(mlir::Value value, mlir::SymbolTable &symbols);

/// Names that a user may know a layer by: of the parameter of its weight, and
/// of the nodes of the model file that it comes from.
llvm::SmallVector<llvm::StringRef> namesOfLayer(mlir::Operation *op,
                                                mlir::Value weight,
                                                mlir::SymbolTable &symbols);

/// The first of `namesOfLayer`, or that of the op.
std::string nameOfLayer(mlir::Operation *op, mlir::Value weight,
                        mlir::SymbolTable &symbols);

/// A regular expression that names layers.
class LayerPattern {
public:
  /// Fails with what is wrong in `message`.
  static llvm::FailureOr<LayerPattern> parse(llvm::StringRef text,
                                             std::string &message);
  /// Whether it is found in one of the names; remembers that it was.
  bool matches(llvm::ArrayRef<llvm::StringRef> names);
  llvm::StringRef getText() const { return text; }
  /// Whether `matches` was ever true.
  bool isUsed() const { return used; }

private:
  std::string text;
  std::shared_ptr<const llvm::Regex> regex; ///< cannot be copied itself
  bool used = false;
};

/// The entries of an option, which semicolons separate. Characters that
/// pipeline text or the list would take for its own are written as in a URL:
/// %2C stands for a comma.
llvm::SmallVector<std::string> splitOption(llvm::StringRef text);
/// One entry as `splitOption` takes it.
std::string encodeOption(llvm::StringRef text);

} // namespace qopt

#endif // QOPT_PASSES_WEIGHTS_H
