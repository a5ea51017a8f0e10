// The parts of qopt-kernel-bench: kernels in memory, and the machine's limits.

#ifndef QOPT_TEST_SUPPORT_KERNELBENCH_H
#define QOPT_TEST_SUPPORT_KERNELBENCH_H

#include <cstdlib>
#include <cstring>

#include "mlir/IR/BuiltinOps.h"
#include "qopt/codegen/KernelFamily.h"
#include "qopt/codegen/interpreter/Interpreter.h"
#include "qopt/runtime/abi.h"
#include "llvm/ADT/StringMap.h"

namespace qopt::bench {

/// A kernel that can be called; sizes are in its symbols, see Phases.
struct Loaded {
  struct Launch {
    qopt_kernel run;
    mlir::AffineExpr tasks;
  };
  llvm::SmallVector<Launch> launches;
  mlir::AffineExpr rounds, workspace;
};

/// Generates and loads all kernels of a program, by name. They stay for the
/// life of the process. The object is also written to `save`, if that is a
/// name.
mlir::FailureOr<llvm::StringMap<Loaded>>
load(mlir::ModuleOp program, const Target &target, llvm::StringRef save);

/// Bytes as a kernel wants them; never moved, 64-byte aligned, with 64 more
/// behind that must stay as they are.
struct Buffer {
  explicit Buffer(size_t bytes)
      : data(static_cast<char *>(std::aligned_alloc(64, (bytes + 127) & ~63))) {
    std::memset(data, 0x7f, bytes + 64); // an odd number in every type
  }
  char *data;
};

int64_t bytesOf(mlir::Type element);
/// Of all of a tensor.
int64_t bytesOf(const interpreter::Tensor &tensor, mlir::Type element,
                kernel::LayoutAttr layout);
/// Of a weight, in whole cache lines.
int64_t alignedBytes(kernel::LayoutAttr layout, mlir::RankedTensorType type);

/// Numbers or codes for the `index`-th argument, of its element type.
interpreter::Tensor randomArgument(int index, mlir::RankedTensorType type,
                                   llvm::ArrayRef<int64_t> shape,
                                   kernel::LayoutAttr layout);
/// Writes a tensor as the layout wants it. Aborts unless what was packed
/// unpacks to the same codes.
Buffer lay(const interpreter::Tensor &tensor, mlir::RankedTensorType type,
           kernel::LayoutAttr layout);
/// The largest difference, relative to the largest element or to 1; infinite
/// if integers differ or a NaN is on one side only, or anything that does not
/// lie row-major.
double errorOf(const interpreter::Tensor &want, const char *got,
               mlir::Type element, kernel::LayoutAttr layout);

/// Seconds that `threads` threads need for work(task), each task claimed once.
/// One thread is timed by its own clock: machines that build are busy.
double timed(int threads, int64_t tasks,
             llvm::function_ref<void(int64_t task, int thread)> work);

/// Bytes a second that `threads` threads read from memory.
double readBandwidth(int threads);
/// Floating-point operations a second of f32 multiply-adds in registers of that
/// many bytes.
double multiplyAddPeak(int threads, int vectorBytes);
/// Operations a second of products of bytes summed in 32 bits, as fast as the
/// target has them; two for a product.
double bytePeak(int threads, const Target &target);

} // namespace qopt::bench

#endif // QOPT_TEST_SUPPORT_KERNELBENCH_H
