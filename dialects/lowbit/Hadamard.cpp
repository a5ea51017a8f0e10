// Hadamard matrices by Sylvester and Paley, and products of them.
//
// Paley's constructions need a field with q elements, q a prime power p^k. Its
// elements are polynomials over the integers modulo p, numbered by their
// digits to the base p, modulo a polynomial that has no factor. k is at most 3
// here, where a polynomial without a root has none. chi(a) tells a square (1)
// from a non-square (-1); chi(0) = 0.

#include "qopt/dialects/lowbit/Hadamard.h"

#include <cmath>
#include <limits>

#include "qopt/dialects/lowbit/Philox.h"

using namespace llvm;

namespace qopt::lowbit {

/// Orders beyond this have no use, and their matrices cost memory.
static constexpr int64_t largestPaley = 2048;

static bool isPowerOfTwo(int64_t n) { return n > 0 && (n & (n - 1)) == 0; }

namespace {

/// A finite field of q = p^k elements, k <= 3.
class Field {
public:
  /// q must be a prime power with k <= 3.
  Field(int64_t p, int64_t k) : p(p), k(k), q(1) {
    for (int64_t i = 0; i < k; ++i)
      q *= p;
    findModulus();
    squares.assign(q, -1);
    squares[0] = 0;
    for (int64_t a = 1; a < q; ++a)
      squares[multiply(a, a)] = 1;
  }

  int64_t subtract(int64_t a, int64_t b) const {
    int64_t result = 0;
    for (int64_t i = 0, place = 1; i < k; ++i, place *= p) {
      result += (a % p - b % p + p) % p * place;
      a /= p, b /= p;
    }
    return result;
  }
  int8_t chi(int64_t a) const { return squares[a]; }

private:
  /// x^k = modulus[0] + modulus[1] x + ..., the first that has no root.
  void findModulus() {
    for (int64_t code = 0; code < q; ++code) {
      int64_t digits = code;
      for (int64_t i = 0; i < k; ++i, digits /= p)
        modulus[i] = digits % p;
      bool hasRoot = false;
      for (int64_t x = 0; x < p && k > 1; ++x) {
        int64_t power = 1, sum = 0;
        for (int64_t i = 0; i < k; ++i, power = power * x % p)
          sum = (sum + modulus[i] * power) % p;
        hasRoot |= power == sum; // power is x^k
      }
      if (!hasRoot)
        return;
    }
  }

  int64_t multiply(int64_t a, int64_t b) const {
    int64_t digits[6] = {};
    for (int64_t i = 0; i < k; ++i, a /= p)
      for (int64_t j = 0, rest = b; j < k; ++j, rest /= p)
        digits[i + j] = (digits[i + j] + (a % p) * (rest % p)) % p;
    for (int64_t i = 2 * k - 2; i >= k; --i)
      for (int64_t j = 0; j < k; ++j)
        digits[i - k + j] = (digits[i - k + j] + digits[i] * modulus[j]) % p;
    int64_t result = 0;
    for (int64_t i = k; i-- > 0;)
      result = result * p + digits[i];
    return result;
  }

  int64_t p, k, q;
  int64_t modulus[3] = {};
  std::vector<int8_t> squares;
};

} // namespace

/// Whether q is p^k with an odd prime p and k <= 3.
static bool isPrimePower(int64_t q, int64_t &p, int64_t &k) {
  for (p = 3; p * p <= q && q % p != 0; p += 2)
    ;
  if (q < 3 || q % 2 == 0)
    return false;
  if (q % p != 0)
    p = q;
  for (k = 0; q % p == 0; q /= p)
    ++k;
  return q == 1 && k <= 3;
}

/// Which of Paley's constructions gives this order: 1, 2, or 0 for none.
static int paleyKind(int64_t order, int64_t &p, int64_t &k) {
  if (order < 4 || order % 4 != 0 || order > largestPaley)
    return 0;
  if ((order - 1) % 4 == 3 && isPrimePower(order - 1, p, k))
    return 1;
  int64_t q = order / 2 - 1;
  return q % 4 == 1 && isPrimePower(q, p, k) ? 2 : 0;
}

bool hasHadamard(int64_t order) {
  int64_t p, k;
  return isPowerOfTwo(order) || paleyKind(order, p, k) != 0;
}

static std::vector<int8_t> sylvester(int64_t order) {
  std::vector<int8_t> matrix(order * order);
  for (int64_t i = 0; i < order; ++i)
    for (int64_t j = 0; j < order; ++j)
      matrix[i * order + j] = __builtin_parityll(i & j) ? -1 : 1;
  return matrix;
}

std::vector<int8_t> hadamardMatrix(int64_t order) {
  if (isPowerOfTwo(order))
    return sylvester(order);
  int64_t p = 0, k = 0;
  int kind = paleyKind(order, p, k);
  if (!kind)
    return {};
  Field field(p, k);
  int64_t size = kind == 1 ? order : order / 2; // q + 1
  // S = [[0, 1^T], [-1, J]] of the first kind, [[0, 1^T], [1, J]] of the
  // second.
  auto S = [&](int64_t a, int64_t b) -> int8_t {
    if (a == 0 || b == 0)
      return a == b ? 0 : a == 0 ? 1 : kind == 1 ? -1 : 1;
    return field.chi(field.subtract(a - 1, b - 1));
  };
  std::vector<int8_t> matrix(order * order);
  if (kind == 1) { // I + S
    for (int64_t a = 0; a < size; ++a)
      for (int64_t b = 0; b < size; ++b)
        matrix[a * order + b] = S(a, b) + (a == b);
    return matrix;
  }
  // S x [[1, 1], [1, -1]] + I x [[1, -1], [-1, -1]]
  static constexpr int8_t ofS[2][2] = {{1, 1}, {1, -1}};
  static constexpr int8_t ofI[2][2] = {{1, -1}, {-1, -1}};
  for (int64_t a = 0; a < order; ++a)
    for (int64_t b = 0; b < order; ++b)
      matrix[a * order + b] = S(a / 2, b / 2) * ofS[a % 2][b % 2] +
                              (a / 2 == b / 2) * ofI[a % 2][b % 2];
  return matrix;
}

std::vector<int8_t> hadamardSigns(uint64_t seed, int64_t n) {
  std::vector<int8_t> signs(n);
  uint32_t block[4];
  for (int64_t i = 0; i < n; ++i) {
    if (i % 128 == 0)
      philox(seed, i / 128, block);
    signs[i] = block[i % 128 / 32] >> (i % 32) & 1 ? -1 : 1;
  }
  return signs;
}

namespace {

/// Looks for Paley orders whose odd parts multiply to a number.
struct FactorSearch {
  /// `odd` is left to be covered, with 2^twos to spend, by orders >= `least`.
  void run(int64_t odd, int64_t twos, int64_t least, int64_t sum) {
    if (sum >= bestSum)
      return;
    if (odd == 1) {
      best = chosen;
      bestSum = sum;
      return;
    }
    for (int64_t exponent = 2; exponent <= twos; ++exponent)
      for (int64_t part = 3; part <= odd; part += 2) {
        int64_t order = part << exponent, p, k;
        if (odd % part != 0 || order < least || order > largestPaley ||
            !paleyKind(order, p, k))
          continue;
        chosen.push_back(order);
        run(odd / part, twos - exponent, order, sum + order);
        chosen.pop_back();
      }
  }

  SmallVector<int64_t> chosen, best;
  int64_t bestSum = std::numeric_limits<int64_t>::max();
};

} // namespace

SmallVector<int64_t> factorHadamard(int64_t n) {
  if (n < 1)
    return {};
  int64_t twos = __builtin_ctzll(n);
  FactorSearch search;
  search.run(n >> twos, twos, 0, 0);
  if (search.bestSum == std::numeric_limits<int64_t>::max())
    return {};
  SmallVector<int64_t> orders = search.best;
  for (int64_t order : orders)
    n /= order;
  if (n > 1 || orders.empty())
    orders.push_back(n);
  return orders;
}

/// y = x H along one factor; `inner` elements lie between its entries.
static void rotateFactor(double *x, int64_t n, int64_t order, int64_t inner,
                         bool transposed) {
  std::vector<int8_t> matrix;
  if (!isPowerOfTwo(order))
    matrix = hadamardMatrix(order);
  std::vector<double> column(order);
  for (int64_t outer = 0; outer < n; outer += order * inner)
    for (int64_t i = 0; i < inner; ++i) {
      double *first = x + outer + i;
      if (matrix.empty()) { // butterflies; Sylvester's is symmetric
        for (int64_t half = 1; half < order; half *= 2)
          for (int64_t a = 0; a < order; ++a)
            if (!(a & half)) {
              double &u = first[a * inner], &v = first[(a + half) * inner];
              double sum = u + v;
              v = u - v;
              u = sum;
            }
        continue;
      }
      for (int64_t a = 0; a < order; ++a)
        column[a] = first[a * inner];
      for (int64_t b = 0; b < order; ++b) {
        double sum = 0;
        for (int64_t a = 0; a < order; ++a)
          sum += column[a] * matrix[transposed ? b * order + a : a * order + b];
        first[b * inner] = sum;
      }
    }
}

void rotate(double *x, int64_t n, ArrayRef<int64_t> orders,
            ArrayRef<int8_t> signs, bool transposed) {
  auto flip = [&] {
    for (int64_t i = 0; i < int64_t(signs.size()); ++i)
      x[i] *= signs[i];
  };
  if (!transposed)
    flip();
  int64_t inner = n;
  for (int64_t order : orders) {
    inner /= order;
    rotateFactor(x, n, order, inner, transposed);
  }
  double scale = 1 / std::sqrt(double(n));
  for (int64_t i = 0; i < n; ++i)
    x[i] *= scale;
  if (transposed)
    flip();
}

} // namespace qopt::lowbit
