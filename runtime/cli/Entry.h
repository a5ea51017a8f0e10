// The entry `run` of a model, with the arrays that it reads and writes.
#ifndef QOPT_RUNTIME_CLI_ENTRY_H
#define QOPT_RUNTIME_CLI_ENTRY_H

#include "qopt/runtime/cli/Npy.h"
#include "qopt/runtime/cli/Session.h"

namespace qopt::cli {

/// Steps are called in this order: open, fill `inputs`, makeOutputs, run. Each
/// says why when it cannot.
class Entry {
public:
  explicit Entry(const Session &session) : session(session) {}

  bool open();
  /// Allocates the outputs in the shapes that the inputs make.
  bool makeOutputs();
  bool run();

  qopt_signature signature = {};
  Arrays inputs, outputs;

private:
  const Session &session;
  runtime::Growing<qopt_tensor> given, made;
};

/// Gives an array a row-major shape and memory for it, not initialized; says
/// so when memory runs out.
bool makeArray(Array &array, qopt_dtype type, const int64_t *shape,
               int32_t rank);

} // namespace qopt::cli

#endif // QOPT_RUNTIME_CLI_ENTRY_H
