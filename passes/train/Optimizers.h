// Which optimizer a parameter gets, and where its states lie.

#ifndef QOPT_PASSES_TRAIN_OPTIMIZERS_H
#define QOPT_PASSES_TRAIN_OPTIMIZERS_H

#include "qopt/dialects/train/Train.h"
#include "qopt/passes/Passes.h"

namespace qopt::train {

/// A mutable global beside a parameter, zero at first.
class Slot {
public:
  /// `suffix` behind the name of the parameter.
  static Slot declare(mlir::ml_program::GlobalOp parameter,
                      llvm::StringRef suffix, mlir::RankedTensorType type);
  mlir::Value load(mlir::OpBuilder &builder, mlir::Location loc) const;
  void store(mlir::OpBuilder &builder, mlir::Location loc,
             mlir::Value value) const;
  void clear(mlir::OpBuilder &builder, mlir::Location loc) const;

private:
  std::string name;
  mlir::RankedTensorType type;
};

/// Adds updates of parameters to entries.
class Optimizers {
public:
  enum class Kind { sgd, adamw, muon };

  /// `kind` is sgd, adamw or muon, which leaves all but matrices to adamw;
  /// `states` are f32 or 8bit. Splits of fused matrices are those of the layers
  /// of `nll`. Fails with what is wrong in `message`.
  static mlir::FailureOr<Optimizers>
  parse(llvm::StringRef kind, llvm::StringRef states, mlir::func::FuncOp nll,
        llvm::ArrayRef<mlir::ml_program::GlobalOp> parameters,
        std::string &message);

  /// Adds the arguments that the updates of an entry read.
  void
  start(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value scale,
        llvm::function_ref<mlir::Value(llvm::StringRef, mlir::Type)> argument);
  /// Stores the parameter that `load` loads anew, and its states.
  void update(mlir::ml_program::GlobalOp parameter, mlir::Value load,
              mlir::Value gradient);

private:
  /// The rows of a fused matrix, as the parameter lies.
  struct Splits {
    mlir::DenseI64ArrayAttr sizes;
    int64_t axis = 0;
  };

  Kind kindOf(mlir::ml_program::GlobalOp parameter) const;
  bool isCoded(mlir::ml_program::GlobalOp parameter) const;
  mlir::Value loadState(mlir::ml_program::GlobalOp parameter,
                        llvm::StringRef suffix, bool isUnsigned);
  void storeState(mlir::ml_program::GlobalOp parameter, llvm::StringRef suffix,
                  bool isUnsigned, mlir::Value value);
  mlir::Value decayOf(mlir::ml_program::GlobalOp parameter);

  explicit Optimizers(mlir::Location loc) : loc(loc) {}

  Kind kind = Kind::adamw;
  bool codes = false;                    ///< states in 8 bits
  bool hasKinds[3] = {}, rounds = false; ///< kinds in use; bf16 parameters
  llvm::DenseMap<mlir::Operation *, Splits> splits; ///< by parameter

  mlir::OpBuilder *builder = nullptr; ///< of the entry under construction
  mlir::Location loc;
  mlir::Value scale, lr, beta1, beta2, eps, decay, noDecay, momentum, step,
      seed;
};

} // namespace qopt::train

#endif // QOPT_PASSES_TRAIN_OPTIMIZERS_H
