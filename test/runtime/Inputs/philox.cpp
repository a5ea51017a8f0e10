// The vectors that Random123 has for Philox4x32-10, and the numbers made of it.

#include "qopt/runtime/Philox.h"

#include <cstdio>
#include <initializer_list>

int main() {
  const uint32_t pi[] = {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344};
  uint32_t zeros[4] = {};
  uint32_t ones[4] = {~0u, ~0u, ~0u, ~0u};
  uint32_t digits[4] = {pi[0], pi[1], pi[2], pi[3]};
  qopt::runtime::philox(zeros, 0, 0);
  qopt::runtime::philox(ones, ~0u, ~0u);
  qopt::runtime::philox(digits, 0xa4093822, 0x299f31d0);
  for (const uint32_t *x : {zeros, ones, digits})
    std::printf("%08x %08x %08x %08x\n", x[0], x[1], x[2], x[3]);
  double least = 1, most = 0;
  for (uint64_t i = 0; i < 100000; ++i) {
    double u = qopt::runtime::uniform(7, i);
    least = u < least ? u : least;
    most = u > most ? u : most;
  }
  std::printf("from %s to %s\n", least >= 0 && least < 1e-4 ? "0" : "?",
              most < 1 && most > 1 - 1e-4 ? "1" : "?");
}
