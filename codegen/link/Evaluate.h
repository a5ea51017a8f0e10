// What a chain of ops on parameters is, as bytes.

#ifndef QOPT_CODEGEN_LINK_EVALUATE_H
#define QOPT_CODEGEN_LINK_EVALUATE_H

#include <vector>

#include "mlir/IR/BuiltinOps.h"
#include "qopt/codegen/interpreter/Interpreter.h"
#include "qopt/dialects/kernel/Kernel.h"
#include "qopt/dialects/nn/WeightFile.h"

namespace qopt::link {

/// The interpreter's value of the weight, row-major in its element type.
llvm::LogicalResult evaluate(kernel::WeightOp weight, mlir::ModuleOp program,
                             nn::WeightFiles &files, std::vector<char> &bytes);

/// Elements as they lie in memory; they are rounded already.
void store(const interpreter::Tensor &tensor, mlir::Type element,
           std::vector<char> &bytes);

} // namespace qopt::link

#endif // QOPT_CODEGEN_LINK_EVALUATE_H
