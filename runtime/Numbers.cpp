// exp, log and cos: an argument reduced to where a Taylor series is short.

#include "qopt/runtime/Numbers.h"

#include <stdint.h>
#include <string.h>

namespace qopt::runtime {

static uint64_t bitsOf(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static double fromBits(uint64_t bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static double infinity() { return fromBits(0x7ff0000000000000); }

/// 2^k for a normal result.
static double powerOfTwo(int64_t k) {
  return fromBits(static_cast<uint64_t>(k + 1023) << 52);
}

// ln 2 in two parts; the first has 32 trailing zeros, so that k times it is
// exact.
constexpr double ln2High = 6.93147180369123816490e-01;
constexpr double ln2Low = 1.90821492927058770002e-10;

double exponential(double x) {
  if (x != x)
    return x;
  if (x > 709.782712893384)
    return infinity();
  if (x < -745.1332191019412)
    return 0;

  // x = k ln 2 + r, |r| <= 0.35. Adding 1.5 * 2^52 rounds to an integer.
  constexpr double rounder = 6755399441055744.0;
  double k = (x * 1.44269504088896338700 + rounder) - rounder;
  double high = x - k * ln2High, low = k * ln2Low;
  double r = high - low;

  // e^r = 1 + r + r^2 q(r); the first term left out, r^14/14!, is below 2^-57.
  constexpr double terms[] = {1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800,
                              1.0 / 3628800,    1.0 / 362880,    1.0 / 40320,
                              1.0 / 5040,       1.0 / 720,       1.0 / 120,
                              1.0 / 24,         1.0 / 6,         1.0 / 2};
  double q = 0;
  for (double term : terms)
    q = q * r + term;
  double result = 1 + (high + (r * r * q - low));

  // In two steps where 2^k itself is not a normal number.
  int64_t power = static_cast<int64_t>(k);
  if (power > 1023)
    return result * powerOfTwo(power - 1) * 2;
  if (power < -1022)
    return result * powerOfTwo(power + 64) * powerOfTwo(-64);
  return result * powerOfTwo(power);
}

double logarithm(double x) {
  if (x == 0)
    return -infinity();
  if (x < 0)
    return fromBits(0x7ff8000000000000);
  if (x != x || x == infinity())
    return x;

  // x = 2^k (1 + f), 1 + f between sqrt(1/2) and sqrt(2).
  int64_t k = 0;
  if (x < 2.2250738585072014e-308) {
    x *= 18014398509481984.0; // 2^54
    k = -54;
  }
  uint64_t bits = bitsOf(x);
  k += static_cast<int64_t>(bits >> 52) - 1023;
  double m = fromBits((bits & 0x000fffffffffffff) | 0x3ff0000000000000);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++k;
  }

  // With s = f / (2 + f), log(1 + f) = 2 atanh(s) = 2s + s R(s^2), and 2s is
  // f - f^2/2 + s f^2/2, which loses nothing where f is small. The first term
  // left out, 2 s^24/25, is below 2^-64.
  double f = m - 1, s = f / (2 + f), z = s * s, half = 0.5 * f * f;
  double series = 0;
  for (int n = 23; n >= 3; n -= 2)
    series = (series + 2.0 / n) * z;
  double power = static_cast<double>(k);
  return power * ln2High -
         ((half - (s * (half + series) + power * ln2Low)) - f);
}

double cosineOfPi(double x) {
  // cos(pi x) = -cos(pi (1 - x)), and sin(pi (1/2 - x)) where that is smaller.
  constexpr double pi = 3.14159265358979323846;
  if (x > 0.5)
    return -cosineOfPi(1 - x);
  bool small = x <= 0.25;
  double angle = pi * (small ? x : 0.5 - x), square = angle * angle;
  // Up to pi/4 the first terms left out are below 2^-58.
  double sum = 0;
  for (int n = small ? 18 : 17; n > 1; n -= 2)
    sum = (1 - sum) * square / (n * (n - 1));
  return (small ? 1 : angle) * (1 - sum);
}

} // namespace qopt::runtime
