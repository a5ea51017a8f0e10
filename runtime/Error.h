// Statuses with a message.
#ifndef QOPT_RUNTIME_ERROR_H
#define QOPT_RUNTIME_ERROR_H

// The one header whose functions a library exports.
#pragma GCC visibility push(default)
#include "qopt/runtime/qopt.h"
#pragma GCC visibility pop

namespace qopt::runtime {

/// Writes one line to `error`, unless it is null, and gives `status` back.
qopt_status fail(qopt_error *error, qopt_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/// Memory that the machine does not have. `what` is what needs it.
qopt_status failMemory(qopt_error *error, const char *what, uint64_t bytes);

/// a * b and a + b in `*result`; false if that is no uint64_t.
inline bool multiply(uint64_t a, uint64_t b, uint64_t *result) {
  return !__builtin_mul_overflow(a, b, result);
}
inline bool add(uint64_t a, uint64_t b, uint64_t *result) {
  return !__builtin_add_overflow(a, b, result);
}

} // namespace qopt::runtime

#endif // QOPT_RUNTIME_ERROR_H
