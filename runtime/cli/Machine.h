// What a measurement needs to know of the machine.
#ifndef QOPT_RUNTIME_CLI_MACHINE_H
#define QOPT_RUNTIME_CLI_MACHINE_H

#include <stdint.h>

namespace qopt::runtime::cuda {
class Device;
}

namespace qopt::cli {

/// Watches what else runs while something is measured.
class Watch {
public:
  Watch();
  /// Whether, since it was made, others took more than 5 % of the machine, or
  /// its host took away more than 1 %.
  bool disturbed() const;

private:
  double begin, own, busy, stolen; ///< seconds
};

/// A line "NAME:  123 kB" of a file of the system, in bytes; 0 if it is not
/// there.
uint64_t readKilobytes(const char *path, const char *name);

/// Memory that this process holds now, in bytes.
uint64_t residentMemory();

/// The most memory that this process has held, in bytes.
uint64_t peakMemory();

/// Bytes a second that `threads` threads read from memory: the best of several
/// passes over more than the caches hold. 0 if there is no memory for it.
double readBandwidth(uint64_t threads);

/// Bytes a second that a copy within the memory of a GPU reads and writes: the
/// best of several passes. 0 if there is no memory for it.
double copyBandwidth(runtime::cuda::Device &device);

} // namespace qopt::cli

#endif // QOPT_RUNTIME_CLI_MACHINE_H
