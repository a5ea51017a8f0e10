// The parts of qopt-kernel-bench: kernels in memory, and the machine's limits.

#ifndef QOPT_TEST_SUPPORT_KERNELBENCH_H
#define QOPT_TEST_SUPPORT_KERNELBENCH_H

#include "mlir/IR/BuiltinOps.h"
#include "qopt/codegen/KernelFamily.h"
#include "qopt/runtime/abi.h"
#include "llvm/ADT/StringMap.h"

namespace qopt::bench {

/// A kernel that can be called.
struct Loaded {
  qopt_kernel run;
  mlir::AffineExpr tasks; ///< in the kernel's symbols
};

/// Generates and loads all kernels of a program, by name. They stay for the
/// life of the process.
mlir::FailureOr<llvm::StringMap<Loaded>> load(mlir::ModuleOp program,
                                              const Target &target);

/// Seconds that `threads` threads need for work(task), each task claimed once;
/// threads stay from call to call.
double timed(int threads, int64_t tasks,
             llvm::function_ref<void(int64_t task, int thread)> work);

/// Bytes a second that `threads` threads read from memory.
double readBandwidth(int threads);
/// Floating-point operations a second of f32 multiply-adds in registers of that
/// many bytes.
double multiplyAddPeak(int threads, int vectorBytes);

} // namespace qopt::bench

#endif // QOPT_TEST_SUPPORT_KERNELBENCH_H
