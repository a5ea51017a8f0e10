// Generates the code of a program at the kernel stage for one or more CPUs.

#ifndef QOPT_CODEGEN_CPU_CPU_H
#define QOPT_CODEGEN_CPU_CPU_H

#include "mlir/IR/BuiltinOps.h"
#include "qopt/codegen/KernelFamily.h"
#include "qopt/passes/kernel/Target.h"

namespace qopt::cpu {

/// How to make a program.
struct GenerateOptions {
  int64_t maxBatch = 8, maxSeq = 2048;    ///< the largest shapes it serves
  int64_t vocabulary = 0;                 ///< last axis of the logits, if any
  uint64_t weightBytes = 0, infoHash = 0; ///< of the data that belongs to it
};

/// The CPU of that name: "native", "avx2", "avx512", "avx512vnni", "plain" or
/// a name of LLVM's. Failure, and a list of names in `message`, if unknown.
mlir::FailureOr<Target> targetNamed(llvm::StringRef name, std::string &message);

/// What the CPU of that name has, all of it: features that no kind of machine
/// has together, too. Fails as targetNamed does.
mlir::FailureOr<FeatureSet> featuresNamed(llvm::StringRef name,
                                          std::string &message);

/// What this machine has.
FeatureSet hostFeatures();

/// The same CPU by code that uses only these instructions.
Target emulate(Target target, FeatureSet instructions);

/// The name of the best kind of CPU that has no more than these.
llvm::StringRef kindOf(FeatureSet features);

/// What layouts depend on, of the targets that share them.
LayoutFacts layoutFacts(llvm::ArrayRef<Target> targets);

/// A module of the LLVM dialect with the code of every target and the table
/// `qopt_program` of runtime/abi.h. `kernels` is a program at the kernel stage.
mlir::OwningOpRef<mlir::ModuleOp> generate(mlir::ModuleOp kernels,
                                           llvm::ArrayRef<Target> targets,
                                           const GenerateOptions &options);

/// The LLVM IR of it, optimized; or an object file.
llvm::LogicalResult printLlvmIr(mlir::ModuleOp generated, llvm::raw_ostream &);
mlir::FailureOr<llvm::SmallVector<char, 0>>
compileObject(mlir::ModuleOp generated);

} // namespace qopt::cpu

#endif // QOPT_CODEGEN_CPU_CPU_H
