// The dialects that a program may hold on its way, in one list.

#ifndef QOPT_DIALECTS_DIALECTS_H
#define QOPT_DIALECTS_DIALECTS_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/MLIRContext.h"
#include "qopt/dialects/kernel/Kernel.h"
#include "qopt/dialects/lowbit/Lowbit.h"
#include "qopt/dialects/nn/Nn.h"
#include "qopt/dialects/train/Train.h"

namespace qopt {

/// What is ours: a stock mlir-opt has the others already.
inline void registerOurDialects(mlir::DialectRegistry &registry) {
  registry.insert<nn::NnDialect, lowbit::LowbitDialect, train::TrainDialect,
                  kernel::KernelDialect>();
}

/// All of them.
inline void registerDialects(mlir::DialectRegistry &registry) {
  registerOurDialects(registry);
  registry.insert<mlir::arith::ArithDialect, mlir::func::FuncDialect,
                  mlir::tensor::TensorDialect,
                  mlir::ml_program::MLProgramDialect>();
}

/// Loads all of them.
inline void loadDialects(mlir::MLIRContext &context) {
  mlir::DialectRegistry registry;
  registerDialects(registry);
  context.appendDialectRegistry(registry);
  context.loadAllAvailableDialects();
}

} // namespace qopt

#endif // QOPT_DIALECTS_DIALECTS_H
