// Asks the CPU for its instructions.

#include "qopt/runtime/Cpu.h"

#include "qopt/runtime/abi.h"

#include <cpuid.h>

namespace qopt::runtime {

namespace {

/// Where CPUID says that instructions are there, and what registers the
/// system must save for them.
struct Fact {
  uint64_t feature;
  uint8_t leaf, subleaf, word; ///< word: 0 eax, 1 ebx, 2 ecx, 3 edx
  uint8_t bit;
  uint8_t saved; ///< bits of XCR0
};

/// A feature as messages name it.
struct Name {
  uint64_t feature;
  const char *text;
};

} // namespace

// A feature is there if all of its facts are: the same as in
// codegen/cpu/Targets.cpp.
constexpr uint8_t ymm = 0x06, zmm = 0xe6;
// clang-format off
static constexpr Fact facts[] = {
    // feature              leaf sub word bit saved
    {cpuBaseline,           1,   0,  2,   19, 0},   // SSE4.1
    {cpuBaseline,           1,   0,  2,   23, 0},   // POPCNT
    {QOPT_CPU_AVX2,         1,   0,  2,   12, ymm}, // FMA
    {QOPT_CPU_AVX2,         1,   0,  2,   29, ymm}, // F16C
    {QOPT_CPU_AVX2,         7,   0,  1,   3,  ymm}, // BMI1
    {QOPT_CPU_AVX2,         7,   0,  1,   5,  ymm}, // AVX2
    {QOPT_CPU_AVX2,         7,   0,  1,   8,  ymm}, // BMI2
    {QOPT_CPU_AVX_VNNI,     7,   1,  0,   4,  ymm},
    {QOPT_CPU_AVX512,       7,   0,  1,   16, zmm}, // F
    {QOPT_CPU_AVX512,       7,   0,  1,   17, zmm}, // DQ
    {QOPT_CPU_AVX512,       7,   0,  1,   28, zmm}, // CD
    {QOPT_CPU_AVX512,       7,   0,  1,   30, zmm}, // BW
    {QOPT_CPU_AVX512,       7,   0,  1,   31, zmm}, // VL
    {QOPT_CPU_AVX512_VNNI,  7,   0,  2,   11, zmm},
    {QOPT_CPU_AVX512_BF16,  7,   1,  0,   5,  zmm},
};

static constexpr Name names[] = {
    {cpuBaseline,          "SSE4.1 and POPCNT"},
    {QOPT_CPU_AVX2,        "AVX2, FMA, F16C, BMI1 and BMI2"},
    {QOPT_CPU_AVX512,      "AVX-512 F, BW, CD, DQ and VL"},
    {QOPT_CPU_AVX_VNNI,    "AVX-VNNI"},
    {QOPT_CPU_AVX512_VNNI, "AVX-512 VNNI"},
    {QOPT_CPU_AVX512_BF16, "AVX-512 BF16"},
};
// clang-format on

/// The register sets that the system saves (XCR0); 0 if programs cannot ask.
static uint64_t savedRegisters() {
  unsigned eax, ebx, ecx, edx;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_OSXSAVE))
    return 0;
  unsigned low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t(high) << 32 | low;
}

uint64_t cpuFeatures() {
  uint64_t saved = savedRegisters();
  uint64_t seen = 0, lacking = 0;
  for (const Fact &fact : facts) {
    unsigned words[4] = {};
    bool known = __get_cpuid_count(fact.leaf, fact.subleaf, &words[0],
                                   &words[1], &words[2], &words[3]);
    seen |= fact.feature;
    if (!known || !(words[fact.word] >> fact.bit & 1) ||
        (saved & fact.saved) != fact.saved)
      lacking |= fact.feature;
  }
  return seen & ~lacking;
}

const char *cpuMissing(uint64_t needed, uint64_t has) {
  uint64_t missing = needed & ~has;
  for (const Name &name : names)
    if (missing & name.feature)
      return name.text;
  return missing ? "an instruction set that this runtime does not know"
                 : nullptr;
}

} // namespace qopt::runtime
