// Keeps the keys and values of the sequences, and their tokens.
//
// A cache is [B, H, capacity, D]. It grows between steps by doubling, so that
// a short conversation does not pay for the longest one.

#include "qopt/runtime/Context.h"
#include "qopt/runtime/cuda/Execute.h"

#include <string.h>

namespace qopt::runtime {

/// Positions that caches begin with.
static constexpr uint64_t firstCapacity = 64;

qopt_status setSymbols(qopt_context &context, const qopt_entry &entry,
                       uint64_t batch, uint64_t seq, uint64_t past,
                       uint64_t capacity, qopt_error *error) {
  if (!context.symbols.resize(entry.symbol_count + 1))
    return failMemory(error, "the sizes", entry.symbol_count * sizeof(int64_t));
  for (uint32_t i = 0; i < entry.symbol_count; ++i) {
    const char *name = entry.symbols[i];
    uint64_t value = 0;
    if (!strcmp(name, "batch"))
      value = batch;
    else if (!strcmp(name, "seq"))
      value = seq;
    else if (!strcmp(name, "past"))
      value = past;
    else if (!strcmp(name, "capacity"))
      value = capacity;
    else
      return fail(error, QOPT_CORRUPT,
                  "entry '%.20s' has an unknown size '%.40s'; compile the "
                  "model again",
                  entry.name, name);
    context.symbols[i] = int64_t(value);
  }
  return computeDims(context, entry, error);
}

/// The sizes of the states among `context.dims`.
static const int64_t *stateDims(const qopt_context &context,
                                const qopt_entry &entry) {
  const int64_t *dims = context.dims.begin();
  for (uint32_t i = 0; i < entry.input_count; ++i)
    dims += entry.inputs[i].rank;
  for (uint32_t i = 0; i < entry.output_count; ++i)
    dims += entry.outputs[i].rank;
  return dims;
}

/// Bytes of all states, each a multiple of 64; false if there are too many.
static bool countBytes(const qopt_context &context, const qopt_entry &entry,
                       uint64_t *total) {
  const int64_t *dims = stateDims(context, entry);
  *total = 0;
  for (uint32_t i = 0; i < entry.state_count; ++i) {
    uint64_t elements, bytes;
    const qopt_tensor_spec &state = entry.states[i];
    if (!countElements(dims, state.rank, &elements) ||
        !multiply(elements, sizeOf(state.type), &bytes) ||
        !add(*total, (bytes + 63) & ~63ull, total))
      return false;
    dims += state.rank;
  }
  return true;
}

/// Copies the first `positions` of each sequence and head from caches with
/// room for `oldCapacity` to those that the context's sizes tell.
static void copyCaches(const qopt_context &context, const qopt_entry &entry,
                       const uint8_t *from, uint8_t *to, uint64_t oldCapacity,
                       uint64_t positions) {
  const int64_t *dims = stateDims(context, entry);
  for (uint32_t i = 0; i < entry.state_count; ++i, dims += 4) {
    uint64_t rows = uint64_t(dims[0] * dims[1]);
    uint64_t bytes = uint64_t(dims[3]) * sizeOf(entry.states[i].type);
    uint64_t oldRow = oldCapacity * bytes, row = uint64_t(dims[2]) * bytes;
    for (uint64_t r = 0; r < rows; ++r)
      memcpy(to + r * row, from + r * oldRow, positions * bytes);
    from += (rows * oldRow + 63) & ~63ull;
    to += (rows * row + 63) & ~63ull;
  }
}

qopt_status reserveCaches(qopt_context &context, uint64_t batch,
                          uint64_t needed, qopt_error *error) {
  if (batch == context.batch && needed <= context.capacity)
    return QOPT_OK;
  uint64_t capacity = firstCapacity;
  while (capacity < needed)
    capacity *= 2;
  if (capacity > context.maxSeq)
    capacity = context.maxSeq;
  const qopt_entry &entry = *context.model->prefill;
  for (uint32_t i = 0; i < entry.state_count; ++i)
    if (entry.states[i].rank != 4)
      return fail(error, QOPT_CORRUPT,
                  "cache '%.40s' has %u axes, expected 4; compile the model "
                  "again",
                  entry.states[i].name, entry.states[i].rank);
  if (qopt_status status =
          setSymbols(context, entry, batch, 1, 0, capacity, error))
    return status;
  Block grown;
  uint64_t bytes = 0;
  if (!countBytes(context, entry, &bytes) || !grown.reserve(bytes))
    return failMemory(error, "the cache of keys and values", bytes);
  if (qopt_status status = cuda::beforeRead(context, error))
    return status;
  if (context.position)
    copyCaches(context, entry, context.caches.get(), grown.get(),
               context.capacity, context.position);
  context.caches.swap(grown);
  cuda::afterWrite(context);
  context.batch = batch;
  context.capacity = capacity;
  return QOPT_OK;
}

void placeStates(qopt_context &context, const qopt_entry &entry) {
  const int64_t *dims = stateDims(context, entry);
  uint8_t *next = context.caches.get();
  for (uint32_t i = 0; i < entry.state_count; ++i, dims += 4) {
    context.states[i] = next;
    uint64_t bytes = uint64_t(dims[0] * dims[1] * dims[2] * dims[3]) *
                     sizeOf(entry.states[i].type);
    next += (bytes + 63) & ~63ull;
  }
}

} // namespace qopt::runtime
