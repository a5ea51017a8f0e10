// The meaning of `#nn.random`: normal numbers by counter.
//
// The same bits on every machine: what is used of f64 is +, -, *, / and sqrt,
// each rounded once. A library's log may differ from machine to machine in its
// last bit, so the tails have one of their own.

#include <cmath>

#include "qopt/codegen/interpreter/Interpreter.h"
#include "qopt/dialects/lowbit/Philox.h"
#include "llvm/Support/xxhash.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF // no fused multiply-adds
#endif

namespace qopt::interpreter {

/// a[0] + a[1] x + ... by Horner's rule.
template <size_t N> static double polynomial(const double (&a)[N], double x) {
  double sum = a[N - 1];
  for (size_t i = N - 1; i-- > 0;)
    sum = sum * x + a[i];
  return sum;
}

/// ln x of a normal number: x = 2^e m, ln m = 2 artanh((m - 1) / (m + 1)), with
/// m in [sqrt(1/2), sqrt(2)), where the terms fall by 34 each; 12 of them.
static double naturalLogarithm(double x) {
  int exponent;
  double m = std::frexp(x, &exponent); // exact
  if (m < 0x1.6a09e667f3bcdp-1)
    m *= 2, --exponent;
  double z = (m - 1) / (m + 1), square = z * z, sum = 0;
  for (int term = 23; term > 0; term -= 2)
    sum = sum * square + 1.0 / term;
  return exponent * 0x1.62e42fefa39efp-1 + 2 * z * sum;
}

/// The x that a normal number is below with probability p: M. J. Wichura,
/// "Algorithm AS 241" (Applied Statistics 37, 1988), PPND16; relative error
/// about 1e-16.
static double normalQuantile(double p) {
  static constexpr double a[] = {
      3.3871328727963666080e0,  1.3314166789178437745e+2,
      1.9715909503065514427e+3, 1.3731693765509461125e+4,
      4.5921953931549871457e+4, 6.7265770927008700853e+4,
      3.3430575583588128105e+4, 2.5090809287301226727e+3};
  static constexpr double b[] = {1.0,
                                 4.2313330701600911252e+1,
                                 6.8718700749205790830e+2,
                                 5.3941960214247511077e+3,
                                 2.1213794301586595867e+4,
                                 3.9307895800092710610e+4,
                                 2.8729085735721942674e+4,
                                 5.2264952788528545610e+3};
  static constexpr double c[] = {
      1.42343711074968357734e0,  4.63033784615654529590e0,
      5.76949722146069140550e0,  3.64784832476320460504e0,
      1.27045825245236838258e0,  2.41780725177450611770e-1,
      2.27238449892691845833e-2, 7.74545014278341407640e-4};
  static constexpr double d[] = {1.0,
                                 2.05319162663775882187e0,
                                 1.67638483018380384940e0,
                                 6.89767334985100004550e-1,
                                 1.48103976427480074590e-1,
                                 1.51986665636164571966e-2,
                                 5.47593808499534494600e-4,
                                 1.05075007164441684324e-9};
  static constexpr double e[] = {
      6.65790464350110377720e0,  5.46378491116411436990e0,
      1.78482653991729133580e0,  2.96560571828504891230e-1,
      2.65321895265761230930e-2, 1.24266094738807843860e-3,
      2.71155556874348757815e-5, 2.01033439929228813265e-7};
  static constexpr double f[] = {1.0,
                                 5.99832206555887937690e-1,
                                 1.36929880922735805310e-1,
                                 1.48753612908506148525e-2,
                                 7.86869131145613259100e-4,
                                 1.84631831751005468180e-5,
                                 1.42151175831644588870e-7,
                                 2.04426310338993978564e-15};
  double q = p - 0.5;
  if (std::fabs(q) <= 0.425) {
    double r = 0.180625 - q * q;
    return q * polynomial(a, r) / polynomial(b, r);
  }
  double r = std::sqrt(-naturalLogarithm(q < 0 ? p : 1 - p));
  double x = r <= 5 ? polynomial(c, r - 1.6) / polynomial(d, r - 1.6)
                    : polynomial(e, r - 5) / polynomial(f, r - 5);
  return q < 0 ? -x : x;
}

Tensor normalTensor(nn::RandomAttr random) {
  auto type = mlir::cast<mlir::RankedTensorType>(random.getType());
  Tensor tensor(type.getShape());
  uint64_t key = random.getSeed() ^ llvm::xxh3_64bits(random.getName());
  double deviation = random.getDeviation().getValueAsDouble();
  uint32_t block[4];
  for (size_t i = 0; i < tensor.data.size(); ++i) {
    if (i % 2 == 0)
      lowbit::philox(key, i / 2, block);
    uint64_t word = uint64_t(block[i % 2 * 2 + 1]) << 32 | block[i % 2 * 2];
    double p = (double(word >> 12) + 0.5) * 0x1p-52; // exact, inside (0, 1)
    tensor.data[i] = normalQuantile(p) * deviation;
  }
  return tensor;
}

} // namespace qopt::interpreter
