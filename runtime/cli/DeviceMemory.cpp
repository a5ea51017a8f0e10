// Memory that a GPU needs, before a step asks for it.

#include "qopt/runtime/Context.h"
#include "qopt/runtime/Teacher.h"
#include "qopt/runtime/cli/MemoryPlan.h"
#include "qopt/runtime/cli/Report.h"

#include <string.h>

namespace qopt::cli {

namespace {

/// What one call of an entry has on the device.
struct DeviceNeeds {
  uint64_t weights = 0, trained = 0, caches = 0, arena = 0, tensors = 0;
  uint64_t teacher = 0; ///< of what is trained

  /// False where a size overflows.
  bool count(const qopt_context &context, const qopt_entry &entry,
             const runtime::Growing<int64_t> &symbols);
  uint64_t total() const {
    uint64_t sum = 0;
    const uint64_t parts[] = {weights, trained, caches, arena, tensors};
    for (uint64_t bytes : parts)
      sum += runtime::cuda::Device::roundUp(bytes);
    return sum;
  }
};

} // namespace

/// Adds the bytes of tensors whose sizes are next in `dims`.
static bool addBytes(const qopt_tensor_spec *specs, uint32_t count,
                     const int64_t *&dims, uint64_t &sum) {
  for (uint32_t i = 0; i < count; ++i) {
    uint64_t elements = 0;
    if (!runtime::countElements(dims, specs[i].rank, &elements))
      return false;
    dims += specs[i].rank;
    sum += elements * runtime::sizeOf(specs[i].type);
  }
  return true;
}

bool DeviceNeeds::count(const qopt_context &context, const qopt_entry &entry,
                        const runtime::Growing<int64_t> &symbols) {
  weights = context.model->weightsBytes;
  trained = context.variables.bytes();
  const qopt_model &model = *context.model;
  if (&entry == model.trainStep || &entry == model.trainAccumulate)
    trained += teacher = runtime::teacherBytes(model);
  runtime::Growing<int64_t> sizes;
  size_t axes = 1;
  for (uint32_t i = 0; i < entry.input_count; ++i)
    axes += entry.inputs[i].rank;
  for (uint32_t i = 0; i < entry.output_count; ++i)
    axes += entry.outputs[i].rank;
  for (uint32_t i = 0; i < entry.state_count; ++i)
    axes += entry.states[i].rank;
  if (!sizes.resize(axes))
    return false;
  entry.shapes(symbols.begin(), sizes.begin());
  int64_t bytes = entry.arena_bytes(symbols.begin());
  arena = static_cast<uint64_t>(bytes);
  const int64_t *dims = sizes.begin();
  return bytes >= 0 &&
         addBytes(entry.inputs, entry.input_count, dims, tensors) &&
         addBytes(entry.outputs, entry.output_count, dims, tensors) &&
         addBytes(entry.states, entry.state_count, dims, caches);
}

bool fitsOnDevice(const Session &session, const qopt_entry *entry,
                  uint64_t batch, uint64_t seq, uint64_t total) {
  const qopt_context &context = *session.context;
  if (!context.device || !entry)
    return true;
  runtime::Growing<int64_t> symbols;
  for (uint32_t i = 0; i < entry->symbol_count; ++i) {
    const char *name = entry->symbols[i];
    uint64_t value = !strcmp(name, "batch")      ? batch
                     : !strcmp(name, "past")     ? 0
                     : !strcmp(name, "capacity") ? total
                                                 : seq;
    symbols.push(static_cast<int64_t>(value));
  }
  symbols.push(0);
  DeviceNeeds needs;
  if (symbols.failed() || !needs.count(context, *entry, symbols)) {
    error("%llu sequences of %llu tokens make sizes that are no numbers",
          static_cast<unsigned long long>(batch),
          static_cast<unsigned long long>(total));
    return false;
  }
  uint64_t free = context.device->freeBytes();
  if (needs.total() <= free)
    return true;
  error("the GPU (%s) has %s free and needs %s: weights %s, what is trained%s "
        "%s, keys and values %s, activations %s; take a smaller batch or a "
        "shorter sequence",
        context.device->name(), ByteText(free).text,
        ByteText(needs.total()).text, ByteText(needs.weights).text,
        needs.teacher ? " and the teacher" : "", ByteText(needs.trained).text,
        ByteText(needs.caches).text,
        ByteText(needs.arena + needs.tensors).text);
  return false;
}

} // namespace qopt::cli
