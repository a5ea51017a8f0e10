// Executes the LLVM and NVVM dialects of generated CUDA programs, lane by lane.
//
// A program is what `qopt --target=cuda --stop-after=generate` prints: kernels
// in a gpu.module, the functions of the host that launch them, and the table
// `qopt_program`. A launch runs block after block, a block its warps between
// barriers in an order that the seed tells: results that depend on it show, and
// a report is the same in every run. What it reports:
//
// - accesses out of bounds, misaligned, or to bytes that nobody wrote;
// - races of threads without a barrier between, and of blocks of one launch;
// - barriers and collectives that some lanes do not reach;
// - asynchronous copies that are read before they were waited for;
// - operations that it does not know, and loops that do not end.
//
// Arithmetic is that of the PTX instructions: IEEE in the type of the
// operation, without fusing what is not one operation; see Fragments.h for
// products of matrices.

#ifndef QOPT_CODEGEN_SIMT_SIMULATOR_H
#define QOPT_CODEGEN_SIMT_SIMULATOR_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"
#include "qopt/codegen/simt/Code.h"
#include "qopt/codegen/simt/Memory.h"
#include "qopt/codegen/simt/Warp.h"
#include "llvm/ADT/MapVector.h"

namespace qopt::simt {

struct Options {
  uint64_t maxSteps = 50'000'000; ///< instructions of a warp in a launch
  uint64_t seed = 0;              ///< of the order of warps; 0: as numbered
};

struct Grid {
  uint64_t blocks = 1, threads = 0; ///< threads 0: as the kernel asks
  uint64_t sharedBytes = 0;         ///< dynamic shared memory
};

struct Statistics {
  uint64_t launches = 0, blocks = 0, laneSteps = 0;
};

class Simulator {
public:
  Simulator(mlir::ModuleOp program, const Options &options);

  Memory &memory() { return memories; }
  const Options &options() const { return how; }
  const Statistics &statistics() const { return total; }
  mlir::ModuleOp program() const { return module; }

  /// The kernel of that name, or null.
  mlir::LLVM::LLVMFuncOp kernel(llvm::StringRef name) const {
    return kernels.lookup(name);
  }
  /// The kernel of a launch, in the order of the program; or null.
  mlir::LLVM::LLVMFuncOp kernel(uint64_t ordinal) const {
    return ordinal < kernels.size() ? (kernels.begin() + ordinal)->second
                                    : mlir::LLVM::LLVMFuncOp();
  }
  /// Runs a kernel; `words` are its parameters. Diagnostics are at `caller` if
  /// the launch is wrong, else at the op that is.
  llvm::LogicalResult launch(mlir::Operation *caller,
                             mlir::LLVM::LLVMFuncOp kernel,
                             llvm::ArrayRef<uint64_t> words, Grid grid);
  /// Runs a function of the host; what it returns, or 0.
  mlir::FailureOr<uint64_t> call(mlir::LLVM::LLVMFuncOp function,
                                 llvm::ArrayRef<uint64_t> words);

  /// Where a global or a function lies; it is laid down when first asked for.
  mlir::FailureOr<uint64_t> addressOf(mlir::Operation *user,
                                      mlir::SymbolRefAttr name);
  /// The function at an address; or null.
  mlir::LLVM::LLVMFuncOp functionAt(uint64_t address) const;
  mlir::Operation *lookup(mlir::Operation *user, mlir::SymbolRefAttr name);

private:
  mlir::FailureOr<const Code *> codeOf(mlir::LLVM::LLVMFuncOp function);
  mlir::FailureOr<uint64_t> layGlobal(mlir::LLVM::GlobalOp global);
  llvm::LogicalResult runBlock(ThreadBlock &block,
                               llvm::MutableArrayRef<Warp *> warps,
                               llvm::ArrayRef<uint64_t> words);

  mlir::ModuleOp module;
  Options how;
  Memory memories;
  Statistics total;
  mlir::SymbolTableCollection symbols;
  llvm::MapVector<llvm::StringRef, mlir::LLVM::LLVMFuncOp> kernels;
  llvm::DenseMap<mlir::Operation *, std::unique_ptr<Code>> codes;
  llvm::DenseMap<mlir::Operation *, uint64_t> addresses;
  std::vector<mlir::LLVM::LLVMFuncOp> functions; ///< that have an address
  uint64_t random = 0;
};

} // namespace qopt::simt

#endif // QOPT_CODEGEN_SIMT_SIMULATOR_H
