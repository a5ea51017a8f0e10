// A float model that another learns from.

#ifndef QOPT_TOOLS_QOPT_TEACHER_H
#define QOPT_TOOLS_QOPT_TEACHER_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/JSON.h"

namespace qopt::driver {

/// Adds the function `teacher` of the model at `path`, ids to logits, to a
/// program. Its large weights stay in the model's files, which are mapped as
/// the program runs, or, for a device, copied from there. Refused: a model
/// without tokens or logits, another vocabulary.
llvm::LogicalResult addTeacher(mlir::ModuleOp program, llvm::StringRef path,
                               bool forDevice);

/// The files of the teacher; null: there is none.
llvm::json::Value describeTeacher(mlir::ModuleOp program);

} // namespace qopt::driver

#endif // QOPT_TOOLS_QOPT_TEACHER_H
