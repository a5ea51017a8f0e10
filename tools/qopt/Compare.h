// Compares what was compiled with what the program means.

#ifndef QOPT_TOOLS_QOPT_COMPARE_H
#define QOPT_TOOLS_QOPT_COMPARE_H

#include "mlir/IR/BuiltinOps.h"
#include "qopt/dialects/nn/WeightFile.h"
#include "qopt/tools/qopt/Compile.h"

namespace qopt::driver {

/// Runs the first entry of `object`, the code of `kernels`, and `original` in
/// the interpreter on the same inputs. Prints, for each result, the largest
/// error, the error relative to the result's range, cosine and agreement of the
/// largest element of each row; fails if one is over the tolerance.
llvm::LogicalResult comparePrograms(mlir::ModuleOp original,
                                    mlir::ModuleOp kernels,
                                    llvm::ArrayRef<char> object,
                                    nn::WeightFiles &files,
                                    const Options &options);

} // namespace qopt::driver

#endif // QOPT_TOOLS_QOPT_COMPARE_H
