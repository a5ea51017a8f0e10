// Rows of a weight, evaluated a few at a time.

#ifndef QOPT_CODEGEN_LINK_ROWS_H
#define QOPT_CODEGEN_LINK_ROWS_H

#include <memory>
#include <optional>

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "qopt/codegen/interpreter/Interpreter.h"
#include "qopt/codegen/link/Views.h"

namespace qopt::link {

/// The rows of what a chain computes. Where no op of it mixes rows, a block of
/// them is evaluated when it is asked for; otherwise all are, once.
class Rows {
public:
  static mlir::FailureOr<std::unique_ptr<Rows>>
  of(mlir::Value value, mlir::ModuleOp program, nn::WeightFiles &files);

  /// Makes `get` give blocks of `count` rows, too; before threads ask.
  void prepareBlocks(int64_t count);
  /// Rows [from, from + count): a tensor [count, ...]; `count` is blockRows(),
  /// what is left at the end, or was prepared. Several threads may ask.
  mlir::FailureOr<interpreter::Tensor> get(int64_t from, int64_t count) const;
  /// Rows that are worth a task of their own.
  int64_t blockRows() const;
  /// Lets go of what was read from files.
  void forget() const;

private:
  Rows(mlir::Value value, mlir::ModuleOp program, nn::WeightFiles &files);
  bool separates(mlir::Value value);
  mlir::LogicalResult prepare(mlir::ModuleOp program);
  mlir::FailureOr<interpreter::Tensor> evaluateAll(mlir::Value value,
                                                   mlir::ModuleOp program);
  mlir::func::FuncOp functionFor(int64_t count);

  /// What a block starts from: rows of a file, or a tensor that all share.
  struct Leaf {
    mlir::Value value;
    llvm::SmallVector<View> views;
    std::optional<interpreter::Tensor> whole;
  };
  mlir::Value value;
  mlir::RankedTensorType type;
  nn::WeightFiles &files;
  Mover mover;
  std::vector<Leaf> leaves;
  llvm::SmallVector<mlir::Operation *> chain; ///< operands first
  std::optional<interpreter::Tensor> whole;   ///< if rows are mixed
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::map<int64_t, mlir::func::FuncOp> functions;
  interpreter::Interpreter interpreter;
};

/// Elements of a row-major tensor of any numbers.
void decodeRow(const char *from, int64_t stride, int64_t count,
               mlir::Type element, double *to);

} // namespace qopt::link

#endif // QOPT_CODEGEN_LINK_ROWS_H
