// What passes need that data must run through: code for a program, now.
//
// An interface: codegen/executor implements it, and a tool hands it to the
// context. A pass asks `getExecutor`, and where there is none it fails with
// `noExecutor`.

#ifndef QOPT_PASSES_EXECUTOR_H
#define QOPT_PASSES_EXECUTOR_H

#include <memory>

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectInterface.h"
#include "mlir/IR/OwningOpRef.h"

namespace qopt {

/// Code for one program.
class Executable {
public:
  virtual ~Executable() = default;
  /// Runs it. `symbols` are the values of the function's `nn.symbols`; buffers
  /// are row-major without gaps, in the order of arguments and of results, and
  /// results overlap nothing. Calls come one at a time.
  virtual llvm::LogicalResult run(llvm::ArrayRef<int64_t> symbols,
                                  llvm::ArrayRef<const void *> arguments,
                                  llvm::ArrayRef<void *> results) = 0;
};

/// Makes code from programs. It keeps the code of programs it has seen, so
/// that one which differs from another by its weights only costs no time.
class Executor {
public:
  virtual ~Executor() = default;
  /// Compiles the only function of `program`, which is at the stage adapt. Its
  /// arguments have `nn.dims`. Files are named relative to `folder`.
  virtual mlir::FailureOr<std::unique_ptr<Executable>>
  compile(mlir::OwningOpRef<mlir::ModuleOp> program,
          llvm::StringRef folder) = 0;
  /// The numbers of a weight: a chain of ops on parameters and constants, as
  /// the link evaluates it, rounded to f32.
  virtual mlir::FailureOr<std::vector<float>>
  evaluate(mlir::Value weight, llvm::StringRef folder) = 0;
};

/// Where a context keeps the executor that it was given.
class ExecutorInterface
    : public mlir::DialectInterface::Base<ExecutorInterface> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ExecutorInterface)
  ExecutorInterface(mlir::Dialect *dialect, std::unique_ptr<Executor> executor)
      : Base(dialect), executor(std::move(executor)) {}
  Executor &get() const { return *executor; }

private:
  std::unique_ptr<Executor> executor;
};

/// The executor of the context; null if nobody gave it one.
Executor *getExecutor(mlir::MLIRContext *context);

/// The error of a pass that cannot do without.
llvm::LogicalResult noExecutor(mlir::ModuleOp program);

} // namespace qopt

#endif // QOPT_PASSES_EXECUTOR_H
