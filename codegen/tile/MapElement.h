// Kernels that are elementwise functions of views of their arguments: what an
// element is written to.

#ifndef QOPT_CODEGEN_TILE_MAPELEMENT_H
#define QOPT_CODEGEN_TILE_MAPELEMENT_H

#include "qopt/codegen/tile/Element.h"

namespace qopt::tile {

/// Whether Elements knows all ops of a kernel, but for a nn.cache_append at the
/// end.
bool isMap(kernel::FuncOp kernel);

/// What is written, element by element: a result, or what a cache gets.
mlir::Value writtenBy(mlir::Value result);

/// The number of elements of a tensor, in the kernel's symbols.
mlir::AffineExpr elementsOf(kernel::FuncOp kernel, mlir::Value tensor);

/// Stores the element of a result at `indices`, rounded to its type.
void storeElement(Emitter &e, mlir::Value result, mlir::Value value,
                  llvm::ArrayRef<mlir::Value> indices);

} // namespace qopt::tile

#endif // QOPT_CODEGEN_TILE_MAPELEMENT_H
