// Checks of the caller's tensors.
#ifndef QOPT_RUNTIME_TENSORS_H
#define QOPT_RUNTIME_TENSORS_H

#include "qopt/runtime/Context.h"

namespace qopt::runtime {

/// Type, rank, device and pointers of a tensor. `role` is "input" or "output".
qopt_status checkTensor(const char *role, const qopt_tensor_spec &spec,
                        const qopt_tensor &tensor, qopt_error *error);

/// Sets the context's symbols from the sizes of the inputs, and its dims.
/// Equal names are equal sizes, and sums must be what they say.
qopt_status solveSymbols(qopt_context &context, const qopt_entry &entry,
                         const qopt_tensor *inputs, qopt_error *error);

/// Batch and length are at most the context's, and a mask is as long as past
/// and present: exporters give its length a name of its own.
qopt_status checkLimits(const qopt_context &context, const qopt_entry &entry,
                        const qopt_tensor *inputs, qopt_error *error);

/// Tokens and targets of a language model lie in its vocabulary: code looks
/// them up unchecked. `context.inputs` is set.
qopt_status checkTokens(const qopt_context &context, const qopt_entry &entry,
                        qopt_error *error);

bool hasShape(const qopt_tensor &tensor, const int64_t *dims);
qopt_status failShape(const char *role, const qopt_tensor_spec &spec,
                      const int64_t *dims, const qopt_tensor &tensor,
                      qopt_error *error);

/// Whether elements lie row-major without gaps.
bool isDense(const qopt_tensor &tensor);

/// Widens halves; exact.
float widen(uint16_t bits, uint32_t type);

/// Copies a tensor with strides to `to`, row-major without gaps.
void copyDense(const qopt_tensor &tensor, uint64_t elementBytes, uint8_t *to);

} // namespace qopt::runtime

#endif // QOPT_RUNTIME_TENSORS_H
