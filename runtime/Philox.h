// Random numbers by counter: Philox4x32-10.
//
// Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC11). The same
// key and counter give the same numbers, in any order and on any machine.
#ifndef QOPT_RUNTIME_PHILOX_H
#define QOPT_RUNTIME_PHILOX_H

#include <stdint.h>

namespace qopt::runtime {

/// Replaces the counter by its four random words.
inline void philox(uint32_t (&x)[4], uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    uint64_t a = uint64_t(0xd2511f53) * x[0], b = uint64_t(0xcd9e8d57) * x[2];
    uint32_t x1 = x[1], x3 = x[3];
    x[0] = uint32_t(b >> 32) ^ x1 ^ key0;
    x[1] = uint32_t(b);
    x[2] = uint32_t(a >> 32) ^ x3 ^ key1;
    x[3] = uint32_t(a);
    key0 += 0x9e3779b9;
    key1 += 0xbb67ae85;
  }
}

/// A number in [0, 1), a multiple of 2^-53: number `index` of `seed`.
inline double uniform(uint64_t seed, uint64_t index) {
  uint32_t x[4] = {uint32_t(index), uint32_t(index >> 32), 0, 0};
  philox(x, uint32_t(seed), uint32_t(seed >> 32));
  return double((uint64_t(x[1]) << 32 | x[0]) >> 11) * 0x1p-53;
}

} // namespace qopt::runtime

#endif // QOPT_RUNTIME_PHILOX_H
