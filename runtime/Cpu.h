// What this machine can run, and on how many cores.
#ifndef QOPT_RUNTIME_CPU_H
#define QOPT_RUNTIME_CPU_H

#include <stdint.h>

namespace qopt::runtime {

/// What every variant needs: SSE4.1 and POPCNT. No bit of the ABI, and above
/// all of them.
constexpr uint64_t cpuBaseline = 1ull << 63;

/// The features that this CPU has and this system lets programs use: bits
/// QOPT_CPU_..., and cpuBaseline.
uint64_t cpuFeatures();

/// The name of the first feature in `needed` that `has` lacks; null if none.
const char *cpuMissing(uint64_t needed, uint64_t has);

/// Physical cores that this process may use: those of its affinity mask, at
/// most what its control group may spend. At least 1.
uint32_t cpuCores();

} // namespace qopt::runtime

#endif // QOPT_RUNTIME_CPU_H
