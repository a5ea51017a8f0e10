// The bytes that a kernel has to move, whatever it runs on.

#ifndef QOPT_CODEGEN_TILE_TRAFFIC_H
#define QOPT_CODEGEN_TILE_TRAFFIC_H

#include "qopt/dialects/kernel/Kernel.h"

namespace qopt::tile {

/// Bytes, in the kernel's symbols.
struct Traffic {
  mlir::AffineExpr read, written;
};

/// What a kernel reads and writes if it does so once: each argument, and each
/// result, as it lies in memory. Of tables that ids choose rows of, and of what
/// is sliced, only what is looked at; of a cache the positions that it holds,
/// and of what is appended the new ones.
Traffic trafficOf(kernel::FuncOp kernel);

} // namespace qopt::tile

#endif // QOPT_CODEGEN_TILE_TRAFFIC_H
