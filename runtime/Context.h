// All that changes while a model runs.
#ifndef QOPT_RUNTIME_CONTEXT_H
#define QOPT_RUNTIME_CONTEXT_H

#include "qopt/runtime/Growing.h"
#include "qopt/runtime/Memory.h"
#include "qopt/runtime/Model.h"
#include "qopt/runtime/Pool.h"
#include "qopt/runtime/Variables.h"
#include "qopt/runtime/cuda/Device.h"

struct qopt_context {
  const qopt_model *model = nullptr;
  qopt::runtime::Pool *pool = nullptr;
  /// The GPU that runs the kernels, null where the CPU does; and what lies on
  /// it of the memory below.
  qopt::runtime::cuda::Device *device = nullptr;
  qopt::runtime::cuda::Mirrors mirrors;
  uint8_t *weights = nullptr; ///< its own, with another adapter in them
  uint64_t maxBatch = 0, maxSeq = 0;
  qopt::runtime::Variables variables;
  /// How far each site of a gradual schedule is quantized: as in the last step,
  /// and 1 before the first.
  qopt::runtime::Growing<float> lambda;

  qopt::runtime::Block arena;   ///< of the call that runs, whatever its entry
  qopt::runtime::Block staging; ///< inputs that must be copied; results, too
  qopt::runtime::Growing<int64_t> symbols, dims; ///< of the call
  qopt::runtime::Growing<const void *> inputs;
  qopt::runtime::Growing<void *> outputs, states;

  /// The sequences. With caches, those of `batch` sequences with room for
  /// `capacity` positions lie in `caches`; without, all tokens in `ids`, one
  /// sequence after the other, each with room for `capacity`.
  uint64_t batch = 0, position = 0, capacity = 0;
  qopt::runtime::Block caches, ids;
};

namespace qopt::runtime {

/// Runs `entry` with the symbols and pointers that the context holds, after
/// making room for its arena.
qopt_status execute(qopt_context &context, const qopt_entry &entry,
                    qopt_error *error);

/// Makes room for the arena of `entry` at the symbols that the context holds.
qopt_status reserveArena(qopt_context &context, const qopt_entry &entry,
                         qopt_error *error);

/// Computes `context.dims` from `context.symbols`: the sizes of inputs, then
/// outputs, then states.
qopt_status computeDims(qopt_context &context, const qopt_entry &entry,
                        qopt_error *error);

/// Elements of a tensor; false if they are more than memory could hold.
bool countElements(const int64_t *dims, uint32_t rank, uint64_t *count);

/// Makes room in the caches for `capacity` positions of `batch` sequences, and
/// keeps the first `context.position` of each.
qopt_status reserveCaches(qopt_context &context, uint64_t batch,
                          uint64_t capacity, qopt_error *error);

/// Points `context.states` into the caches; `context.dims` is computed.
void placeStates(qopt_context &context, const qopt_entry &entry);

/// Sets the symbols of an entry of a language model.
qopt_status setSymbols(qopt_context &context, const qopt_entry &entry,
                       uint64_t batch, uint64_t seq, uint64_t past,
                       uint64_t capacity, qopt_error *error);

} // namespace qopt::runtime

#endif // QOPT_RUNTIME_CONTEXT_H
