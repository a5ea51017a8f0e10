// From a program at the kernel stage to a module of GPU kernels, and the
// entries that launch them.

#include "qopt/codegen/cpu/Generate.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/cuda/Emitter.h"
#include "qopt/codegen/cuda/Lower.h"

using namespace mlir;

namespace qopt::cuda {

namespace {

/// What the host says at a launch, by the symbol of the function.
struct LaunchFacts {
  int64_t ordinal, threads;
};
using AllFacts = llvm::StringMap<LaunchFacts>;

} // namespace

/// Says what no family takes: the ops, and the types that they work on.
static LogicalResult refuse(kernel::FuncOp kernel) {
  InFlightDiagnostic error = kernel.emitError("no kernel for CUDA takes ");
  llvm::interleaveComma(kernel.getBlock().without_terminator(), error,
                        [&](Operation &op) {
                          error << op.getName();
                          if (op.getNumOperands())
                            error << " of " << op.getOperand(0).getType();
                        });
  return error << " (kernel @" << kernel.getSymName()
               << "): compile for the CPU";
}

/// Writes the functions of one kernel.
static LogicalResult emitKernel(gpu::GPUModuleOp module, kernel::FuncOp kernel,
                                cpu::Kernels &kernels, AllFacts &facts) {
  const KernelFamily *family = familyFor(kernel);
  if (!family)
    return refuse(kernel);
  Phases plan = family->phases(kernel);
  cpu::Kernel &written = kernels[kernel.getSymNameAttr()];
  written.family = family->name;
  written.rounds = plan.rounds;
  written.workspace = plan.workspace;
  for (auto [i, phase] : llvm::enumerate(plan.phases)) {
    std::string number = i ? "_" + std::to_string(i + 1) : "";
    std::string symbol =
        ("qopt_" + family->name + "_" + kernel.getSymName() + number).str();
    Emitter emitter(module, kernel, symbol, plan, phase.threads);
    if (failed(phase.emit(emitter)))
      return kernel.emitError("cannot be generated");
    emitter.finish();
    facts[symbol] = {int64_t(facts.size()), phase.threads};
    written.launches.push_back({symbol, phase.blocks});
  }
  return success();
}

/// void qopt_launch(pool, ordinal, args, count, blocks, threads, shared bytes)
static void declareLaunch(ModuleOp module) {
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  Type pointer = LLVM::LLVMPointerType::get(b.getContext());
  Type i64 = b.getI64Type();
  auto type =
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()),
                                  {pointer, i64, pointer, i64, i64, i64, i64});
  LLVM::LLVMFuncOp::create(b, module.getLoc(), "qopt_launch", type);
}

OwningOpRef<ModuleOp> generate(ModuleOp program, ArrayRef<Target> targets,
                               const cpu::GenerateOptions &options) {
  MLIRContext *context = program.getContext();
  context->loadDialect<arith::ArithDialect, gpu::GPUDialect, LLVM::LLVMDialect,
                       math::MathDialect, NVVM::NVVMDialect, scf::SCFDialect,
                       vector::VectorDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(program.getLoc());
  OpBuilder b = OpBuilder::atBlockEnd(module->getBody());
  auto device = gpu::GPUModuleOp::create(b, program.getLoc(), "qopt_kernels");
  cpu::Kernels kernels;
  AllFacts facts;
  for (auto kernel : program.getOps<kernel::FuncOp>())
    if (failed(emitKernel(device, kernel, kernels, facts)))
      return {};
  declareLaunch(*module);
  auto launch = [&](const cpu::LaunchSite &site,
                    const cpu::Kernel::Launch &launch) {
    const LaunchFacts &own = facts.find(launch.symbol)->second;
    auto number = [&](int64_t value) -> Value {
      return arith::ConstantIntOp::create(site.b, site.loc, value, 64);
    };
    LLVM::CallOp::create(site.b, site.loc, TypeRange(), "qopt_launch",
                         ValueRange{site.pool, number(own.ordinal),
                                    site.arguments, number(site.count),
                                    site.tasks, number(own.threads),
                                    number(0)});
  };
  cpu::Variant variant{"cuda", feature::none, false, {}, {}};
  for (auto kernel : program.getOps<kernel::FuncOp>())
    cpu::describeLaunches(*module, kernel,
                          kernels.find(kernel.getSymNameAttr())->second,
                          variant.name, /*isOnDevice=*/true, variant.launches);
  for (auto entry : program.getOps<func::FuncOp>()) {
    FailureOr<cpu::Entry> emitted =
        cpu::emitEntry(*module, program, entry, kernels, "cuda", launch);
    if (failed(emitted))
      return {};
    variant.entries.push_back(std::move(*emitted));
  }
  Variables variables = Variables::of(program);
  if (failed(cpu::checkVariables(variables)))
    return {};
  std::vector<std::string> names(facts.size());
  for (const auto &own : facts)
    names[own.second.ordinal] = own.first().str();
  cpu::emitDevice(*module, names, {}); // their code comes when it is linked
  cpu::emitTables(*module, variant, variables, options);
  if (failed(lowerToNvvm(*module)))
    return {};
  return module;
}

} // namespace qopt::cuda
