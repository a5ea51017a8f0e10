// The 256 values that states of optimizers have in 8 bits, as generated code
// reads them.

#ifndef QOPT_CODEGEN_CPU_STATECODES_H
#define QOPT_CODEGEN_CPU_STATECODES_H

#include "qopt/codegen/cpu/Emitter.h"

namespace qopt::cpu {

/// Elements that share a scale.
constexpr int64_t stateBlock = 256;

/// The map of train.encode_state, in tables of the module.
class StateCodes {
public:
  StateCodes(Emitter &e, bool isUnsigned);

  /// The values of codes i8, f32; scalars or vectors alike.
  mlir::Value values(mlir::Value codes);
  /// The codes of the nearest values; of two, the lower ones.
  mlir::Value codes(mlir::Value values);

private:
  /// table[index] of i32.
  mlir::Value look(mlir::Value table, mlir::Value index);

  Emitter &e;
  mlir::Value map;    ///< address of 256 values
  mlir::Value bounds; ///< address of the last number that each code but the
                      ///< last is nearest to
};

} // namespace qopt::cpu

#endif // QOPT_CODEGEN_CPU_STATECODES_H
