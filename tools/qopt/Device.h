// The flags that say what a program is compiled for beside the CPU.

#ifndef QOPT_TOOLS_QOPT_DEVICE_H
#define QOPT_TOOLS_QOPT_DEVICE_H

#include "qopt/codegen/cuda/Cuda.h"
#include "qopt/dialects/nn/WeightFile.h"
#include "qopt/tools/qopt/Compile.h"
#include "llvm/Support/CommandLine.h"

namespace qopt::driver {

/// --target and --cuda-arch.
class DeviceFlags {
public:
  explicit DeviceFlags(llvm::cl::OptionCategory &category);
  /// Into the options; failure and a message if they do not fit each other.
  llvm::LogicalResult finish(Options &options, std::string &message);

private:
  llvm::cl::opt<Device> device;
  llvm::cl::list<std::string> chips;
};

/// Writes what --emit=ptx or --emit=cubin asks for to `out`, one chip's code.
/// Says registers and shared memory of each kernel if the options are verbose.
llvm::Error writeDeviceCode(mlir::ModuleOp generated,
                            const cuda::Target &target, const Options &options,
                            llvm::raw_ostream &out);

/// Puts the code for `chips` into a generated program that is to be linked.
llvm::Error embedDeviceCode(mlir::ModuleOp generated,
                            llvm::ArrayRef<cuda::Target> chips,
                            const Options &options);

/// Writes the data of a generated program beside its text, FILE.mlir, for who
/// runs it from there: FILE.weights.bin, and what variables begin with,
/// FILE.variables.bin.
llvm::Error writeDeviceData(mlir::ModuleOp program, nn::WeightFiles &files,
                            llvm::StringRef text);

} // namespace qopt::driver

#endif // QOPT_TOOLS_QOPT_DEVICE_H
