// From tile programs to the LLVM dialect, and from it to PTX.

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "qopt/codegen/cpu/Generate.h"
#include "qopt/codegen/cpu/Optimize.h"
#include "qopt/codegen/cuda/Cuda.h"
#include "qopt/codegen/cuda/Lower.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;

namespace qopt::cuda {

LogicalResult lowerToNvvm(ModuleOp module) {
  return cpu::lowerToLlvmDialect(module);
}

static std::unique_ptr<llvm::TargetMachine>
targetMachine(const Target &target) {
  llvm::InitializeAllTargetInfos();
  llvm::InitializeAllTargets();
  llvm::InitializeAllTargetMCs();
  llvm::InitializeAllAsmPrinters();
  llvm::Triple triple("nvptx64-nvidia-cuda");
  std::string message;
  const llvm::Target *backend =
      llvm::TargetRegistry::lookupTarget(triple, message);
  if (!backend)
    return nullptr;
  llvm::TargetOptions options;
  // Products and sums say themselves where they may be fused.
  options.AllowFPOpFusion = llvm::FPOpFusion::Standard;
  return std::unique_ptr<llvm::TargetMachine>(backend->createTargetMachine(
      triple, target.name, target.features, options, llvm::Reloc::PIC_,
      std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

FailureOr<std::string> printPtx(ModuleOp generated, const Target &target) {
  auto device = *generated.getOps<gpu::GPUModuleOp>().begin();
  MLIRContext &context = *generated.getContext();
  registerBuiltinDialectTranslation(context);
  registerGPUDialectTranslation(context);
  registerLLVMDialectTranslation(context);
  registerNVVMDialectTranslation(context);
  auto machine = targetMachine(target);
  if (!machine)
    return generated.emitError("this LLVM cannot generate code for CUDA");
  llvm::LLVMContext llvmContext;
  auto module = translateModuleToLLVMIR(device, llvmContext, "qopt");
  if (!module)
    return generated.emitError("cannot be translated to LLVM IR");
  module->setTargetTriple(machine->getTargetTriple());
  module->setDataLayout(machine->createDataLayout());
  cpu::optimize(*module, *machine, llvm::PipelineTuningOptions());
  SmallString<0> ptx;
  llvm::raw_svector_ostream stream(ptx);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr,
                                   llvm::CodeGenFileType::AssemblyFile))
    return generated.emitError("this LLVM cannot write PTX");
  passes.run(*module);
  return ptx.str().str();
}

} // namespace qopt::cuda
