// From tile programs to LLVM IR and an object file.

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/Passes.h"
#include "qopt/codegen/cpu/Generate.h"
#include "qopt/codegen/cpu/Optimize.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;

namespace qopt::cpu {

void setTarget(ModuleOp module, const Target &target) {
  Builder b(module.getContext());
  std::string text = llvmFeatures(target);
  SmallVector<StringRef> names;
  StringRef(text).split(names, ',');
  // The base CPU's habit of splitting unaligned loads: no CPU with AVX2 wants
  // it, and with AVX-512 LLVM 22 splits and joins some of them for ever.
  names.push_back("-slow-unaligned-mem-32");
  auto features = LLVM::TargetFeaturesAttr::get(module.getContext(), names);
  std::string width = std::to_string(target.vectorBytes * 8);
  // Without this LLVM keeps to 256 bits where 512 cost frequency once.
  Attribute prefer = b.getStrArrayAttr({"prefer-vector-width", width});
  for (auto function : module.getOps<LLVM::LLVMFuncOp>())
    if (!function.isExternal() && !function.getTargetFeatures()) {
      function.setTargetFeaturesAttr(features);
      function.setPassthroughAttr(b.getArrayAttr({prefer}));
    }
}

LogicalResult lowerToLlvmDialect(ModuleOp module) {
  PassManager passes(module.getContext());
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  // bf16 by integers, rounded alike everywhere: without BF16 instructions LLVM
  // calls a function for each element, and the ones there are drop denormals.
  arith::ArithExpandOpsPassOptions expand;
  expand.includeBf16 = true;
  passes.addPass(arith::createArithExpandOpsPass(expand));
  passes.addPass(createSCFToControlFlowPass());
  passes.addPass(createConvertVectorToLLVMPass());
  passes.addPass(createConvertMathToLLVMPass());
  passes.addPass(createArithToLLVMConversionPass());
  passes.addPass(createConvertControlFlowToLLVMPass());
  passes.addPass(createReconcileUnrealizedCastsPass());
  passes.addPass(createCSEPass());
  return passes.run(module);
}

static std::unique_ptr<llvm::TargetMachine> targetMachine() {
  llvm::InitializeAllTargetInfos();
  llvm::InitializeAllTargets();
  llvm::InitializeAllTargetMCs();
  llvm::InitializeAllAsmPrinters();
  llvm::Triple triple("x86_64-unknown-linux-gnu");
  std::string message;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, message);
  if (!target)
    return nullptr;
  llvm::TargetOptions options;
  options.FunctionSections = true;
  // Products and sums say themselves where they may be fused.
  options.AllowFPOpFusion = llvm::FPOpFusion::Standard;
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, "x86-64-v2", "", options, llvm::Reloc::PIC_,
      llvm::CodeModel::Small, llvm::CodeGenOptLevel::Aggressive));
}

void optimize(llvm::Module &module, llvm::TargetMachine &machine,
              const llvm::PipelineTuningOptions &tuning) {
  llvm::PassBuilder builder(&machine, tuning);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager calls;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(calls);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, calls, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2)
      .run(module, modules);
}

static llvm::PipelineTuningOptions tuning() {
  llvm::PipelineTuningOptions options;
  options.LoopVectorization = true;
  // Kernels are loops; the straight code of the entries took it 14 of the 16
  // seconds that SmolLM2 took to compile.
  options.SLPVectorization = false;
  options.LoopInterleaving = options.LoopUnrolling = true;
  return options;
}

/// The optimized LLVM IR of a generated program.
static std::unique_ptr<llvm::Module> translate(ModuleOp generated,
                                               llvm::LLVMContext &context,
                                               llvm::TargetMachine &machine) {
  registerBuiltinDialectTranslation(*generated.getContext());
  registerLLVMDialectTranslation(*generated.getContext());
  auto module = translateModuleToLLVMIR(generated, context, "qopt");
  if (!module) {
    generated.emitError("cannot be translated to LLVM IR");
    return nullptr;
  }
  module->setTargetTriple(machine.getTargetTriple());
  module->setDataLayout(machine.createDataLayout());
  optimize(*module, machine, tuning());
  return module;
}

LogicalResult printLlvmIr(ModuleOp generated, llvm::raw_ostream &out) {
  auto machine = targetMachine();
  llvm::LLVMContext context;
  auto module = machine ? translate(generated, context, *machine) : nullptr;
  if (!module)
    return failure();
  module->print(out, nullptr);
  return success();
}

FailureOr<SmallVector<char, 0>> compileObject(ModuleOp generated) {
  auto machine = targetMachine();
  if (!machine)
    return generated.emitError("this LLVM cannot generate code for x86-64");
  llvm::LLVMContext context;
  auto module = translate(generated, context, *machine);
  if (!module)
    return failure();
  SmallVector<char, 0> object;
  llvm::raw_svector_ostream stream(object);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr,
                                   llvm::CodeGenFileType::ObjectFile))
    return generated.emitError("this LLVM cannot write an object file");
  passes.run(*module);
  return object;
}

} // namespace qopt::cpu
