// Hadamard matrices: which orders there are, and their entries.

#ifndef QOPT_DIALECTS_LOWBIT_HADAMARD_H
#define QOPT_DIALECTS_LOWBIT_HADAMARD_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <vector>

namespace qopt::lowbit {

/// Whether there is a matrix of this order: a power of two (Sylvester), or
/// Paley's first or second kind. At most 2048 if it is no power of two.
bool hasHadamard(int64_t order);

/// Its entries, +1 and -1, row by row, [order, order]: H H^T = order * I. For
/// an order without one, empty.
std::vector<int8_t> hadamardMatrix(int64_t order);

/// The signs S of `lowbit.hadamard` with this seed: +1 and -1, n of them.
std::vector<int8_t> hadamardSigns(uint64_t seed, int64_t n);

/// Orders whose product is n, the first ones Paley's and the last a power of
/// two, with the least sum of the Paley orders, i.e. the least work; empty if
/// there are none (algorithms: odd part needs a Paley order).
llvm::SmallVector<int64_t> factorHadamard(int64_t n);

/// y[0..n) = x Q (or x Q^T), for n = product of orders; in double precision and
/// in place. `signs` may be empty.
void rotate(double *x, int64_t n, llvm::ArrayRef<int64_t> orders,
            llvm::ArrayRef<int8_t> signs, bool transposed);

} // namespace qopt::lowbit

#endif // QOPT_DIALECTS_LOWBIT_HADAMARD_H
