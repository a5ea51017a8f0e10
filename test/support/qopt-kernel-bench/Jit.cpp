// Kernels in memory.

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "qopt/codegen/cpu/Cpu.h"
#include "qopt/codegen/cpu/Load.h"
#include "qopt/test/support/qopt-kernel-bench/Bench.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace qopt::bench {

FailureOr<llvm::StringMap<Loaded>> load(ModuleOp program, const Target &target,
                                        StringRef save) {
  auto generated = cpu::generate(program, target, {});
  if (!generated)
    return failure();
  for (auto function : generated->getOps<LLVM::LLVMFuncOp>())
    if (!function.isExternal())
      function.setLinkage(LLVM::Linkage::External);
  auto bytes = cpu::compileObject(*generated);
  if (failed(bytes))
    return failure();
  if (!save.empty()) {
    std::error_code code;
    llvm::raw_fd_ostream out(save, code);
    out.write(bytes->data(), bytes->size());
  }

  auto error = [](llvm::Error error) {
    llvm::errs() << llvm::toString(std::move(error)) << "\n";
    return failure();
  };
  auto object = cpu::LoadedCode::load(*bytes);
  if (!object)
    return error(object.takeError());
  llvm::StringMap<Loaded> loaded;
  for (auto kernel : program.getOps<kernel::FuncOp>()) {
    const cpu::KernelFamily &family =
        **llvm::find_if(cpu::families(), [&](const cpu::KernelFamily *family) {
          return family->accepts(kernel, target);
        });
    cpu::Phases plan = cpu::phasesOf(family, kernel, target);
    Loaded &code = loaded[kernel.getSymName()];
    code.rounds = plan.rounds;
    code.workspace = plan.workspace;
    for (auto [i, phase] : llvm::enumerate(plan.phases)) {
      auto address = (*object)->find(cpu::symbolOf(family, kernel, target, i));
      if (!address)
        return error(address.takeError());
      code.launches.push_back(
          {reinterpret_cast<qopt_kernel>(*address), phase.tasks});
    }
  }
  (void)object->release(); // the code must stay
  return loaded;
}

} // namespace qopt::bench
