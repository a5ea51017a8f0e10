// The grids of quantization of a row in the registers of a block.

#ifndef QOPT_CODEGEN_CUDA_ROWGRID_H
#define QOPT_CODEGEN_CUDA_ROWGRID_H

#include "qopt/codegen/cuda/Row.h"
#include "qopt/codegen/tile/Grid.h"

namespace qopt::cuda {

/// Whether grids can be found: pieces end where the sets that share a scale do.
bool hasRowGrids(lowbit::SchemeAttr scheme, const RowShape &shape);

/// The grid of each piece of a row, the same for all where a row has one.
llvm::SmallVector<Grid> rowGrids(RowWriter &row, llvm::ArrayRef<mlir::Value> x,
                                 lowbit::SchemeAttr scheme);

} // namespace qopt::cuda

#endif // QOPT_CODEGEN_CUDA_ROWGRID_H
