// How a context runs its entries on a GPU. Contexts of the CPU may call all of
// it: then nothing happens.
#ifndef QOPT_RUNTIME_CUDA_EXECUTE_H
#define QOPT_RUNTIME_CUDA_EXECUTE_H

#include "qopt/runtime/Context.h"

namespace qopt::runtime::cuda {

/// Opens the device, once weights and variables are there. Refused: none, or
/// one that has no memory for them.
qopt_status open(qopt_context &context, int32_t index, qopt_error *error);
void close(qopt_context &context);

/// Runs `entry` with the sizes and pointers that the context holds; its arena
/// is reserved.
qopt_status execute(qopt_context &context, const qopt_entry &entry,
                    qopt_error *error);

/// Called before the host looks at variables and caches: they are as the last
/// call has left them. And behind what changed them, or weights; never where
/// beforeRead has failed: what was not brought back would go over what is
/// there.
qopt_status beforeRead(qopt_context &context, qopt_error *error);
void afterWrite(qopt_context &context);

} // namespace qopt::runtime::cuda

#endif // QOPT_RUNTIME_CUDA_EXECUTE_H
