// Writes the messages of statuses.

#include "qopt/runtime/Error.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

namespace qopt::runtime {

qopt_status fail(qopt_error *error, qopt_status status, const char *format,
                 ...) {
  constexpr uint64_t before = offsetof(qopt_error, message);
  if (!error || error->size <= before)
    return status;
  uint64_t room = error->size - before;
  if (room > sizeof error->message)
    room = sizeof error->message;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error->message, room, format, arguments);
  va_end(arguments);
  // What a file says may have no place in one line.
  for (char *c = error->message; *c; ++c)
    if (static_cast<unsigned char>(*c) < 0x20)
      *c = '?';
  return status;
}

qopt_status failMemory(qopt_error *error, const char *what, uint64_t bytes) {
  return fail(error, QOPT_UNAVAILABLE,
              "out of memory: %s needs %llu bytes; use a smaller batch or "
              "length",
              what, static_cast<unsigned long long>(bytes));
}

} // namespace qopt::runtime
