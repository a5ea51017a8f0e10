// Generates the code of a program at the kernel stage for NVIDIA GPUs.

#ifndef QOPT_CODEGEN_CUDA_CUDA_H
#define QOPT_CODEGEN_CUDA_CUDA_H

#include "mlir/IR/BuiltinOps.h"
#include "qopt/codegen/cpu/Cpu.h"

namespace qopt::cuda {

/// A chip, as far as code generation may know it.
struct Target {
  std::string name;     ///< "sm_80", as ptxas takes it
  std::string features; ///< of LLVM: "+ptx80"
  int version;          ///< compute capability times 10
  bool isFamily;        ///< its PTX runs on later chips, too
};

/// The chip of that name: "native" or one of the table. Failure, and a list of
/// names in `message`, if unknown.
mlir::FailureOr<Target> targetNamed(llvm::StringRef name, std::string &message);

/// What layouts depend on.
LayoutFacts layoutFacts();

/// A module of the LLVM dialect: `gpu.module @qopt_kernels` with a function for
/// each launch, and the entries that launch them, see runtime/abi.h. `kernels`
/// is a program at the kernel stage. The kernels are code for every target.
mlir::OwningOpRef<mlir::ModuleOp> generate(mlir::ModuleOp kernels,
                                           llvm::ArrayRef<Target> targets,
                                           const cpu::GenerateOptions &options);

/// The kernels of a generated program as PTX.
mlir::FailureOr<std::string> printPtx(mlir::ModuleOp generated,
                                      const Target &target);

/// What ptxas says of a kernel.
struct Resources {
  std::string kernel;
  int registers = 0, spillBytes = 0, sharedBytes = 0;
};

/// The program ptxas of the CUDA toolkit, by PATH, else in /usr/local/cuda;
/// empty if there is none.
std::string findAssembler();

/// A cubin of PTX. `assembler` is ptxas.
llvm::Expected<std::string> assemble(llvm::StringRef ptx, const Target &target,
                                     llvm::StringRef assembler,
                                     std::vector<Resources> &resources);

/// Puts code for the targets into the table of a generated program, and PTX
/// for chips that come later; its gpu.module is gone. Without an `assembler`
/// there is PTX alone, which the driver assembles when a program begins.
llvm::Error embedCode(mlir::ModuleOp generated, llvm::ArrayRef<Target> targets,
                      llvm::StringRef assembler,
                      std::vector<Resources> &resources);

} // namespace qopt::cuda

#endif // QOPT_CODEGEN_CUDA_CUDA_H
