// LLVM's own passes, for every target.

#ifndef QOPT_CODEGEN_CPU_OPTIMIZE_H
#define QOPT_CODEGEN_CPU_OPTIMIZE_H

#include "llvm/Passes/PassBuilder.h"
#include "llvm/Target/TargetMachine.h"

namespace qopt::cpu {

/// Runs -O2 on a module.
void optimize(llvm::Module &module, llvm::TargetMachine &machine,
              const llvm::PipelineTuningOptions &tuning);

} // namespace qopt::cpu

#endif // QOPT_CODEGEN_CPU_OPTIMIZE_H
