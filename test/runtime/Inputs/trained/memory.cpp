// What a process may take of a machine that a folder describes: memory ROOT

#include "qopt/runtime/cli/MemoryPlan.h"

#include <stdio.h>

int main(int count, char **words) {
  if (count != 2)
    return 2;
  const char *limit = "";
  unsigned long long bytes = qopt::cli::availableMemory(words[1], 0, &limit);
  printf("%llu of %s\n", bytes, limit);
  return 0;
}
