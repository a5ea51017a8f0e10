// What several verifiers of the nn dialect ask.

#ifndef QOPT_DIALECTS_NN_VERIFY_H
#define QOPT_DIALECTS_NN_VERIFY_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"

namespace qopt::nn {

/// Whether two sizes can be equal when it runs: dynamic ones fit any.
inline bool agree(int64_t a, int64_t b) {
  return a == b || mlir::ShapedType::isDynamic(a) ||
         mlir::ShapedType::isDynamic(b);
}

/// The same for all sizes of two shapes; their ranks are equal.
inline bool agree(llvm::ArrayRef<int64_t> a, llvm::ArrayRef<int64_t> b) {
  return llvm::equal(
      a, b, [](int64_t one, int64_t other) { return agree(one, other); });
}

/// Whether `axis` counts an axis of `type` from the front.
inline bool isAxis(int64_t axis, mlir::RankedTensorType type) {
  return axis >= 0 && axis < type.getRank();
}

/// An error of `op` unless it is one.
inline llvm::LogicalResult expectAxis(mlir::Operation *op, int64_t axis,
                                      mlir::RankedTensorType type) {
  if (isAxis(axis, type))
    return mlir::success();
  return op->emitOpError("expects an axis of ") << type << ", got " << axis;
}

/// An error of `op` unless its gain has one element or one per channel.
inline llvm::LogicalResult expectGain(mlir::Operation *op, int64_t channels,
                                      mlir::Type gain) {
  int64_t gains = mlir::cast<mlir::RankedTensorType>(gain).getDimSize(0);
  if (gains == 1 || gains == channels)
    return mlir::success();
  return op->emitOpError(
             "expects gain to have one element, or one per channel (")
         << channels << "), got " << gain;
}

/// An error of `op` unless it adds a number that is finite and not negative.
inline llvm::LogicalResult expectEps(mlir::Operation *op,
                                     const llvm::APFloat &eps) {
  if (eps.isFinite() && !eps.isNegative())
    return mlir::success();
  return op->emitOpError("expects eps to be finite and not negative, got ")
         << eps.convertToDouble();
}

} // namespace qopt::nn

#endif // QOPT_DIALECTS_NN_VERIFY_H
