// What the kernel families write their tile programs with.
//
// A generated kernel is what one thread does; its parameters are the kernel's
// arguments, see tile/Emitter.h, then the workspace and the number of the
// round, if it has them. Tensors begin at multiples of 16 bytes.
//
// Shared memory is llvm.ptr<3>. All threads of a block come to a barrier, all
// of a warp to a shuffle.

#ifndef QOPT_CODEGEN_CUDA_EMITTER_H
#define QOPT_CODEGEN_CUDA_EMITTER_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "qopt/codegen/cuda/KernelFamily.h"
#include "qopt/codegen/tile/Emitter.h"

namespace qopt::cuda {

using namespace tile;

/// Threads that run in step.
constexpr int64_t warpSize = 32;

class Emitter : public tile::Emitter {
public:
  /// Begins the function `symbol` for a launch of `kernel` at the end of
  /// `module`; the insertion point is in its body, before the return.
  Emitter(mlir::gpu::GPUModuleOp module, kernel::FuncOp kernel,
          llvm::StringRef symbol, const Phases &plan, int64_t threads);
  /// Makes the shared memory that was asked for. The last call.
  void finish();

  const int64_t threads; ///< of a block
  mlir::Value workspace; ///< llvm.ptr, if the kernel has one
  mlir::Value round;     ///< i64, if it has rounds
  mlir::Value block;     ///< i64, in the grid
  mlir::Value thread;    ///< i64, in its block
  mlir::Value lane;      ///< i64, of the thread in its warp
  mlir::Value warp;      ///< i64, of the warp in its block
  int64_t warps() const { return threads / warpSize; }

  /// Lets a thread have so many registers, up to 255. Else the assembler weighs
  /// them against blocks beside each other, and spills a few for one more.
  void allowRegisters(int64_t count);
  /// `bytes` of the block's memory that nobody else has.
  mlir::Value shared(int64_t bytes);
  int64_t sharedBytes() const { return sharedSize; }
  void barrier();
  void warpBarrier(); ///< what a warp has stored is there for its lanes
  /// Begins to copy 16 bytes to shared memory: the first `size`, i32, of them,
  /// then zeros. They are there behind a wait, for other threads behind a
  /// barrier after it; a wait is for what was committed.
  void copyAsync(mlir::Value to, mlir::Value from, mlir::Value size);
  void commitCopies();
  void waitForCopies();
  /// Constants that lie in the chip's memory, llvm.ptr; `what` names them.
  mlir::Value table(llvm::ArrayRef<uint64_t> words, llvm::StringRef what);

  /// Loads or stores a vector at an address that is a multiple of its size.
  mlir::Value loadWide(mlir::VectorType type, mlir::Value base,
                       mlir::Value index);
  void storeWide(mlir::Value value, mlir::Value base, mlir::Value index);
  /// Element `i` of a vector.
  mlir::Value element(mlir::Value vector, int64_t i);
  /// The vector of these scalars.
  mlir::Value vectorOf(llvm::ArrayRef<mlir::Value> elements);

  /// The value, of 32 or 64 bits, of the lane whose number differs in the bits
  /// of `distance`.
  mlir::Value shuffle(mlir::Value x, int64_t distance);
  /// The value, of 32 bits, of a lane, i64.
  mlir::Value shuffleFrom(mlir::Value x, mlir::Value lane);
  using Join = llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)>;
  /// Joins the values of the lanes that differ in the bits of [from, to) of
  /// their numbers, powers of 2; all of them get it. The order is fixed.
  mlir::Value joinLanes(mlir::Value x, Join join, int64_t from = 1,
                        int64_t to = warpSize);
  /// The same for all threads of the block. Twice a barrier.
  mlir::Value joinBlock(mlir::Value x, Join join);

  /// `then` or, on another way, `otherwise`, of one type.
  mlir::Value choose(mlir::Value condition, mlir::Type type,
                     llvm::function_ref<mlir::Value()> then,
                     llvm::function_ref<mlir::Value()> otherwise);
  mlir::Value less(mlir::Value a, mlir::Value b); ///< of i64
  mlir::Value equal(mlir::Value a, mlir::Value b);
  mlir::Value div(mlir::Value a, int64_t b); ///< of i64, not negative
  mlir::Value rem(mlir::Value a, int64_t b);
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value smaller(mlir::Value a, mlir::Value b);
  mlir::Value i32(int64_t value);
  mlir::Value narrow(mlir::Value x); ///< i64 to i32
  mlir::Value widen(mlir::Value x);  ///< i32 to i64, not negative

private:
  mlir::LLVM::LLVMFuncOp function;
  int64_t sharedSize = 0;
};

} // namespace qopt::cuda

#endif // QOPT_CODEGEN_CUDA_EMITTER_H
