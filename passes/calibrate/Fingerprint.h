// What stands for a program, its weights and its data.

#ifndef QOPT_PASSES_CALIBRATE_FINGERPRINT_H
#define QOPT_PASSES_CALIBRATE_FINGERPRINT_H

#include "mlir/IR/BuiltinOps.h"

namespace qopt::calibrate {

/// A hash of the text of a program, the numbers of its weights, `data` and
/// `options`. Fails with an error where a weight cannot be read.
llvm::FailureOr<std::string>
fingerprintOf(mlir::ModuleOp program, uint64_t data, llvm::StringRef options);

} // namespace qopt::calibrate

#endif // QOPT_PASSES_CALIBRATE_FINGERPRINT_H
