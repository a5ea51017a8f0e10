// Rotations: how a change of basis moves through a program.
//
// A rotation is an orthogonal matrix Q, a `lowbit.hadamard`. It enters a
// program as a pair around a value, x = (x Q) Q^T, which computes nothing. The
// two halves then part: x Q moves *up*, to where x comes from, until it is part
// of a weight; Q^T moves *down*, through whatever commutes with it, until it is
// part of the weights that read x. Where an up meets a down they cancel:
//
//   embedding          add                  norm           linear
//   T -> T Q       (a' Q^T) + b          scale-free     x' Q^T W^T
//                  = (a' + b Q) Q^T      commutes       = x' (W Q)^T
//
// Every step is exact by itself, so the program is right at every moment, and
// nothing needs to remember that it is rotated. What cannot move is *stuck*: an
// up that is stuck is computed when the program runs (online); a down that is
// stuck means that the site cannot be rotated, and the op that stopped it is
// the reason. Sites are tried on a copy of the function, so that nothing is
// left half done.
//
// A half says which it is by `transposed`: downs are, ups are not.

#ifndef QOPT_PASSES_ROTATE_ROTATE_H
#define QOPT_PASSES_ROTATE_ROTATE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/PatternMatch.h"
#include "qopt/dialects/lowbit/Lowbit.h"

namespace qopt {

/// Which matrix: that of `lowbit.hadamard` with these attributes.
struct Rotation {
  llvm::SmallVector<int64_t> orders; ///< empty: there is none
  std::optional<int64_t> seed;       ///< of random signs
};

/// For an axis of `size`: one matrix if there is one, else blocks of a power of
/// two, at least 4, else none.
Rotation chooseRotation(int64_t size, int64_t seed);

/// Number of channels that are mixed with each other.
int64_t sizeOf(const Rotation &rotation);

/// Adds the patterns that move downs and cancel what meets; `symbols` must
/// outlive them.
void populateMoveDownPatterns(mlir::RewritePatternSet &patterns,
                              mlir::SymbolTable &symbols);
/// Adds the patterns that move ups. Without them ups stay where they were put,
/// to be computed online.
void populateMoveUpPatterns(mlir::RewritePatternSet &patterns,
                            mlir::SymbolTable &symbols);

/// Puts the pair around `value`, for all its users.
void insertRotation(mlir::OpBuilder &builder, mlir::Value value, int64_t axis,
                    const Rotation &rotation);

/// One place to rotate at.
struct RotationSite {
  mlir::Operation
      *op;          ///< named in remarks; its i-th like in a copy is its twin
  int64_t size = 0; ///< of the axis
};

/// What a rotation pass is.
struct RotationPlan {
  llvm::StringRef pass;      ///< category of its remarks
  int64_t seed = -1;         ///< of random signs; negative: none
  bool required = false;     ///< refusals are errors
  bool edgesMayStay = false; ///< inputs are turned online, outputs back
  unsigned online = 0;       ///< ups of a site that stay
  /// The sites of a function, in order.
  std::function<llvm::SmallVector<RotationSite>(mlir::func::FuncOp)> find;
  /// Inserts the pairs of a site.
  std::function<void(RotationSite, const Rotation &)> insert;
  /// A reason to leave the site alone, or none.
  std::function<llvm::StringRef(RotationSite, mlir::SymbolTable &)> refuse;
};

/// Rotates every site of the module that can be. Fails if one cannot that must.
llvm::LogicalResult rotateSites(mlir::ModuleOp module,
                                const RotationPlan &plan);

/// Whether a chain of weights holds a rotation along `axis` in matrices of
/// `size`.
bool isRotated(mlir::Value weight, int64_t axis, int64_t size);

} // namespace qopt

#endif // QOPT_PASSES_ROTATE_ROTATE_H
