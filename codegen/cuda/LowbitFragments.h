// What matrix instructions take of packed codes and of the rows that they are
// multiplied by.
//
// A block is 32 columns. A thread has four words of W, of rows `lane / 4` and 8
// more, columns c = 4 (lane % 4) to c + 3 and 16 more, and of x those columns
// of row `lane / 4`. Columns are summed: their order is free as long as W and x
// have the same, so words are taken as they lie, and x by 16 bytes of f32.
//
//   x of codes: mma.m16n8k32 of s8, 1 step a block
//     w = codes as positive bytes, those of 8 bits turned into signed ones;
//     what they are above their meaning is taken off by the sum of x, which
//     dp4a makes: sum w x - (offset + zero) sum x, exact
//   x of f16 or bf16: mma.m16n8k16 of that type, 2 steps
//     w = code - offset - zero, an integer below 257: exact in both types.
//     Bits of the code in the mantissa of 1024 (bf16: 128), less that: 6
//     operations for 4 codes
//   x of f32: the same of bf16, 3 times
//     x = high + middle + low, cut from its mantissa 8 bits at a time: exact,
//     and so are the products; sums have the precision of f32.
//
// Why three times bf16 for f32: f16 has no room for its exponents, one bf16
// leaves errors of 2^-9 that nobody asked for, and tf32 takes two terms at half
// the rate, so 4 units of time instead of 3, and is not exact.

#ifndef QOPT_CODEGEN_CUDA_LOWBITFRAGMENTS_H
#define QOPT_CODEGEN_CUDA_LOWBITFRAGMENTS_H

#include "qopt/codegen/cuda/LowbitLinear.h"
#include "qopt/codegen/tile/Math.h"

namespace qopt::cuda {

class Fragments {
public:
  using Values = llvm::SmallVector<mlir::Value>;
  /// A factor as a sum of fragments.
  using Terms = llvm::SmallVector<Values, 3>;

  Fragments(Emitter &e, const LowbitShape &shape);

  /// What bytes of codes are above their meaning, without a zero.
  const int64_t lift;
  /// Matrix instructions of a block.
  int64_t steps() const { return shape.codes ? 1 : 2; }
  /// Loads the zeros of a group, if numbers need them.
  void findZeros(mlir::Value panel, mlir::Value group);
  /// The fragment of 16 rows of W, of a field of four words.
  Values weight(mlir::Value words, int64_t field, int64_t step);
  /// That of a row of x; `column` is this thread's first of the block.
  Terms input(mlir::Value row, mlir::Value column, int64_t step);
  /// sums += w x
  void multiply(llvm::ArrayRef<mlir::Value> w, const Terms &x,
                llvm::MutableArrayRef<mlir::Value> sums);
  /// sum + the codes of the input
  mlir::Value addInput(const Terms &x, mlir::Value sum);

private:
  /// Codes in the bytes of a word, two and two, as numbers.
  Values numbers(mlir::Value word, int64_t field, mlir::Value zero);
  Values numbersOfBytes(mlir::Value word, mlir::Value zero);
  mlir::Value asOperand(mlir::Value pair);

  Emitter &e;
  Math m;
  const LowbitShape &shape;
  FragmentPlace place;
  mlir::FloatType factor; ///< f16 or bf16; null for codes
  bool isWide;            ///< x is f32
  Values zeros;           ///< [field][2], i32
};

} // namespace qopt::cuda

#endif // QOPT_CODEGEN_CUDA_LOWBITFRAGMENTS_H
