// The options of `qopt-interpret --simt`.

#ifndef QOPT_TOOLS_QOPT_INTERPRET_SIMT_H
#define QOPT_TOOLS_QOPT_INTERPRET_SIMT_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/CommandLine.h"

namespace qopt::driver {

/// Declared beside the options of the tool. Of those it shares it is told.
struct SimtOptions {
  llvm::cl::opt<bool> simt{
      "simt", llvm::cl::desc("run a CUDA program lane by lane and look for "
                             "faults")};
  llvm::cl::opt<std::string> weights{
      "weights", llvm::cl::value_desc("FILE"),
      llvm::cl::desc("packed weights (default: PROGRAM.weights.bin)")};
  llvm::cl::opt<std::string> variables{
      "variables", llvm::cl::value_desc("FILE"),
      llvm::cl::desc("values of variables (default: PROGRAM.variables.bin)")};
  llvm::cl::list<std::string> sizes{
      "size", llvm::cl::value_desc("SYMBOL=NUMBER"),
      llvm::cl::desc("a size that no input tells")};
  llvm::cl::opt<std::string> kernel{"kernel",
                                    llvm::cl::desc("launch this kernel alone")};
  llvm::cl::list<std::string> arguments{
      "arg", llvm::cl::value_desc("ARG"),
      llvm::cl::desc("of the kernel, in order: NUMBER, NAME=FILE.npy, "
                     "NAME+=FILE.npy (is changed), NAME=f32[4,37] (is "
                     "written)")};
  llvm::cl::opt<uint64_t> grid{"grid", llvm::cl::init(1),
                               llvm::cl::desc("blocks of the kernel")};
  llvm::cl::opt<uint64_t> threads{
      "block", llvm::cl::init(0),
      llvm::cl::desc("threads of a block (default: as the kernel asks)")};
  llvm::cl::opt<uint64_t> shared{
      "shared", llvm::cl::init(0),
      llvm::cl::desc("bytes of dynamic shared memory")};
  llvm::cl::opt<uint64_t> maxSteps{
      "max-steps", llvm::cl::init(50'000'000),
      llvm::cl::desc("instructions that a warp may take in a launch")};

  /// Runs the program; the exit code.
  int run(mlir::ModuleOp program, llvm::StringRef path, llvm::StringRef entry,
          llvm::ArrayRef<std::string> inputs, llvm::StringRef folder,
          uint64_t seed) const;
};

} // namespace qopt::driver

#endif // QOPT_TOOLS_QOPT_INTERPRET_SIMT_H
