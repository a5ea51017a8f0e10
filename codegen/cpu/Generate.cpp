// From a program at the kernel stage to functions: one for each kernel, by the
// first family that takes it, and the entries that launch them.

#include "qopt/codegen/cpu/Generate.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/cpu/Cpu.h"
#include "qopt/codegen/cpu/Emitter.h"

using namespace mlir;

namespace qopt::cpu {

/// Writes the function of one kernel.
static LogicalResult emitKernel(ModuleOp module, kernel::FuncOp kernel,
                                const Target &target, Kernels &kernels) {
  auto family = llvm::find_if(families(), [&](const KernelFamily *family) {
    return family->accepts(kernel, target);
  });
  if (family == families().end()) {
    InFlightDiagnostic error = kernel.emitError("no kernel for the CPU takes ");
    llvm::interleaveComma(kernel.getBlock().without_terminator(), error,
                          [&](Operation &op) { error << op.getName(); });
    return error;
  }
  Phases plan = phasesOf(**family, kernel, target);
  Kernel &written = kernels[kernel.getSymNameAttr()];
  written.family = (*family)->name;
  written.rounds = plan.rounds;
  written.workspace = plan.workspace;
  for (auto [i, phase] : llvm::enumerate(plan.phases)) {
    std::string symbol = symbolOf(**family, kernel, target, i);
    Emitter emitter(module, kernel, symbol, target);
    if (failed(phase.emit(emitter)))
      return kernel.emitError("cannot be generated");
    written.launches.push_back({symbol, phase.tasks});
  }
  return success();
}

/// A launch is a call of the runtime's threads.
static void writeLaunch(const LaunchSite &site, const Kernel::Launch &launch) {
  OpBuilder &b = site.b;
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  Value address =
      LLVM::AddressOfOp::create(b, site.loc, pointer, launch.symbol);
  LLVM::CallOp::create(
      b, site.loc, TypeRange(), "qopt_parallel",
      ValueRange{site.pool, address, site.arguments, site.tasks});
}

static void declareParallel(ModuleOp module) {
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  auto type =
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()),
                                  {pointer, pointer, pointer, b.getI64Type()});
  LLVM::LLVMFuncOp::create(b, module.getLoc(), "qopt_parallel", type);
}

OwningOpRef<ModuleOp> generate(ModuleOp program, ArrayRef<Target> targets,
                               const GenerateOptions &options) {
  MLIRContext *context = program.getContext();
  context
      ->loadDialect<arith::ArithDialect, LLVM::LLVMDialect, math::MathDialect,
                    scf::SCFDialect, vector::VectorDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(program.getLoc());
  std::vector<Variant> variants;
  for (const Target &target : targets) {
    Kernels kernels;
    for (auto kernel : program.getOps<kernel::FuncOp>())
      if (failed(emitKernel(*module, kernel, target, kernels)))
        return {};
    if (!module->lookupSymbol("qopt_parallel"))
      declareParallel(*module);
    Variant &variant = variants.emplace_back(
        Variant{target.name, target.instructions, target.isEmulated(), {}, {}});
    for (auto kernel : program.getOps<kernel::FuncOp>())
      describeLaunches(*module, kernel,
                       kernels.find(kernel.getSymNameAttr())->second,
                       target.name, /*isOnDevice=*/false, variant.launches);
    for (auto entry : program.getOps<func::FuncOp>()) {
      FailureOr<Entry> emitted =
          emitEntry(*module, program, entry, kernels, target.name, writeLaunch);
      if (failed(emitted))
        return {};
      variant.entries.push_back(std::move(*emitted));
    }
    lowerFusedProducts(*module, target);
    setTarget(*module, target);
  }
  Variables variables = Variables::of(program);
  if (failed(checkVariables(variables)))
    return {};
  emitTables(*module, variants, variables, options);
  if (failed(lowerToLlvmDialect(*module)))
    return {};
  return module;
}

} // namespace qopt::cpu
