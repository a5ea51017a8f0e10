// The steps of generating a program, and what they tell each other.

#ifndef QOPT_CODEGEN_CPU_GENERATE_H
#define QOPT_CODEGEN_CPU_GENERATE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "qopt/codegen/cpu/Cpu.h"
#include "qopt/passes/kernel/Variables.h"
#include "llvm/ADT/MapVector.h"

namespace qopt::cpu {

/// A kernel that has been written; sizes are in its symbols, see Phases.
struct Kernel {
  llvm::StringRef family;
  struct Launch {
    std::string symbol;
    mlir::AffineExpr tasks;
  };
  llvm::SmallVector<Launch, 1> launches;
  mlir::AffineExpr rounds, workspace;
};
using Kernels = llvm::MapVector<mlir::Attribute, Kernel>; ///< by name

/// What an entry has at hand where it launches a kernel.
struct LaunchSite {
  mlir::OpBuilder &b;
  mlir::Location loc;
  mlir::Value pool;      ///< llvm.ptr, of its call
  mlir::Value arguments; ///< llvm.ptr of i64, see Emitter.h
  int64_t count;         ///< of them
  mlir::Value tasks;     ///< i64
};
/// Writes one launch.
using WriteLaunch =
    llvm::function_ref<void(const LaunchSite &, const Kernel::Launch &)>;

/// An input, output or state, as qopt_tensor_spec tells it.
struct Spec {
  std::string name;
  uint32_t type; ///< qopt_type
  llvm::SmallVector<mlir::AffineExpr> dims;
};

/// An entry that has been written: its functions and its signature.
struct Entry {
  std::string name;
  std::string run, shapes, arena; ///< names of its functions
  llvm::SmallVector<std::string> symbols;
  llvm::SmallVector<Spec> inputs, outputs, states;
};

/// A function that entries launch, as qopt_launch_info tells it; names of
/// functions, empty for none.
struct LaunchInfo {
  std::string kernel, family, function, traffic;
};

/// The code for one kind of machine, as qopt_variant tells it.
struct Variant {
  std::string name;
  FeatureSet features; ///< of the CPU
  bool isEmulated;
  std::vector<Entry> entries;
  std::vector<LaunchInfo> launches;
};

/// Writes the functions of one entry; `variant` ends up in their names.
mlir::FailureOr<Entry> emitEntry(mlir::ModuleOp module, mlir::ModuleOp program,
                                 mlir::func::FuncOp entry,
                                 const Kernels &kernels,
                                 llvm::StringRef variant, WriteLaunch launch);

/// Tells what `kernel` launches, in order, and writes the function that counts
/// the bytes of it; `variant` ends up in its name. `isOnDevice` says that the
/// functions are none of `module`.
void describeLaunches(mlir::ModuleOp module, kernel::FuncOp kernel,
                      const Kernel &written, llvm::StringRef variant,
                      bool isOnDevice, std::vector<LaunchInfo> &launches);

/// Replaces the fused multiply-adds of the functions that have no target yet
/// where the target, or its code, has no instruction for them.
void lowerFusedProducts(mlir::ModuleOp module, const Target &target);

/// Writes the table `qopt_program`.
void emitTables(mlir::ModuleOp module, llvm::ArrayRef<Variant> variants,
                const Variables &variables, const GenerateOptions &options);

/// Complains of a variable that the table cannot tell.
llvm::LogicalResult checkVariables(const Variables &variables);

/// Code of all kernels for one kind of GPU, see qopt_device_code.
struct DeviceCode {
  std::string chip;
  uint32_t version, kind;
  std::string bytes;
};

/// Writes the table of the kernels for GPUs, which the program's table names,
/// in place of the one that is there.
void emitDevice(mlir::ModuleOp module, llvm::ArrayRef<std::string> kernels,
                llvm::ArrayRef<DeviceCode> codes);

/// The qopt_type of an element.
mlir::FailureOr<uint32_t> typeOf(mlir::Type element);

/// Says for which CPU the functions are that have none yet.
void setTarget(mlir::ModuleOp module, const Target &target);

/// From tile programs to the LLVM dialect.
llvm::LogicalResult lowerToLlvmDialect(mlir::ModuleOp module);

/// The instructions that code for a target may use as LLVM spells them.
std::string llvmFeatures(const Target &target);

} // namespace qopt::cpu

#endif // QOPT_CODEGEN_CPU_GENERATE_H
