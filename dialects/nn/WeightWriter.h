// Moves large weights out of a program into a safetensors file.

#ifndef QOPT_DIALECTS_NN_WEIGHTWRITER_H
#define QOPT_DIALECTS_NN_WEIGHTWRITER_H

#include "qopt/dialects/nn/WeightFile.h"

namespace qopt::nn {

/// Gives every global whose value lies in a file, or is a constant of more than
/// 1 KiB, a key in the safetensors file `path` as its value; the key is the
/// name of the global. The file is written tensor by tensor to a temporary name
/// and renamed, so it may be the one that the weights come from. With `elide`
/// only the program changes and no file is written.
llvm::LogicalResult moveWeights(mlir::ModuleOp program, WeightFiles &files,
                                llvm::StringRef path, bool elide = false);

} // namespace qopt::nn

#endif // QOPT_DIALECTS_NN_WEIGHTWRITER_H
