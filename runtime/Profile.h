// What each kernel takes, for `bench --profile`.
#ifndef QOPT_RUNTIME_PROFILE_H
#define QOPT_RUNTIME_PROFILE_H

#include "qopt/runtime/Growing.h"
#include "qopt/runtime/abi.h"

namespace qopt::runtime {

/// Counts launches while it is at a pool or a device.
class Profile {
public:
  /// Of one kernel.
  struct Row {
    const qopt_launch_info *kernel; ///< its first function; null: another model
    uint64_t launches;
    double seconds;
    uint64_t read, written; ///< bytes
  };

  /// Makes room; false if there is none.
  bool open(const qopt_variant &variant);
  void clear();
  /// The place of a function in the table; of another model's: behind all.
  size_t find(qopt_kernel function) const;
  /// Launch `place` moves what its arguments say.
  void add(size_t place, const int64_t *args);
  /// And took that long.
  void time(size_t place, double seconds);

  /// In the order of the program; those of no launch, too.
  const Growing<Row> &rows() const { return all; }

private:
  const qopt_variant *variant = nullptr;
  Growing<Row> all;
  Growing<size_t> rowOf; ///< by the place in the table
};

/// Seconds since some moment in the past.
double secondsNow();

} // namespace qopt::runtime

#endif // QOPT_RUNTIME_PROFILE_H
