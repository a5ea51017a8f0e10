// Loops over elements that lie side by side, in vectors of the target.

#ifndef QOPT_CODEGEN_CPU_SPAN_H
#define QOPT_CODEGEN_CPU_SPAN_H

#include "qopt/codegen/cpu/Emitter.h"
#include "qopt/codegen/tile/Math.h"

namespace qopt::cpu {

/// The elements [from, to) of one or more arrays. Bodies are written twice: for
/// whole vectors, and, `lanes` 1, for the scalars that are left.
class Span {
public:
  Span(Emitter &e, mlir::Value from, mlir::Value to)
      : e(e), from(from), to(to) {}

  using Body = llvm::function_ref<void(mlir::Value i, int64_t lanes)>;
  /// What body gives for one step.
  using Terms = llvm::function_ref<llvm::SmallVector<mlir::Value>(
      mlir::Value i, int64_t lanes)>;

  void each(Body body);
  /// With vectors of so many lanes, a power of 2.
  void each(int64_t lanes, Body body);
  /// The sums of `count` terms of `element` (f32 or f64), or their largest:
  /// lane by lane, then across lanes. The order depends on the target only.
  llvm::SmallVector<mlir::Value> sums(mlir::Type element, int64_t count,
                                      Terms terms);
  /// -inf for none; NaN of NaN is not promised.
  mlir::Value largest(llvm::function_ref<mlir::Value(mlir::Value, int64_t)> of);

private:
  llvm::SmallVector<mlir::Value>
  joined(llvm::ArrayRef<mlir::Value> neutral, Terms terms,
         llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> join,
         llvm::function_ref<mlir::Value(mlir::Value)> across);
  mlir::Value whole(int64_t lanes);

  Emitter &e;
  mlir::Value from, to;
};

/// `element` for one lane, else a vector.
mlir::Type lanesOf(mlir::Type element, int64_t lanes);
/// The same scalar in all lanes.
mlir::Value splat(Emitter &e, mlir::Value scalar, int64_t lanes);
/// Floats of any type in memory as f32.
mlir::Value loadFloats(Emitter &e, mlir::Value tensor, mlir::Value index,
                       int64_t lanes);
mlir::Value loadFloats(Emitter &e, mlir::Value base, mlir::Type element,
                       mlir::Value index, int64_t lanes);
/// f32 rounded to the element type of `tensor`.
void storeFloats(Emitter &e, mlir::Value value, mlir::Value tensor,
                 mlir::Value index);
void storeFloats(Emitter &e, mlir::Value value, mlir::Value base,
                 mlir::Type element, mlir::Value index);

/// A number of rank 0 that a run chooses, or that is a constant.
mlir::Value loadNumber(Emitter &e, mlir::Value tensor);

/// Smaller of two i64; their difference.
mlir::Value least(Emitter &e, mlir::Value a, mlir::Value b);
mlir::Value minus(Emitter &e, mlir::Value a, mlir::Value b);

} // namespace qopt::cpu

#endif // QOPT_CODEGEN_CPU_SPAN_H
