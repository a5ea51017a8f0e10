// The model in this executable, and a context of it.
#ifndef QOPT_RUNTIME_CLI_SESSION_H
#define QOPT_RUNTIME_CLI_SESSION_H

#include "qopt/runtime/cli/Arguments.h"
#include "qopt/runtime/qopt.h"

namespace qopt::cli {

struct Session {
  Session() = default;
  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;
  ~Session();

  /// Opens the model; says why when it cannot.
  bool openModel();
  /// Opens a context of the open model; says why when it cannot.
  bool openContext(const Common &common);
  bool open(const Common &common) { return openModel() && openContext(common); }

  qopt_model *model = nullptr;
  qopt_context *context = nullptr;
};

/// "i64", "f32", "bool", ...
struct TypeName {
  explicit TypeName(qopt_dtype type);
  char text[12];
};

/// Bytes of an element.
inline uint64_t bytesOf(qopt_dtype type) { return type.bits / 8; }

/// Memory for `count` elements of `type`, aligned for any kernel and never
/// null for lack of elements; null when memory runs out or bytes overflow.
/// `free` takes it back.
void *allocate(qopt_dtype type, uint64_t count);

/// The product of a shape; false when it overflows or a size is negative.
bool countOf(const int64_t *shape, int32_t rank, uint64_t *count);

} // namespace qopt::cli

#endif // QOPT_RUNTIME_CLI_SESSION_H
