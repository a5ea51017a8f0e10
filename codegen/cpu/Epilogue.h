// What follows a product of matrices in its kernel: scale, bias, elementwise
// ops, a low-rank branch; a vector of outputs of one row at a time.

#ifndef QOPT_CODEGEN_CPU_EPILOGUE_H
#define QOPT_CODEGEN_CPU_EPILOGUE_H

#include "qopt/codegen/cpu/Emitter.h"
#include "qopt/codegen/tile/Math.h"

namespace qopt::cpu {

/// The first `width` of `lanes`; none if negative.
mlir::Value maskOf(Emitter &e, int64_t lanes, mlir::Value width);

/// Loads the lanes of `mask`, all without one, the others are zero; floats of
/// 16 bits become f32.
mlir::Value loadVector(Emitter &e, int64_t lanes, mlir::Value base,
                       mlir::Value index, mlir::Type element, mlir::Value mask);
/// Loads the first `width` of `lanes` elements, likewise.
mlir::Value loadVector(Emitter &e, int64_t lanes, mlir::Value base,
                       mlir::Value index, mlir::Type element, int64_t width);
/// Stores the lanes of `mask`, all without one.
void storeVector(Emitter &e, mlir::Value value, mlir::Value base,
                 mlir::Value index, mlir::Value mask);
/// Stores the first `width` lanes.
void storeVector(Emitter &e, mlir::Value value, mlir::Value base,
                 mlir::Value index, int64_t width);
/// Stores the first `width` lanes.
void storeVector(Emitter &e, mlir::Value value, mlir::Value base,
                 mlir::Value index, int64_t width);

/// Whether `op` can follow a linear layer in its kernel. An nn.linear whose
/// input and weight are arguments is the second half of a low-rank branch.
bool isEpilogueOp(mlir::Operation *op, kernel::FuncOp kernel);

/// Writes what follows a product.
class Epilogue {
public:
  /// `linear` has N outputs, kDynamic if only the kernel's symbols say how
  /// many, and maybe a bias; its kernel has one result.
  Epilogue(Emitter &e, mlir::Operation *linear, mlir::Value bias,
           int64_t outputs, int64_t lanes)
      : e(e), m{e.b, e.loc}, linear(linear), bias(bias), outputs(outputs),
        lanes(lanes) {}

  /// Stores the result for the vector `sum` of `row` that begins at `column`, a
  /// multiple of the lanes; what lies behind the last output is left out.
  void finish(mlir::Value sum, mlir::Value row, mlir::Value column);
  /// Asks for the lines that it will read and write, ahead of it.
  void prefetch(mlir::Value row, mlir::Value column);
  /// The same where all lanes are outputs, or those of `mask` are.
  void finish(mlir::Value sum, mlir::Value row, mlir::Value column,
              mlir::Value mask);

private:
  mlir::Value position(mlir::Value row, mlir::Value column);
  mlir::Value operand(mlir::Value tensor, mlir::Value row, mlir::Value column,
                      mlir::Value mask);
  mlir::Value branch(mlir::Operation *op, mlir::Value row, mlir::Value column);
  mlir::Value rounded(mlir::Value value, mlir::Value tensor);
  mlir::Value compute(mlir::Value sum, mlir::Value row, mlir::Value column,
                      mlir::Value mask);

  Emitter &e;
  Math m;
  mlir::Operation *linear;
  mlir::Value bias;
  int64_t outputs, lanes;
};

} // namespace qopt::cpu

#endif // QOPT_CODEGEN_CPU_EPILOGUE_H
