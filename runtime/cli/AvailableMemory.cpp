// How much memory this process may still take.

#include "qopt/runtime/cli/Machine.h"
#include "qopt/runtime/cli/MemoryPlan.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

namespace qopt::cli {

namespace {

/// The least of several limits.
struct Least {
  uint64_t bytes = UINT64_MAX;
  const char *name = "the machine";

  void take(uint64_t other, const char *whose) {
    if (other < bytes) {
      bytes = other;
      name = whose;
    }
  }
};

/// One control group: a folder with the files of version 1 or 2.
class Group {
public:
  Group(const char *root, const char *folder, bool second)
      : root(root), folder(folder), second(second) {}

  /// What its limit leaves; false where there is none.
  bool left(uint64_t *bytes) const;

private:
  bool number(const char *name, uint64_t *value) const;
  uint64_t statistic(const char *name) const;

  const char *root, *folder;
  bool second;
};

} // namespace

/// A file that holds one number; "max" is none.
bool Group::number(const char *name, uint64_t *value) const {
  char path[4096];
  snprintf(path, sizeof path, "%s%s/%s", root, folder, name);
  FILE *file = fopen(path, "re");
  unsigned long long read = 0;
  bool found = file && fscanf(file, "%llu", &read) == 1;
  if (file)
    fclose(file);
  *value = read;
  return found;
}

/// A line "name 123" of memory.stat; 0 if it is not there.
uint64_t Group::statistic(const char *name) const {
  char path[4096], word[64];
  snprintf(path, sizeof path, "%s%s/memory.stat", root, folder);
  FILE *file = fopen(path, "re");
  unsigned long long value = 0, found = 0;
  while (file && fscanf(file, "%63s %llu", word, &value) == 2)
    if (!strcmp(word, name))
      found = value;
  if (file)
    fclose(file);
  return found;
}

bool Group::left(uint64_t *bytes) const {
  uint64_t limit = 0, used = 0;
  if (!number(second ? "memory.max" : "memory.limit_in_bytes", &limit) ||
      !number(second ? "memory.current" : "memory.usage_in_bytes", &used))
    return false;
  // Pages of files are given up where there is need.
  uint64_t files =
      second
          ? statistic("inactive_file") + statistic("active_file")
          : statistic("total_inactive_file") + statistic("total_active_file");
  used -= files < used ? files : used;
  *bytes = limit > used ? limit - used : 0;
  return true;
}

/// The group of a line of /proc/self/cgroup, and those above it. In a container
/// the path may be one of outside: then its own root counts.
static void takeGroups(const char *root, const char *mount, char *path,
                       bool second, Least &least) {
  while (true) {
    char folder[4096];
    uint64_t bytes = 0;
    snprintf(folder, sizeof folder, "%s%s", mount,
             strcmp(path, "/") ? path : "");
    if (Group(root, folder, second).left(&bytes))
      least.take(bytes, "its control group");
    char *slash = strrchr(path, '/');
    if (!slash || !path[1])
      return;
    slash[slash == path] = 0;
  }
}

static void takeControlGroups(const char *root, Least &least) {
  char line[4096];
  snprintf(line, sizeof line, "%s/proc/self/cgroup", root);
  FILE *file = fopen(line, "re");
  while (file && fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = 0;
    // "0::/path", or "4:memory:/path" of version 1.
    char *controllers = strchr(line, ':');
    char *path = controllers ? strchr(controllers + 1, ':') : nullptr;
    if (!path)
      continue;
    *path++ = 0;
    if (!controllers[1])
      takeGroups(root, "/sys/fs/cgroup", path, true, least);
    else if (strstr(controllers, "memory"))
      takeGroups(root, "/sys/fs/cgroup/memory", path, false, least);
  }
  if (file)
    fclose(file);
}

uint64_t availableMemory(const char *root, uint64_t reserved,
                         const char **limit) {
  Least least;
  char path[4096];
  snprintf(path, sizeof path, "%s/proc/meminfo", root);
  if (uint64_t bytes = readKilobytes(path, "MemAvailable"))
    least.take(bytes, "the machine");
  takeControlGroups(root, least);
  rlimit own;
  if (!getrlimit(RLIMIT_AS, &own) && own.rlim_cur != RLIM_INFINITY) {
    uint64_t used = readKilobytes("/proc/self/status", "VmSize");
    used -= reserved < used ? reserved : used;
    least.take(own.rlim_cur > used ? own.rlim_cur - used : 0,
               "the limit of its address space");
  }
  *limit = least.name;
  return least.bytes;
}

} // namespace qopt::cli
