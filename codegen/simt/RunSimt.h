// Runs an entry of a program, or one of its kernels, on files.

#ifndef QOPT_CODEGEN_SIMT_RUNSIMT_H
#define QOPT_CODEGEN_SIMT_RUNSIMT_H

#include "qopt/codegen/simt/Simulator.h"

namespace qopt::simt {

/// What an entry is run with. Texts are "NAME=FILE" and "NAME=NUMBER".
struct EntryRun {
  std::string entry;
  std::vector<std::string> inputs; ///< .npy files of inputs, and of states
  std::vector<std::string> sizes;  ///< that the inputs do not tell
  std::string weights, variables;  ///< raw files; empty: none, and zeros
  std::string folder;              ///< of what comes out
};

/// Runs an entry as the runtime would: the graph's outputs and its states go to
/// FOLDER/NAME.npy, the variables to FOLDER/variables.bin. The sizes `past` and
/// `capacity` are 0 and what `past` and `seq` need, unless they are given.
llvm::LogicalResult runEntry(Simulator &simulator, const EntryRun &run);

/// What a kernel is launched with. Arguments in their order: "37" is a number,
/// "x=FILE.npy" a buffer that the kernel reads, "x+=FILE.npy" one that it
/// changes, too, "y=f32[4,37]" one that it writes. What it writes goes to
/// FOLDER/NAME.npy.
struct KernelRun {
  std::string kernel;
  std::vector<std::string> arguments;
  Grid grid;
  std::string folder;
};
llvm::LogicalResult runKernel(Simulator &simulator, const KernelRun &run);

} // namespace qopt::simt

#endif // QOPT_CODEGEN_SIMT_RUNSIMT_H
