// A program outside of the tree that runs one of our passes.

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "qopt/passes/Passes.h"
#include "llvm/Support/raw_ostream.h"

int main(int, char **argv) {
  mlir::MLIRContext context;
  context.loadDialect<mlir::func::FuncDialect, mlir::tensor::TensorDialect,
                      mlir::ml_program::MLProgramDialect, qopt::nn::NnDialect,
                      qopt::kernel::KernelDialect>();
  auto program = mlir::parseSourceFile<mlir::ModuleOp>(argv[1], &context);
  if (!program)
    return 1;
  mlir::PassManager passes(&context);
  passes.addPass(qopt::createOutlineWeights());
  if (failed(passes.run(*program)))
    return 1;
  return program->getOps<qopt::kernel::WeightOp>().empty();
}
