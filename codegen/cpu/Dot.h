// Dot products of bytes, and tables in a register.

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

// Whether the target has an instruction is what the choice of tiles follows;
// where its code may not use it, vector code gives the same bits.

/// Whether dot4 is one instruction for vectors of so many lanes of i32.
bool hasDot(const Target &target, int64_t lanes);
/// Whether there are pairProducts for vectors of so many lanes of i32.
bool hasPairs(const Target &target, int64_t lanes);
/// Word i: the products of unsigned and signed bytes 2 i and 2 i + 1, added. It
/// saturates: unsigned bytes of at most 7 bits are safe.
mlir::Value pairProducts(Emitter &e, mlir::Value unsignedBytes,
                         mlir::Value signedBytes);
/// dot2: lane i of the result is `sum` + the two products of signed words 2 i
/// and 2 i + 1, modulo 2^32. All are vectors of i32, as those of dot4.
mlir::Value dot2(Emitter &e, mlir::Value sum, mlir::Value words,
                 mlir::Value others);
/// Lane i of i32: words 2 i and 2 i + 1, added.
mlir::Value sumPairs(Emitter &e, mlir::Value words);

/// Whether a vector of so many f32 can be a table.
bool hasLookUp(const Target &target, int64_t lanes);
/// Lane i: element `indices[i]` of the table, modulo its 16.
mlir::Value lookUp(Emitter &e, mlir::Value table, mlir::Value indices);

} // namespace qopt::cpu

#endif // QOPT_CODEGEN_CPU_DOT_H
