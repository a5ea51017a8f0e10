// Finds the file that this code was linked into, and its program.

#include "qopt/runtime/Model.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The object of the model defines it.
extern "C" __attribute__((visibility("hidden")))
const qopt_program linkedProgram __asm__("qopt_program");

extern "C" __attribute__((visibility("default"))) const qopt_program *
qopt_library_program(void) {
  return &linkedProgram;
}

namespace qopt::runtime {

const qopt_program *ownProgram() { return &linkedProgram; }

/// The path of the file that `address` is mapped from, or null. Not dladdr's:
/// that one may be relative to where the program was started.
static char *pathOf(const void *address) {
  FILE *maps = fopen("/proc/self/maps", "re");
  if (!maps)
    return nullptr;
  char *line = nullptr, *path = nullptr;
  size_t room = 0;
  while (!path && getline(&line, &room, maps) > 0) {
    unsigned long begin = 0, end = 0;
    int at = 0;
    auto here = reinterpret_cast<unsigned long>(address);
    // begin-end permissions offset device inode path
    if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %n", &begin, &end, &at) < 2 ||
        here < begin || here >= end || !at)
      continue;
    path = strndup(line + at, strcspn(line + at, "\n"));
  }
  free(line);
  fclose(maps);
  return path;
}

int openOwnFile() {
  char *path = pathOf(&linkedProgram);
  char *executable = realpath("/proc/self/exe", nullptr);
  int flags = O_RDONLY | O_CLOEXEC, fd = -1;
  // The program's own file opens even where it was moved or removed since.
  if (!path || (executable && !strcmp(path, executable)) ||
      strstr(path, " (deleted)"))
    fd = open("/proc/self/exe", flags);
  else
    fd = open(path, flags);
  free(path);
  free(executable);
  return fd;
}

} // namespace qopt::runtime
