// A product, whatever multiplications, divisions and roots it is written in.

#ifndef QOPT_PASSES_RAISE_FACTORS_H
#define QOPT_PASSES_RAISE_FACTORS_H

#include "qopt/passes/raise/ElementExpr.h"

namespace qopt {

/// scale * base^power * base^power * ...
struct Factors {
  double scale = 1;
  llvm::SmallVector<std::pair<Element, double>> powers;

  /// The power of `base`, which is taken out; 0 if it does not occur.
  double take(Element base);
};
Factors factorsOf(Element expr);

} // namespace qopt

#endif // QOPT_PASSES_RAISE_FACTORS_H
