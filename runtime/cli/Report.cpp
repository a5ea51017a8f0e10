// What the command line says, and how it ends.

#include "qopt/runtime/cli/Report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

namespace qopt::cli {

/// NO_COLOR (no-color.org) is the one variable that changes anything.
static bool coloured() {
  const char *unwanted = getenv("NO_COLOR");
  return isatty(STDERR_FILENO) && !(unwanted && *unwanted);
}

static void say(const char *kind, const char *colour, const char *format,
                va_list values) {
  bool bright = coloured();
  // Results printed so far come first where both streams are one terminal.
  fflush(stdout);
  fprintf(stderr, "%s%s:%s ", bright ? colour : "", kind,
          bright ? "\033[0m" : "");
  vfprintf(stderr, format, values);
  fputc('\n', stderr);
}

void error(const char *format, ...) {
  va_list values;
  va_start(values, format);
  say("error", "\033[1;31m", format, values);
  va_end(values);
}

void note(const char *format, ...) {
  va_list values;
  va_start(values, format);
  say("note", "\033[1;36m", format, values);
  va_end(values);
}

int fail(const qopt_error &what) {
  error("%s", what.message);
  return failed;
}

int failMemory(const char *what) {
  error("out of memory while %s", what);
  return failed;
}

bool flushOutput() {
  if (fflush(stdout) == 0 && !ferror(stdout))
    return true;
  if (errno != EPIPE)
    error("cannot write to stdout: %s", strerror(errno));
  return false;
}

double now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) +
         1e-9 * static_cast<double>(time.tv_nsec);
}

} // namespace qopt::cli
