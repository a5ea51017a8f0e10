// A function as the simulator runs it: a row of instructions over registers.
//
// A register holds a scalar for each of the 32 lanes of a warp, four bytes each
// for types of up to 32 bits (integers without sign, floats as their bits) and
// eight for wider ones. Vectors and structs are several registers; taking them
// apart and putting them together costs nothing.

#ifndef QOPT_CODEGEN_SIMT_CODE_H
#define QOPT_CODEGEN_SIMT_CODE_H

#include <cstdint>
#include <string>
#include <vector>

#include "mlir/IR/Operation.h"

namespace qopt::simt {

class Warp;
struct Instr;

/// Executes an instruction for the lanes that are active.
using Step = void (*)(Warp &warp, const Instr &instr);

struct Instr {
  Step step = nullptr;
  uint32_t to = 0, a = 0, b = 0, c = 0; ///< registers, or as the step says
  int64_t number = 0;
  uint32_t list = 0, count = 0; ///< more registers, in Code::lists
};

/// A variable in shared memory.
struct SharedVariable {
  std::string name;
  uint64_t offset, bytes;
};

struct Code {
  std::string name;
  mlir::Operation *function = nullptr;
  std::vector<Instr> instrs;
  std::vector<mlir::Operation *> origins; ///< of each instruction
  std::vector<uint32_t> lists;

  struct Constant {
    uint32_t to;
    bool wide;
    uint64_t bits;
  };
  std::vector<Constant> constants;
  std::vector<uint32_t> parameters; ///< registers of eight bytes
  uint32_t registers = 0;
  uint64_t localBytes = 0; ///< of each lane

  uint64_t blockSize = 0; ///< threads that a kernel asks for; 0: any
  std::vector<SharedVariable> shared;
  uint64_t sharedBytes = 0; ///< up to the end of the last variable
  bool hasDynamicShared = false;
};

/// The line that an operation was read from; 0 if it was not.
unsigned lineOf(mlir::Operation *op);

} // namespace qopt::simt

#endif // QOPT_CODEGEN_SIMT_CODE_H
