// The weight [V, C] of a head, as the products of a classifier read it.

#ifndef QOPT_CODEGEN_CPU_HEADWEIGHT_H
#define QOPT_CODEGEN_CPU_HEADWEIGHT_H

#include "qopt/codegen/cpu/CodeReader.h"
#include "qopt/codegen/cpu/Product.h"
#include "qopt/codegen/tile/ClassifierOperands.h"

namespace qopt::cpu {

/// Words of a tile: those of the widest tile of a product.
constexpr int64_t tileWords = 64;
/// Words whose rows are read together.
constexpr int64_t wordsOfBlock = 256;

/// Numbers that lie in rows, numbers that lie turned, [C, V], or codes.
class HeadWeight {
public:
  /// Whether `panels` can be asked for; with `byRows`, `rows` too.
  static bool isRead(kernel::FuncOp kernel, mlir::Value weight, bool byRows);

  HeadWeight(Emitter &e, Product &product, mlir::Value weight);

  /// Writes the `count` words from `word` on, a multiple of tileWords, to the
  /// start of the scratch: panels [C, width of the product] as
  /// Product::writePanels reads them.
  void panels(mlir::Value word, mlir::Value count);
  /// Rows of `count` words from `word` on, a multiple of wordsOfBlock, and of
  /// `width` columns from `column` on: where they lie, or in the scratch.
  Strided rows(mlir::Value word, mlir::Value count, mlir::Value column,
               int64_t width);

private:
  /// body(panel, piece, row) for each L rows of codes; `row` counts from
  /// `word`.
  void eachPiece(mlir::Value word, mlir::Value count,
                 llvm::function_ref<void(CodeReader &, mlir::Value row)> body);
  void codePanels(mlir::Value word, mlir::Value count);
  void turnedPanels(mlir::Value word, mlir::Value count);
  /// Where word `row` of the panels begins.
  mlir::Value inPanels(mlir::Value row);
  Strided matrix(mlir::Value word);

  Emitter &e;
  Product &product;
  HeadSource source;
  int64_t words, channels;
};

} // namespace qopt::cpu

#endif // QOPT_CODEGEN_CPU_HEADWEIGHT_H
