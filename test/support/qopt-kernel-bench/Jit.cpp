// Kernels in memory.

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "qopt/codegen/cpu/Cpu.h"
#include "qopt/codegen/cpu/Load.h"
#include "qopt/test/support/qopt-kernel-bench/Bench.h"
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

FailureOr<llvm::StringMap<Loaded>> load(ModuleOp program, const Target &target,
                                        StringRef save) {
  auto generated = cpu::generate(program, target, {});
  if (!generated)
    return failure();
  for (auto function : generated->getOps<LLVM::LLVMFuncOp>())
    if (!function.isExternal())
      function.setLinkage(LLVM::Linkage::External);
  auto object = cpu::compileObject(*generated);
  if (failed(object))
    return failure();
  if (!save.empty()) {
    std::error_code code;
    llvm::raw_fd_ostream out(save, code);
    out.write(object->data(), object->size());
  }

  auto error = [](llvm::Error error) {
    llvm::errs() << llvm::toString(std::move(error)) << "\n";
    return failure();
  };
  auto code = cpu::LoadedCode::load(*object);
  if (!code)
    return error(code.takeError());
  llvm::StringMap<Loaded> loaded;
  for (auto kernel : program.getOps<kernel::FuncOp>()) {
    const cpu::KernelFamily &family =
        **llvm::find_if(cpu::families(), [&](const cpu::KernelFamily *family) {
          return family->accepts(kernel, target);
        });
    auto address = (*code)->find(symbolOf(kernel, family, target));
    if (!address)
      return error(address.takeError());
    loaded[kernel.getSymName()] = {reinterpret_cast<qopt_kernel>(*address),
                                   family.tasks(kernel, target)};
  }
  (void)code->release(); // the code must stay
  return loaded;
}

} // namespace qopt::bench
