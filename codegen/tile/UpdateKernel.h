// Kernels that change parameters: what they read, the step of an optimizer, and
// what they write.
//
//   number = a float | a 16-bit float | the value of a state's code
//   new numbers = train.sgd or train.adamw of numbers
//   stored: a float | a state's code, block by block | a bf16 by chance
//
// All in one pass over the memory of a parameter. A kernel may hold the updates
// of many parameters, all of one kind, which share their code.

#ifndef QOPT_CODEGEN_TILE_UPDATEKERNEL_H
#define QOPT_CODEGEN_TILE_UPDATEKERNEL_H

#include "qopt/dialects/kernel/Kernel.h"
#include "qopt/dialects/train/Train.h"

namespace qopt::tile {

/// Numbers of an update, and how they lie.
struct StoredNumbers {
  mlir::Value memory;                ///< argument or result: floats, or codes
  mlir::Value scales;                ///< of codes, a number a block; else null
  bool isUnsigned = false;           ///< the map of codes
  train::StochasticRoundOp rounding; ///< of a result; else null

  mlir::Type element() const { return getElementTypeOrSelf(memory); }
};

/// The update of one parameter.
struct ParameterUpdate {
  mlir::Operation *step = nullptr; ///< null: numbers change their form only
  llvm::SmallVector<StoredNumbers> reads, writes; ///< as the step lists them

  int64_t elements() const;
  /// Of AdamW; else null.
  mlir::Value decay() const;
  train::StochasticRoundOp rounding() const;
  /// Whether codes are written: blocks are done one by one.
  bool isCoded() const;
  /// Whether the same code can do both: their types, and all numbers but the
  /// decay, are the same.
  bool isLike(const ParameterUpdate &other) const;
};

/// The updates of a kernel; none if it is something else.
llvm::SmallVector<ParameterUpdate> updatesOf(kernel::FuncOp kernel);

/// The different decays of updates; the number that one has among them.
llvm::SmallVector<mlir::Value>
decaysOf(llvm::ArrayRef<ParameterUpdate> updates);
int64_t decayNumber(const ParameterUpdate &update,
                    llvm::ArrayRef<mlir::Value> decays);

} // namespace qopt::tile

#endif // QOPT_CODEGEN_TILE_UPDATEKERNEL_H
