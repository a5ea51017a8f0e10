// What CPUs lack, by the bits that they and the code have.

#include "qopt/runtime/Cpu.h"
#include "qopt/runtime/abi.h"

#include <cstdio>

using namespace qopt::runtime;

static void say(const char *what, uint64_t needed, uint64_t has) {
  const char *missing = cpuMissing(needed, has);
  std::printf("%s: %s\n", what, missing ? missing : "nothing");
}

int main() {
  constexpr uint64_t old = cpuBaseline, avx2 = old | QOPT_CPU_AVX2,
                     avx512 = avx2 | QOPT_CPU_AVX512,
                     vnni = avx512 | QOPT_CPU_AVX512_VNNI;
  say("a CPU of 2010", vnni, old);
  say("AVX2 for VNNI", avx2 | QOPT_CPU_AVX_VNNI, avx2);
  say("AVX-512 for VNNI", vnni, avx512);
  say("VNNI for BF16", vnni | QOPT_CPU_AVX512_BF16, vnni);
  say("AVX2 for AVX-512", avx512, avx2);
  say("an old one for plain code", old, 0);
  say("AVX-512 for AVX2", avx2, avx512);
  say("this machine for its own code", cpuFeatures(), cpuFeatures());
  std::printf("cores: %u\n", cpuCores());
}
