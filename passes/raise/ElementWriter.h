// Writes tensors from what their elements are.

#ifndef QOPT_PASSES_RAISE_ELEMENTWRITER_H
#define QOPT_PASSES_RAISE_ELEMENTWRITER_H

#include "mlir/IR/Builders.h"
#include "qopt/passes/raise/ElementExpr.h"

namespace qopt {

/// Creates ops at the builder's place; common ones are left to cse.
class ElementWriter {
public:
  ElementWriter(Elements &elements, mlir::OpBuilder &builder,
                mlir::Location loc)
      : e(elements), builder(builder), loc(loc) {}

  /// A tensor whose element at `variables` is `expr`, with size 1 along each
  /// variable that `expr` does not depend on. Numbers get the type `number`.
  /// Null if it cannot be written; what was created is dead then.
  mlir::Value write(Element expr, const Indices &variables, mlir::Type number);
  /// `expr` as an index, from the sizes of the function's arguments.
  mlir::Value writeSize(const IndexExpr &expr);
  /// `tensor` with axes of size 1 repeated up to `sizes`.
  mlir::Value repeat(mlir::Value tensor, const Indices &sizes);

private:
  struct Part {
    unsigned variable; ///< which one runs along it
    IndexExpr extent;
  };
  mlir::Value writeLoad(Element expr, const Indices &variables);
  mlir::Value writeIndex(const IndexExpr &expr, const Indices &variables);
  mlir::Value writeApply(Element expr, const Indices &variables,
                         mlir::Type number);
  mlir::Value pick(mlir::Value tensor, int64_t axis, const IndexExpr &position,
                   const Indices &variables, std::vector<Part> &parts);
  mlir::Value gather(mlir::Value tensor, int64_t axis,
                     const IndexExpr &position, const Indices &variables,
                     std::vector<Part> &parts);
  IndexExpr unwrapped(const IndexExpr &position, const IndexExpr &size);
  void learn(mlir::Value value);
  mlir::Value reshape(mlir::Value tensor, const Indices &sizes);
  mlir::Value cast(mlir::Value tensor, mlir::Type type);
  IndexExpr extentOf(const IndexExpr &variable);

  Elements &e;
  mlir::OpBuilder &builder;
  mlir::Location loc;
};

} // namespace qopt

#endif // QOPT_PASSES_RAISE_ELEMENTWRITER_H
