// Kernels in memory.

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "qopt/codegen/cpu/Cpu.h"
#include "qopt/test/support/qopt-kernel-bench/Bench.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace qopt::bench {

static std::string symbolOf(kernel::FuncOp kernel,
                            const cpu::KernelFamily &family,
                            const Target &target) {
  return ("qopt_" + family.name + "_" + kernel.getSymName() + "__" +
          target.name)
      .str();
}

FailureOr<llvm::StringMap<Loaded>> load(ModuleOp program,
                                        const Target &target) {
  auto generated = cpu::generate(program, target, {});
  if (!generated)
    return failure();
  for (auto function : generated->getOps<LLVM::LLVMFuncOp>())
    if (!function.isExternal())
      function.setLinkage(LLVM::Linkage::External);
  auto object = cpu::compileObject(*generated);
  if (failed(object))
    return failure();

  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  auto error = [](llvm::Error error) {
    llvm::errs() << llvm::toString(std::move(error)) << "\n";
    return failure();
  };
  auto jit = llvm::orc::LLJITBuilder().create();
  if (!jit)
    return error(jit.takeError());
  if (auto failed = (*jit)->addObjectFile(llvm::MemoryBuffer::getMemBufferCopy(
          StringRef(object->data(), object->size()))))
    return error(std::move(failed));
  llvm::StringMap<Loaded> loaded;
  for (auto kernel : program.getOps<kernel::FuncOp>()) {
    const cpu::KernelFamily &family =
        **llvm::find_if(cpu::families(), [&](const cpu::KernelFamily *family) {
          return family->accepts(kernel, target);
        });
    auto address = (*jit)->lookup(symbolOf(kernel, family, target));
    if (!address)
      return error(address.takeError());
    loaded[kernel.getSymName()] = {address->toPtr<qopt_kernel>(),
                                   family.tasks(kernel, target)};
  }
  (void)jit->release(); // the code must stay
  return loaded;
}

} // namespace qopt::bench
