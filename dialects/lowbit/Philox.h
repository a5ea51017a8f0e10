// Random numbers that are a function of key and counter.

#ifndef QOPT_DIALECTS_LOWBIT_PHILOX_H
#define QOPT_DIALECTS_LOWBIT_PHILOX_H

#include <algorithm>
#include <cstdint>

namespace qopt::lowbit {

/// A block of Philox4x32-10 (Salmon et al., SC11).
inline void philox(uint64_t key, uint64_t counter, uint32_t (&out)[4]) {
  uint32_t k0 = key, k1 = key >> 32;
  uint32_t c[4] = {uint32_t(counter), uint32_t(counter >> 32), 0, 0};
  for (int round = 0; round < 10; ++round) {
    uint64_t p0 = uint64_t(0xD2511F53) * c[0];
    uint64_t p1 = uint64_t(0xCD9E8D57) * c[2];
    uint32_t next[4] = {uint32_t(p1 >> 32) ^ c[1] ^ k0, uint32_t(p1),
                        uint32_t(p0 >> 32) ^ c[3] ^ k1, uint32_t(p0)};
    std::copy(next, next + 4, c);
    k0 += 0x9E3779B9, k1 += 0xBB67AE85;
  }
  std::copy(c, c + 4, out);
}

} // namespace qopt::lowbit

#endif // QOPT_DIALECTS_LOWBIT_PHILOX_H
