// What callers see of an entry: names, types, free sizes.

#include "qopt/runtime/Model.h"

#include <stdlib.h>
#include <string.h>

namespace qopt::runtime {

namespace {

struct TypeFacts {
  qopt_dtype dtype;
  uint64_t bytes;
};

/// Where the parts of the signatures go: the values, then sizes and names.
struct Room {
  uint64_t values = 0, dims = 0;
  qopt_value *nextValue = nullptr;
  int64_t *nextSize = nullptr;
  const char **nextName = nullptr;
};

} // namespace

// In the order of qopt_type.
static constexpr TypeFacts types[] = {
    {{2, 32, 1}, 4}, {{2, 16, 1}, 2}, {{4, 16, 1}, 2}, {{2, 64, 1}, 8},
    {{0, 8, 1}, 1},  {{0, 16, 1}, 2}, {{0, 32, 1}, 4}, {{0, 64, 1}, 8},
    {{1, 8, 1}, 1},  {{6, 8, 1}, 1}};

uint64_t sizeOf(uint32_t type) {
  return type <= QOPT_BOOL ? types[type].bytes : 0;
}

qopt_dtype dtypeOf(uint32_t type) {
  return type <= QOPT_BOOL ? types[type].dtype : qopt_dtype{};
}

const qopt_entry *findEntry(const qopt_variant *variant, const char *name) {
  for (uint32_t i = 0; i < variant->entry_count; ++i)
    if (!strcmp(variant->entries[i].name, name))
      return &variant->entries[i];
  return nullptr;
}

static void count(const qopt_tensor_spec *specs, uint32_t n, Room &room) {
  room.values += n;
  for (uint32_t i = 0; i < n; ++i)
    room.dims += specs[i].rank;
}

static const qopt_value *fill(const qopt_entry &entry,
                              const qopt_tensor_spec *specs, uint32_t n,
                              Room &room) {
  const qopt_value *first = room.nextValue;
  for (uint32_t i = 0; i < n; ++i) {
    const qopt_tensor_spec &spec = specs[i];
    *room.nextValue++ = {spec.name, dtypeOf(spec.type), int32_t(spec.rank),
                         room.nextSize, room.nextName};
    for (uint32_t d = 0; d < spec.rank; ++d) {
      int64_t code = spec.dims[d];
      bool named = code < 0 && code != QOPT_DERIVED;
      *room.nextSize++ = code < 0 ? -1 : code;
      *room.nextName++ = named ? entry.symbols[-1 - code] : nullptr;
    }
  }
  return first;
}

qopt_signature *makeSignatures(const qopt_variant *variant) {
  Room room;
  for (uint32_t i = 0; i < variant->entry_count; ++i) {
    const qopt_entry &entry = variant->entries[i];
    count(entry.inputs, entry.input_count, room);
    count(entry.outputs, entry.output_count, room);
  }
  uint64_t heads = variant->entry_count * sizeof(qopt_signature),
           values = room.values * sizeof(qopt_value),
           sizes = room.dims * sizeof(int64_t);
  auto *memory = static_cast<uint8_t *>(calloc(1, heads + values + 2 * sizes));
  if (!memory)
    return nullptr;
  room.nextValue = reinterpret_cast<qopt_value *>(memory + heads);
  room.nextSize = reinterpret_cast<int64_t *>(memory + heads + values);
  room.nextName =
      reinterpret_cast<const char **>(memory + heads + values + sizes);
  auto *signatures = reinterpret_cast<qopt_signature *>(memory);
  for (uint32_t i = 0; i < variant->entry_count; ++i) {
    const qopt_entry &entry = variant->entries[i];
    qopt_signature &signature = signatures[i];
    signature.size = sizeof signature;
    signature.input_count = entry.input_count;
    signature.output_count = entry.output_count;
    signature.inputs = fill(entry, entry.inputs, entry.input_count, room);
    signature.outputs = fill(entry, entry.outputs, entry.output_count, room);
  }
  return signatures;
}

} // namespace qopt::runtime

using namespace qopt::runtime;

qopt_status qopt_model_signature(const qopt_model *model, const char *entry,
                                 qopt_signature *signature, qopt_error *error) {
  if (!model || !entry || !signature || signature->size < sizeof *signature)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected a model, the name of an entry, and a signature with "
                "its size set");
  const qopt_entry *found = findEntry(model->variant, entry);
  if (!found)
    return fail(error, QOPT_NOT_FOUND,
                "the model has no entry '%.60s'; each has 'run'", entry);
  uint64_t size = signature->size;
  *signature = model->signatures[found - model->variant->entries];
  signature->size = size;
  return QOPT_OK;
}
