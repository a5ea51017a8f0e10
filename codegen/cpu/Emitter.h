// What the kernel families write their tile programs with.
//
// A generated kernel is `void k(const i64 *args, i64 begin, i64 end, u8
// *scratch)`, see qopt_kernel in runtime/abi.h. `args` are the kernel's
// arguments, see tile/Emitter.h, then the workspace and the number of the
// round, if it has phases.

#ifndef QOPT_CODEGEN_CPU_EMITTER_H
#define QOPT_CODEGEN_CPU_EMITTER_H

#include "qopt/codegen/KernelFamily.h"
#include "qopt/codegen/tile/Emitter.h"

namespace qopt::cpu {

using namespace tile;

class Emitter : public tile::Emitter {
public:
  /// Begins the function `symbol` for `kernel` at the end of `module`; the
  /// insertion point is in its body, before the return.
  Emitter(mlir::ModuleOp module, kernel::FuncOp kernel, llvm::StringRef symbol,
          const Target &target);

  const Target &target;
  mlir::Value begin, end; ///< i64, the tasks of this call
  mlir::Value scratch;    ///< llvm.ptr, QOPT_SCRATCH_BYTES of the thread

  /// Memory that all tasks of all phases share, see Phases; the number of the
  /// round, an i64.
  mlir::Value workspace();
  mlir::Value round();

  /// The number that a tensor argument or a result has among the arguments of
  /// the function; the pointer of the one with the number `position`, an i64.
  int64_t positionOf(mlir::Value tensor);
  mlir::Value pointerAt(mlir::Value position);

  /// The address of constants of the module that have this name, written once.
  mlir::Value constants(llvm::StringRef name, mlir::DenseElementsAttr values);
  /// A name for constants of this function alone.
  std::string nameOf(llvm::StringRef what);

  /// Lanes of f32 in the widest vector of the target.
  int64_t lanes() const { return target.vectorBytes / 4; }

private:
  mlir::Value argument(int64_t position, mlir::Type type);

  mlir::Value arguments; ///< llvm.ptr of i64
  int64_t argumentCount = 0;
  mlir::Value workspaceAddress, roundNumber;
};

} // namespace qopt::cpu

#endif // QOPT_CODEGEN_CPU_EMITTER_H
