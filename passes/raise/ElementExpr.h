// What one element of a tensor is, as a function of where it stands.
//
// Exporters spell a rotation, a mask or a norm in ever new chains of views and
// pointwise ops. Seen from one element the spelling is gone: reshape, slice,
// concat, gather by a computed index and the like only change which element of
// an earlier tensor is read. `Elements` reads a tensor in this way down to ops
// that it is told to stop at, simplifies, and gives equal expressions the same
// pointer, so that passes compare meanings instead of ops.
//
// Casts between float types are not seen: an expression is a number, and who
// writes it back rounds it once. bools are the numbers 0 and 1.

#ifndef QOPT_PASSES_RAISE_ELEMENTEXPR_H
#define QOPT_PASSES_RAISE_ELEMENTEXPR_H

#include <functional>

#include "qopt/dialects/nn/Dims.h"
#include "qopt/dialects/nn/Nn.h"
#include "qopt/passes/raise/IndexExpr.h"

namespace qopt {

/// A node of an expression; two that look alike are one.
struct ElementExpr {
  enum Kind { number, index, load, apply } kind;
  double value;                                    ///< of a number
  IndexExpr position;                              ///< of an index: an integer
  mlir::Value tensor;                              ///< what is loaded
  std::vector<IndexExpr> at;                       ///< and where
  llvm::StringRef code;                            ///< what is applied
  llvm::SmallVector<const ElementExpr *> operands; ///< to these
  unsigned id;                                     ///< order of creation
  double weight = 1; ///< nodes of the tree that it stands for
};
using Element = const ElementExpr *;
using Indices = std::vector<IndexExpr>;

class Elements;

/// Constants, wherever they lie: masks and indices that an exporter folded,
/// rotary tables.
class Tables {
public:
  /// The element at `at`, if a number or a formula tells it; null otherwise.
  Element read(Elements &elements, mlir::Value tensor, const Indices &at);
  /// The first of the places in a row that hold the same as `at`.
  Indices canonical(mlir::Value tensor, Indices at, IndexSpace &space);

private:
  struct Table;
  Table *find(mlir::Value tensor);
  llvm::DenseMap<mlir::Value, std::shared_ptr<Table>> known;
};

/// Builds and simplifies expressions for the tensors of one function.
class Elements {
public:
  explicit Elements(mlir::func::FuncOp function)
      : dims(function), function(function) {}

  Element number(double value);
  Element index(const IndexExpr &position);
  Element load(mlir::Value tensor, const Indices &at);
  /// `code` is the mnemonic of an nn op; compare and cast are "lt", "le", "eq",
  /// "ge0" and "eq0" (of an index), "truncate".
  Element apply(llvm::StringRef code, llvm::ArrayRef<Element> operands);
  Element compare(nn::Predicate predicate, Element a, Element b);

  /// The element of `tensor` at `at`, read through the ops for which `through`
  /// holds; others are loaded from.
  using Through = std::function<bool(mlir::Operation *)>;
  Element read(mlir::Value tensor, const Indices &at, const Through &through);

  /// `expr` with `variable`, an atom, replaced.
  Element replace(Element expr, const IndexExpr &variable,
                  const IndexExpr &with);
  bool mentions(Element expr, const IndexExpr &variable);
  /// As an integer, if it is one for certain.
  std::optional<IndexExpr> asIndex(Element expr);
  bool isBool(Element expr);

  /// Sizes of `tensor`; an unknown one is an atom of its own.
  Indices sizes(mlir::Value tensor);
  IndexExpr ofAffine(mlir::AffineExpr expr);
  std::optional<IndexExpr> ofIndexValue(mlir::Value index);
  /// One variable for each dimension of `tensor`.
  Indices variables(mlir::Value tensor);

  IndexSpace space;
  Tables tables;
  nn::Dims dims;
  mlir::func::FuncOp function;

private:
  friend class ElementReader;
  Element unique(ElementExpr expr);
  double weightOf(const IndexExpr &expr);
  Element logic(llvm::StringRef code, Element a, Element b);
  Element select(Element condition, Element yes, Element no);
  Element arithmetic(llvm::StringRef code, Element a, Element b);
  Element unary(llvm::StringRef code, Element a);
  Element inverted(Element condition);
  bool isTable(Element expr);
  IndexExpr replace(const IndexExpr &expr, const IndexExpr &variable,
                    const IndexExpr &with);

  std::vector<std::unique_ptr<ElementExpr>> nodes;
  std::map<std::vector<int64_t>, Element> known;
  std::map<unsigned, double> atomWeights;
  std::map<unsigned, IndexExpr> symbols;
  std::map<std::pair<const void *, unsigned>, IndexExpr> unknownSizes;
};

/// Numbers that a tensor surely holds: a constant, or a global that nothing
/// writes. Null if they are not in the program.
mlir::DenseElementsAttr getNumbers(mlir::Value value);

/// Ops that compute each element from elements at computed places.
bool isView(mlir::Operation *op);
/// Views, and ops that work element by element.
bool isViewOrPointwise(mlir::Operation *op);

} // namespace qopt

#endif // QOPT_PASSES_RAISE_ELEMENTEXPR_H
