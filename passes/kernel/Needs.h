// When the ops of an entry are needed: always, or by some lambdas only.

#ifndef QOPT_PASSES_KERNEL_NEEDS_H
#define QOPT_PASSES_KERNEL_NEEDS_H

#include "mlir/IR/Block.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseMap.h"

namespace qopt {

/// The runs of an entry that read something, told apart by the lambda of one
/// layer.
struct Need {
  /// The alternatives of a train.choose, as bits.
  enum Case : unsigned { none = 1, some = 2, whole = 4, all = 7 };

  mlir::Value lambda; ///< null: in each run, whatever lambda is
  int64_t layer = 0;
  unsigned cases = all; ///< 0: never

  /// Whether no run needs both.
  bool excludes(const Need &other) const;
  /// The runs that need either; more than these where two lambdas decide.
  Need joined(const Need &other) const;
};

/// The needs of all ops of a block. What only an alternative of a train.choose
/// reads is needed where it is taken; sizes are no numbers that are read.
class Needs {
public:
  explicit Needs(mlir::Block &block);

  Need of(mlir::Operation *op) const { return needs.lookup(op); }
  /// Of the reader, as far as it reads this operand.
  Need of(mlir::OpOperand &use) const;

private:
  llvm::DenseMap<mlir::Operation *, Need> needs;
};

} // namespace qopt

#endif // QOPT_PASSES_KERNEL_NEEDS_H
