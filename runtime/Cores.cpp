// Counts the cores that this process may use.
//
// Two threads on one core share its vector units, so a core counts once; and a
// container that may spend two cores' time gains nothing from sixteen threads.

#include "qopt/runtime/Cpu.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

namespace qopt::runtime {

/// Reads the beginning of a small file as text; false if there is none.
static bool readText(const char *path, char *text, size_t capacity) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return false;
  ssize_t bytes = read(fd, text, capacity - 1);
  close(fd);
  text[bytes > 0 ? bytes : 0] = 0;
  return bytes > 0;
}

/// The first CPU of the core that `cpu` belongs to.
static unsigned firstOfCore(unsigned cpu) {
  char path[96], text[64];
  snprintf(path, sizeof path,
           "/sys/devices/system/cpu/cpu%u/topology/thread_siblings_list", cpu);
  return readText(path, text, sizeof text)
             ? unsigned(strtoul(text, nullptr, 10))
             : cpu;
}

/// Cores in the affinity mask of this thread.
static uint32_t affineCores() {
  constexpr unsigned most = 8192; // of the kernel
  constexpr size_t bits = 8 * sizeof(unsigned long);
  unsigned long allowed[most / bits] = {}, counted[most / bits] = {};
  if (sched_getaffinity(0, sizeof allowed,
                        reinterpret_cast<cpu_set_t *>(allowed)))
    return 1;
  uint32_t count = 0;
  for (unsigned cpu = 0; cpu < most; ++cpu) {
    if (!(allowed[cpu / bits] >> cpu % bits & 1))
      continue;
    // Which of a core's threads are allowed does not matter.
    unsigned first = firstOfCore(cpu) % most;
    unsigned long bit = 1ul << first % bits;
    count += !(counted[first / bits] & bit);
    counted[first / bits] |= bit;
  }
  return count;
}

/// Rounds the quota of one control group up to cores; 0 if it has none.
static uint32_t quotaOf(const char *folder) {
  char path[640], text[64];
  long long quota = -1, period = 0;
  snprintf(path, sizeof path, "%s/cpu.max", folder);
  if (readText(path, text, sizeof text)) { // version 2: "QUOTA PERIOD"
    if (sscanf(text, "%lld %lld", &quota, &period) != 2)
      return 0; // "max"
  } else {
    snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder);
    if (readText(path, text, sizeof text))
      quota = strtoll(text, nullptr, 10);
    snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
    if (readText(path, text, sizeof text))
      period = strtoll(text, nullptr, 10);
  }
  if (quota <= 0 || period <= 0)
    return 0;
  long long cores = (quota - 1) / period + 1;
  return cores < 1 << 16 ? uint32_t(cores) : 0;
}

/// The smallest quota of this process's group and those above it.
static uint32_t quotaCores() {
  char text[2048], folder[576];
  if (!readText("/proc/self/cgroup", text, sizeof text))
    return 0;
  uint32_t smallest = 0;
  char *rest = nullptr;
  for (char *line = strtok_r(text, "\n", &rest); line;
       line = strtok_r(nullptr, "\n", &rest)) {
    // "0::/group" of version 2, "4:cpu,cpuacct:/group" of version 1
    char *names = strchr(line, ':');
    char *group = names ? strchr(names + 1, ':') : nullptr;
    if (!group || strlen(group) > 500)
      continue;
    *group++ = 0;
    bool second = !names[1];
    if (!second && !strstr(names, "cpu,") && strcmp(names, ":cpu"))
      continue;
    const char *root = second ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu";
    for (char *end = group + strlen(group); end; end = strrchr(group, '/')) {
      *end = 0;
      snprintf(folder, sizeof folder, "%s%s", root, group);
      uint32_t quota = quotaOf(folder);
      if (quota && (!smallest || quota < smallest))
        smallest = quota;
    }
  }
  return smallest;
}

uint32_t cpuCores() {
  uint32_t cores = affineCores(), quota = quotaCores();
  if (quota && quota < cores)
    cores = quota;
  return cores ? cores : 1;
}

} // namespace qopt::runtime
