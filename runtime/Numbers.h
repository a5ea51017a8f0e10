// exp, log and cos in double precision, the same bits on every machine.
//
// libm would be a second library that emitted binaries need, and its results
// differ between versions; sampling and perplexity must not.
#ifndef QOPT_RUNTIME_NUMBERS_H
#define QOPT_RUNTIME_NUMBERS_H

namespace qopt::runtime {

/// e to the power of `x`, within 1 ulp (2 where the result is subnormal). NaN
/// gives NaN, what overflows infinity, what underflows 0.
double exponential(double x);

/// The natural logarithm of `x`, within 1 ulp. NaN and what is negative give
/// NaN, 0 gives -infinity, infinity gives infinity.
double logarithm(double x);

/// cos(pi x) for x from 0 to 1, within 2e-16.
double cosineOfPi(double x);

} // namespace qopt::runtime

#endif // QOPT_RUNTIME_NUMBERS_H
