// A row of logits that the threads of a block take turn by turn.

#ifndef QOPT_CODEGEN_CUDA_LOGITROW_H
#define QOPT_CODEGEN_CUDA_LOGITROW_H

#include "qopt/codegen/cuda/Turns.h"

namespace qopt::cuda {

/// Of floats of any type, as f32. All threads ask together; all get the answer.
struct LogitRow {
  Emitter &e;
  mlir::Value base; ///< llvm.ptr
  mlir::Type element;
  mlir::Value start, size; ///< in elements

  /// Row `row` of a tensor.
  static LogitRow of(Emitter &e, mlir::Value tensor, mlir::Value row);

  mlir::Value at(mlir::Value v);
  mlir::Value largest();
  /// The sum of e^(x - most).
  mlir::Value sum(mlir::Value most);
  /// ln(sum(e^x)).
  mlir::Value logSum();
};

/// sum(p * ((z - log of z) - (x - log of x))) with p = e^(z - log of z), for
/// the rows x of a student and z of a teacher.
mlir::Value divergence(LogitRow student, mlir::Value log, LogitRow teacher,
                       mlir::Value teacherLog);

} // namespace qopt::cuda

#endif // QOPT_CODEGEN_CUDA_LOGITROW_H
