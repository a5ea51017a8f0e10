// Matrix instructions, factors of theirs in shared memory, and numbers as sums
// of such that they multiply exactly.
//
//   factors of f16, bf16: mma.m16n8k16, fragments by ldmatrix
//   factors of f32: mma.m16n8k8 of tf32, three times (CUTLASS calls it 3xTF32)
//     x = big + small, 11 bits of its mantissa each
//     x y = big big + big small + small big, and an error below 2^-21 x y
//   One tf32 alone is off by 2^-10: too much for training in f32, and for
//   logits that are to be the CPU's.

#ifndef QOPT_CODEGEN_CUDA_MMA_H
#define QOPT_CODEGEN_CUDA_MMA_H

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qopt/codegen/cuda/Emitter.h"

namespace qopt::cuda {

/// sums[4] += a b, by mma.m16n8 of all lanes: fragments of 16 x `terms` and
/// terms x 8 of that type; of i32 for s8, else of f32. Which lane holds what is
/// written in simt/Fragments.h.
void multiplyMatrices(Emitter &e, mlir::NVVM::MMATypes type, int64_t terms,
                      llvm::ArrayRef<mlir::Value> a,
                      llvm::ArrayRef<mlir::Value> b,
                      llvm::MutableArrayRef<mlir::Value> sums);

/// The upper halves of two words of f32, which are two bf16, in an i32.
mlir::Value highHalves(Emitter &e, mlir::Value low, mlir::Value high);

/// An f32 as the sum of three whose lower halves are zero, the largest first:
/// its mantissa in pieces of 8 bits. Exact; of what is not finite the first is
/// all.
llvm::SmallVector<mlir::Value> splitInThree(Emitter &e, mlir::Value x);

/// A fragment of a factor, as the terms of its sum: 1, or big and small.
using Terms = llvm::SmallVector<llvm::SmallVector<mlir::Value>, 3>;

/// One of the factors of a product, element (i, k) in shared memory, k summed.
struct SharedFactor {
  mlir::Value memory;      ///< of element (0, 0)
  mlir::FloatType element; ///< f32, f16 or bf16
  bool alongTerms;         ///< neighbours of k lie side by side, else of i
  int64_t stride;          ///< elements from one row of that to the next

  /// Of k in a fragment.
  int64_t terms() const { return element.isF32() ? 8 : 16; }
  /// Elements between rows of so many, so that fragments are read from all
  /// banks: 16 bytes more than whole rounds of them, or of f32 across 32.
  static int64_t strideOf(mlir::FloatType element, bool alongTerms,
                          int64_t length);
  mlir::Value index(Emitter &e, mlir::Value i, mlir::Value k) const;
  /// Rows i to i + 15, and i to i + 7.
  Terms fragmentA(Emitter &e, mlir::Value i, mlir::Value k) const;
  Terms fragmentB(Emitter &e, mlir::Value i, mlir::Value k) const;

private:
  Terms matrices(Emitter &e, mlir::Value i, mlir::Value k, bool isA) const;
  Terms words(Emitter &e, mlir::Value i, mlir::Value k, bool isA) const;
};

/// sums[4] += a b for fragments of such factors.
void multiplyTerms(Emitter &e, mlir::FloatType element, const Terms &a,
                   const Terms &b, llvm::MutableArrayRef<mlir::Value> sums);

/// An f32 as big and small parts for tf32; its error is below 2^-22. Of what is
/// not finite the first is all.
llvm::SmallVector<mlir::Value> splitInTwo(Emitter &e, mlir::Value x);

/// Two numbers of f16 or bf16 as an operand of a matrix instruction.
mlir::Value pairOperand(Emitter &e, mlir::Value low, mlir::Value high);

} // namespace qopt::cuda

#endif // QOPT_CODEGEN_CUDA_MMA_H
