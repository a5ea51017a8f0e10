// Arithmetic on polynomials, and the division that undoes flattening.

#include "qopt/passes/raise/IndexExpr.h"

#include <algorithm>

namespace qopt {

IndexExpr::IndexExpr(int64_t constant) {
  if (constant)
    terms[{}] = constant;
}

IndexExpr IndexExpr::ofAtom(unsigned atom) {
  IndexExpr expr;
  expr.terms[{atom}] = 1;
  return expr;
}

static void addTerm(IndexExpr &sum, const IndexExpr::Monomial &monomial,
                    int64_t coefficient) {
  auto [term, isNew] = sum.terms.try_emplace(monomial, coefficient);
  if (!isNew && (term->second += coefficient) == 0)
    sum.terms.erase(term);
}

IndexExpr IndexExpr::operator+(const IndexExpr &other) const {
  IndexExpr sum = *this;
  for (const auto &[monomial, coefficient] : other.terms)
    addTerm(sum, monomial, coefficient);
  return sum;
}

IndexExpr IndexExpr::operator-(const IndexExpr &other) const {
  return *this + other * IndexExpr(-1);
}

IndexExpr IndexExpr::operator*(const IndexExpr &other) const {
  IndexExpr product;
  for (const auto &[a, ca] : terms)
    for (const auto &[b, cb] : other.terms) {
      Monomial both(a.size() + b.size());
      std::merge(a.begin(), a.end(), b.begin(), b.end(), both.begin());
      addTerm(product, both, ca * cb);
    }
  return product;
}

std::optional<int64_t> IndexExpr::constant() const {
  if (terms.empty())
    return 0;
  if (terms.size() == 1 && terms.begin()->first.empty())
    return terms.begin()->second;
  return std::nullopt;
}

bool IndexExpr::mentions(unsigned atom) const {
  return std::any_of(terms.begin(), terms.end(), [&](const auto &term) {
    return std::binary_search(term.first.begin(), term.first.end(), atom);
  });
}

std::optional<IndexExpr> IndexExpr::coefficient(unsigned atom) const {
  IndexExpr factor;
  for (const auto &[monomial, value] : terms) {
    auto [first, last] =
        std::equal_range(monomial.begin(), monomial.end(), atom);
    if (last - first > 1)
      return std::nullopt;
    if (first == last)
      continue;
    Monomial rest(monomial.begin(), first);
    rest.insert(rest.end(), last, monomial.end());
    addTerm(factor, rest, value);
  }
  return factor;
}

bool IndexExpr::allCoefficients(int sign) const {
  return std::all_of(terms.begin(), terms.end(),
                     [&](const auto &term) { return term.second * sign >= 0; });
}

IndexExpr IndexSpace::addSize() {
  atoms.push_back({IndexAtom::size, true, {}, {}, {}, nullptr});
  return IndexExpr::ofAtom(atoms.size() - 1);
}

IndexExpr IndexSpace::addVariable(const IndexExpr &extent) {
  if (extent == IndexExpr(1))
    return IndexExpr();
  atoms.push_back({IndexAtom::variable, true, extent, {}, {}, nullptr});
  return IndexExpr::ofAtom(atoms.size() - 1);
}

IndexExpr IndexSpace::ofData(const ElementExpr *element) {
  for (unsigned i = 0; i < atoms.size(); ++i)
    if (atoms[i].element == element)
      return IndexExpr::ofAtom(i);
  atoms.push_back({IndexAtom::data, false, {}, {}, {}, element});
  return IndexExpr::ofAtom(atoms.size() - 1);
}

/// value = quotient * divisor + rest, as far as whole terms divide.
static IndexExpr divideTerms(const IndexExpr &divisor, IndexExpr &rest) {
  const auto &[lead, leadCoefficient] = *divisor.terms.rbegin();
  IndexExpr quotient;
  for (bool divided = true; divided;) {
    divided = false;
    for (const auto &[monomial, coefficient] : rest.terms) {
      if (coefficient % leadCoefficient != 0 ||
          !std::includes(monomial.begin(), monomial.end(), lead.begin(),
                         lead.end()))
        continue;
      IndexExpr::Monomial left;
      std::set_difference(monomial.begin(), monomial.end(), lead.begin(),
                          lead.end(), std::back_inserter(left));
      IndexExpr term;
      term.terms[left] = coefficient / leadCoefficient;
      quotient = quotient + term;
      rest = rest - term * divisor;
      divided = true;
      break; // `rest` has changed
    }
  }
  return quotient;
}

IndexExpr IndexSpace::floorDiv(const IndexExpr &value,
                               const IndexExpr &divisor) {
  if (divisor.terms.empty())
    return addSize(); // a size of 0: there is no element to ask about
  IndexExpr rest = value;
  IndexExpr quotient = divideTerms(divisor, rest);
  if (auto r = rest.constant(), d = divisor.constant(); r && d)
    return quotient + (*r >= 0 ? *r / *d : -((-*r + *d - 1) / *d));
  if (isNonNegative(rest) && isNonNegative(divisor - rest - 1))
    return quotient;
  for (unsigned i = 0; i < atoms.size(); ++i)
    if (atoms[i].kind == IndexAtom::quotient && atoms[i].numerator == rest &&
        atoms[i].denominator == divisor)
      return quotient + IndexExpr::ofAtom(i);
  // The bound of one variable divides if its extent does.
  std::optional<IndexExpr> extent;
  if (rest.terms.size() == 1 && rest.terms.begin()->second == 1 &&
      rest.terms.begin()->first.size() == 1)
    if (auto whole = atoms[rest.terms.begin()->first[0]].extent) {
      IndexExpr left = *whole;
      IndexExpr groups = divideTerms(divisor, left);
      if (left.terms.empty())
        extent = groups;
    }
  atoms.push_back({IndexAtom::quotient, isNonNegative(rest), extent, rest,
                   divisor, nullptr});
  return quotient + IndexExpr::ofAtom(atoms.size() - 1);
}

IndexExpr IndexSpace::remainder(const IndexExpr &value,
                                const IndexExpr &divisor) {
  return value - floorDiv(value, divisor) * divisor;
}

bool IndexSpace::isNonNegative(IndexExpr value) const {
  // Each bounded atom goes to the end of its range that is worst.
  for (unsigned atom = atoms.size(); atom-- > 0;) {
    if (!value.mentions(atom))
      continue;
    if (!atoms[atom].nonNegative)
      return false;
    auto factor = value.coefficient(atom);
    if (!factor)
      return false;
    if (!atoms[atom].extent)
      continue;
    IndexExpr self = IndexExpr::ofAtom(atom);
    if (factor->allCoefficients(1))
      value = value - *factor * self;
    else if (factor->allCoefficients(-1))
      value = value + *factor * (*atoms[atom].extent - 1 - self);
    else
      return false;
  }
  return value.allCoefficients(1);
}

} // namespace qopt
