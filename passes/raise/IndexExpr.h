// Integers that depend on where an element stands: polynomials with bounds.

#ifndef QOPT_PASSES_RAISE_INDEXEXPR_H
#define QOPT_PASSES_RAISE_INDEXEXPR_H

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace qopt {

struct ElementExpr;

/// A polynomial with integer coefficients over atoms, which an `IndexSpace`
/// knows by number. Two polynomials with the same terms are the same number.
class IndexExpr {
public:
  /// Atoms in ascending order, one entry per power.
  using Monomial = std::vector<unsigned>;
  /// By degree first: dividing by the last term then always ends.
  struct Graded {
    bool operator()(const Monomial &a, const Monomial &b) const {
      return a.size() != b.size() ? a.size() < b.size() : a < b;
    }
  };

  IndexExpr(int64_t constant = 0);
  static IndexExpr ofAtom(unsigned atom);

  IndexExpr operator+(const IndexExpr &other) const;
  IndexExpr operator-(const IndexExpr &other) const;
  IndexExpr operator*(const IndexExpr &other) const;
  bool operator==(const IndexExpr &other) const { return terms == other.terms; }
  bool operator!=(const IndexExpr &other) const { return terms != other.terms; }

  std::optional<int64_t> constant() const;
  /// What stands before `atom`, if it occurs with power one at most.
  std::optional<IndexExpr> coefficient(unsigned atom) const;
  bool mentions(unsigned atom) const;
  /// Every coefficient is at least 0 (times `sign`).
  bool allCoefficients(int sign) const;

  /// Monomial to coefficient, which is never 0.
  std::map<Monomial, int64_t, Graded> terms;
};

/// What is known of one atom.
struct IndexAtom {
  enum Kind { size, variable, quotient, data } kind;
  bool nonNegative;                 ///< at least 0
  std::optional<IndexExpr> extent;  ///< the atom is less than this
  IndexExpr numerator, denominator; ///< of a quotient, rounded down
  const ElementExpr *element;       ///< an integer read from a tensor
};

/// The atoms, and what follows from their bounds.
class IndexSpace {
public:
  IndexExpr addSize();
  /// From 0 up to `extent`; 0 itself if there is only one place.
  IndexExpr addVariable(const IndexExpr &extent);
  IndexExpr ofData(const ElementExpr *element);

  /// Rounded down, for a positive `divisor`.
  IndexExpr floorDiv(const IndexExpr &value, const IndexExpr &divisor);
  IndexExpr remainder(const IndexExpr &value, const IndexExpr &divisor);
  /// True if it can be proven, for sizes of 0 and more.
  bool isNonNegative(IndexExpr value) const;

  const IndexAtom &operator[](unsigned atom) const { return atoms[atom]; }

private:
  std::vector<IndexAtom> atoms;
};

} // namespace qopt

#endif // QOPT_PASSES_RAISE_INDEXEXPR_H
