// One kernel of a program with values for its symbols, and its arguments.

#ifndef QOPT_TEST_SUPPORT_KERNELCASES_H
#define QOPT_TEST_SUPPORT_KERNELCASES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "qopt/dialects/kernel/Kernel.h"
#include "qopt/test/support/qopt-kernel-bench/Bench.h"

namespace qopt::bench {

/// The value of a size.
int64_t evaluate(mlir::AffineExpr expr, llvm::ArrayRef<int64_t> symbols);
llvm::SmallVector<int64_t> evaluate(mlir::AffineMap map,
                                    llvm::ArrayRef<int64_t> symbols);

/// What the body of the kernel means, as a function in `module`.
mlir::func::FuncOp functionOf(kernel::FuncOp kernel, mlir::ModuleOp module);

/// How arguments are made.
struct Numbers {
  bool special = false; ///< the first argument has a NaN and an infinity
  int64_t ids = 2;      ///< integers are below
};

/// The arguments of a kernel: as the interpreter takes them, and, but for
/// indices, as they lie in memory.
struct Arguments {
  std::vector<interpreter::Tensor> tensors;
  std::vector<Buffer> buffers;
  std::vector<uint64_t> bytes; ///< of the buffers
};
Arguments argumentsOf(kernel::FuncOp kernel, llvm::ArrayRef<int64_t> symbols,
                      const Numbers &numbers);

} // namespace qopt::bench

#endif // QOPT_TEST_SUPPORT_KERNELCASES_H
