// Runs one function of a program on files.

#ifndef QOPT_CODEGEN_INTERPRETER_RUNFILES_H
#define QOPT_CODEGEN_INTERPRETER_RUNFILES_H

#include "qopt/codegen/interpreter/Interpreter.h"

namespace qopt::interpreter {

/// Reads each argument from the .npy file that `inputs` ("NAME=FILE") names for
/// it, runs `entry`, and writes each result into `folder`. Arguments and
/// results have the names that `nn.name` says, or are arg0, result0 and so on.
llvm::LogicalResult runFiles(const Interpreter &interpreter,
                             mlir::ModuleOp program, llvm::StringRef entry,
                             llvm::ArrayRef<std::string> inputs,
                             llvm::StringRef folder, const RunOptions &options);

} // namespace qopt::interpreter

#endif // QOPT_CODEGEN_INTERPRETER_RUNFILES_H
