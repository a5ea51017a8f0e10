// The kernels of a program as bytes in its table.

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qopt/codegen/cpu/Generate.h"
#include "qopt/codegen/cuda/Cuda.h"
#include "qopt/runtime/abi.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Error.h"

using namespace mlir;

namespace qopt::cuda {

/// The functions of a gpu.module that are launched, in their order.
static std::vector<std::string> kernelsOf(gpu::GPUModuleOp device) {
  std::vector<std::string> names;
  for (auto function : device.getOps<LLVM::LLVMFuncOp>())
    if (function->hasAttr(NVVM::NVVMDialect::getKernelFuncAttrName()))
      names.push_back(function.getSymName().str());
  return names;
}

llvm::Error embedCode(ModuleOp generated, ArrayRef<Target> targets,
                      StringRef assembler, std::vector<Resources> &resources) {
  auto device = *generated.getOps<gpu::GPUModuleOp>().begin();
  std::vector<cpu::DeviceCode> codes;
  const Target *oldest = nullptr; ///< whose PTX runs on later chips
  for (const Target &target : targets) {
    if (target.isFamily && (!oldest || target.version < oldest->version))
      oldest = &target;
    if (assembler.empty())
      continue;
    FailureOr<std::string> ptx = printPtx(generated, target);
    if (failed(ptx))
      return llvm::createStringError("no code for " + target.name);
    std::vector<Resources> own;
    auto cubin = assemble(*ptx, target, assembler, own);
    if (!cubin)
      return cubin.takeError();
    llvm::append_range(resources, own);
    codes.push_back(
        {target.name, uint32_t(target.version),
         uint32_t(target.isFamily ? QOPT_CUBIN : QOPT_CUBIN_OF_CHIP),
         std::move(*cubin)});
  }
  // What is for one chip alone, then the newest.
  llvm::stable_sort(
      codes, [](const cpu::DeviceCode &a, const cpu::DeviceCode &b) {
        return a.kind != b.kind ? a.kind > b.kind : a.version > b.version;
      });
  if (!oldest && assembler.empty())
    return llvm::createStringError(
        "PTX of " + targets.front().name +
        " runs nowhere, and ptxas is neither in PATH nor in /usr/local/cuda/bin"
        ": install the CUDA toolkit (cuda-nvcc), or add --cuda-arch=sm_80");
  if (oldest) {
    FailureOr<std::string> ptx = printPtx(generated, *oldest);
    if (failed(ptx))
      return llvm::createStringError("no code for " + oldest->name);
    // The driver takes it for text, which ends with a zero.
    codes.push_back(
        {oldest->name, uint32_t(oldest->version), QOPT_PTX, *ptx + '\0'});
  }
  cpu::emitDevice(generated, kernelsOf(device), codes);
  device.erase();
  return llvm::Error::success();
}

} // namespace qopt::cuda
