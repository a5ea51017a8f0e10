// Dot products of bytes.

#ifndef QOPT_CODEGEN_CPU_DOT_H
#define QOPT_CODEGEN_CPU_DOT_H

#include "qopt/codegen/cpu/Emitter.h"

namespace qopt::cpu {

/// dot4: lane i of the result is `sum` + the four products of unsigned and
/// signed bytes 4 i .. 4 i + 3, modulo 2^32. All are vectors of i32; the bytes
/// are those of the last two. One instruction where the target has it, vector
/// code that gives the same bits elsewhere.
mlir::Value dot4(Emitter &e, mlir::Value sum, mlir::Value unsignedBytes,
                 mlir::Value signedBytes);

} // namespace qopt::cpu

#endif // QOPT_CODEGEN_CPU_DOT_H
