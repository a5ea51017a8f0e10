// What is computed with a step of an optimizer, in its kernel.

#ifndef QOPT_PASSES_KERNEL_UPDATES_H
#define QOPT_PASSES_KERNEL_UPDATES_H

#include "mlir/IR/Operation.h"

namespace qopt {

/// The step whose kernel an op belongs to: itself; or what makes numbers of a
/// stored state or a 16-bit parameter for it alone; or what gives the only form
/// in which a new one is kept. Null for other ops.
mlir::Operation *updateOf(mlir::Operation *op);

/// What the kernel of a step gives: results in the form in which they are kept.
llvm::SmallVector<mlir::Value> updatedBy(mlir::Operation *step);

} // namespace qopt

#endif // QOPT_PASSES_KERNEL_UPDATES_H
