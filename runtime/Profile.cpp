// Sums what launches took, by kernel.

#include "qopt/runtime/Profile.h"

#include <string.h>
#include <time.h>

namespace qopt::runtime {

double secondsNow() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

bool Profile::open(const qopt_variant &own) {
  variant = &own;
  all.clear();
  rowOf.clear();
  for (uint64_t i = 0; i < own.launch_count; ++i) {
    const qopt_launch_info &launch = own.launches[i];
    // Functions of one kernel follow one another.
    if (!i || strcmp(launch.kernel, own.launches[i - 1].kernel))
      all.push({&launch, 0, 0, 0, 0});
    rowOf.push(all.size() - 1);
  }
  rowOf.push(all.size());
  all.push({nullptr, 0, 0, 0, 0});
  return !all.failed() && !rowOf.failed();
}

void Profile::clear() {
  for (Row &row : all)
    row = {row.kernel, 0, 0, 0, 0};
}

size_t Profile::find(qopt_kernel function) const {
  size_t place = 0;
  while (place < variant->launch_count &&
         variant->launches[place].function != function)
    ++place;
  return place;
}

void Profile::add(size_t place, const int64_t *args) {
  if (place >= variant->launch_count || !variant->launches[place].traffic)
    return;
  int64_t bytes[2] = {0, 0};
  variant->launches[place].traffic(args, bytes);
  Row &row = all[rowOf[place]];
  row.read += uint64_t(bytes[0]);
  row.written += uint64_t(bytes[1]);
}

void Profile::time(size_t place, double seconds) {
  Row &row = all[rowOf[place]];
  ++row.launches;
  row.seconds += seconds;
}

} // namespace qopt::runtime
