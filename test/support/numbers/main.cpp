// Compares the runtime's exp, log and cos with long double ones of libm.

#include "qopt/runtime/Numbers.h"

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>

namespace {

/// splitmix64: the same numbers on every machine.
uint64_t next(uint64_t &state) {
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

/// The error of `got` in units in the last place of `expected`.
double ulps(double got, long double expected) {
  int exponent = 0;
  std::frexp(static_cast<double>(expected), &exponent);
  long double unit = std::ldexp(1.0L, exponent < -1021 ? -1074 : exponent - 53);
  return static_cast<double>(std::fabs((got - expected) / unit));
}

int failures = 0;

void expect(const char *what, bool holds) {
  if (!holds) {
    std::printf("wrong: %s\n", what);
    ++failures;
  }
}

} // namespace

int main() {
  using qopt::runtime::exponential;
  using qopt::runtime::logarithm;
  constexpr double inf = std::numeric_limits<double>::infinity();
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();

  double worstExp = 0, worstSubnormal = 0, worstLog = 0, worstNearOne = 0;
  uint64_t state = 1;
  for (int i = 0; i < 1000000; ++i) {
    double unit = static_cast<double>(next(state) >> 11) * 0x1p-53;
    double x = i % 2 ? (unit - 0.5) * 1416 : (unit - 0.5) * 4;
    worstExp = std::fmax(worstExp, ulps(exponential(x), std::exp(1.0L * x)));
    x = -708.4 - unit * 36;
    worstSubnormal =
        std::fmax(worstSubnormal, ulps(exponential(x), std::exp(1.0L * x)));
    uint64_t bits = next(state) >> 1;
    std::memcpy(&x, &bits, sizeof x);
    if (x > 0 && x < inf)
      worstLog = std::fmax(worstLog, ulps(logarithm(x), std::log(1.0L * x)));
    x = 0.5 + unit;
    worstNearOne =
        std::fmax(worstNearOne, ulps(logarithm(x), std::log(1.0L * x)));
  }
  double worstCos = 0;
  for (int i = 0; i <= 100000; ++i) {
    double x = i / 100000.0;
    long double wanted = std::cos(3.141592653589793238463L * x);
    double error = double(std::fabs(qopt::runtime::cosineOfPi(x) - wanted));
    worstCos = std::fmax(worstCos, error);
  }
  expect("cos within 2e-16", worstCos <= 2e-16);
  expect("cos(0), cos(pi/2), cos(pi)",
         qopt::runtime::cosineOfPi(0) == 1 &&
             qopt::runtime::cosineOfPi(0.5) == 0 &&
             qopt::runtime::cosineOfPi(1) == -1);
  std::printf("exp %.3f ulp, subnormal %.3f, log %.3f, near one %.3f\n",
              worstExp, worstSubnormal, worstLog, worstNearOne);
  expect("exp within 1 ulp", worstExp <= 1);
  expect("exp within 2 ulp where subnormal", worstSubnormal <= 2);
  expect("log within 1 ulp", worstLog <= 1 && worstNearOne <= 1);

  expect("exp(0)", exponential(0) == 1 && exponential(-0.0) == 1);
  expect("exp overflows",
         exponential(709.79) == inf && exponential(inf) == inf);
  expect("exp(709.78)", exponential(709.78) < inf);
  expect("exp underflows", exponential(-746) == 0 && exponential(-inf) == 0);
  expect("exp(nan)", std::isnan(exponential(nan)));
  expect("log(1)", logarithm(1) == 0 && !std::signbit(logarithm(1)));
  expect("log(0)", logarithm(0) == -inf && logarithm(-0.0) == -inf);
  expect("log(negative)",
         std::isnan(logarithm(-1)) && std::isnan(logarithm(-inf)));
  expect("log(inf)", logarithm(inf) == inf);
  expect("log(nan)", std::isnan(logarithm(nan)));
  expect("log of the least number",
         ulps(logarithm(0x1p-1074), std::log(0x1p-1074L)) < 1);
  if (!failures)
    std::printf("all hold\n");
  return failures != 0;
}
