// Runs entries on the caller's tensors.

#include "qopt/runtime/Context.h"
#include "qopt/runtime/Tensors.h"

#include <string.h>

namespace qopt::runtime {

namespace {

/// One call of qopt_run: everything is checked, then it runs.
class Call {
public:
  Call(qopt_context &context, const qopt_entry &entry, qopt_error *error)
      : context(context), entry(entry), error(error) {}

  qopt_status solve(const qopt_tensor *inputs, uint32_t count);
  qopt_status run(const qopt_tensor *inputs, const qopt_tensor *outputs,
                  uint32_t outputCount);
  const int64_t *outputDims() const;

private:
  qopt_status checkOutputs(const qopt_tensor *inputs,
                           const qopt_tensor *outputs, uint32_t count);
  qopt_status gatherInputs(const qopt_tensor *inputs);

  qopt_context &context;
  const qopt_entry &entry;
  qopt_error *error;
  bool empty = true; ///< all outputs are
};

/// Memory of a tensor, to see what overlaps.
struct Range {
  const uint8_t *begin;
  uint64_t bytes;
  bool overlaps(const Range &other) const {
    return bytes && other.bytes && begin < other.begin + other.bytes &&
           other.begin < begin + bytes;
  }
};

} // namespace

static const uint8_t *dataOf(const qopt_tensor &tensor) {
  return static_cast<const uint8_t *>(tensor.data) + tensor.byte_offset;
}

static uint64_t elementsOf(const qopt_tensor &tensor) {
  uint64_t count = 0;
  countElements(tensor.shape, uint32_t(tensor.rank), &count);
  return count;
}

/// From the first byte that the strides reach to behind the last.
static Range rangeOf(const qopt_tensor &tensor, uint32_t type) {
  Range range = {dataOf(tensor), sizeOf(type)};
  if (!elementsOf(tensor))
    return {range.begin, 0};
  int64_t stride = 1;
  for (int32_t d = tensor.rank - 1; d >= 0; --d) {
    int64_t step = tensor.strides ? tensor.strides[d] : stride;
    int64_t span = (tensor.shape[d] - 1) * step * int64_t(sizeOf(type));
    stride *= tensor.shape[d];
    if (span < 0)
      range.begin += span;
    range.bytes += uint64_t(span < 0 ? -span : span);
  }
  return range;
}

const int64_t *Call::outputDims() const {
  const int64_t *dims = context.dims.begin();
  for (uint32_t i = 0; i < entry.input_count; ++i)
    dims += entry.inputs[i].rank;
  return dims;
}

qopt_status Call::solve(const qopt_tensor *inputs, uint32_t count) {
  if (entry.state_count)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "entry '%.40s' keeps keys and values: call qopt_forward",
                entry.name);
  if (count != entry.input_count || (count && !inputs))
    return fail(error, QOPT_INVALID_ARGUMENT,
                "entry '%.40s': expected %u inputs, got %u", entry.name,
                entry.input_count, count);
  for (uint32_t i = 0; i < count; ++i)
    if (qopt_status status =
            checkTensor("input", entry.inputs[i], inputs[i], error))
      return status;
  if (qopt_status status = solveSymbols(context, entry, inputs, error))
    return status;
  return checkLimits(context, entry, inputs, error);
}

qopt_status Call::checkOutputs(const qopt_tensor *inputs,
                               const qopt_tensor *outputs, uint32_t count) {
  if (count != entry.output_count || (count && !outputs))
    return fail(error, QOPT_INVALID_ARGUMENT,
                "entry '%.40s': expected %u outputs, got %u", entry.name,
                entry.output_count, count);
  const int64_t *dims = outputDims();
  for (uint32_t i = 0; i < count; dims += entry.outputs[i++].rank) {
    const qopt_tensor_spec &spec = entry.outputs[i];
    if (qopt_status status = checkTensor("output", spec, outputs[i], error))
      return status;
    if (!hasShape(outputs[i], dims))
      return failShape("output", spec, dims, outputs[i], error);
    if (!isDense(outputs[i]))
      return fail(error, QOPT_INVALID_ARGUMENT,
                  "output '%.60s': expected no strides, or those of a "
                  "row-major array without gaps",
                  spec.name);
    empty &= elementsOf(outputs[i]) == 0;
    Range range = rangeOf(outputs[i], spec.type);
    if (uintptr_t(range.begin) % sizeOf(spec.type))
      return fail(error, QOPT_INVALID_ARGUMENT,
                  "output '%.60s': expected data at a multiple of %llu bytes",
                  spec.name,
                  static_cast<unsigned long long>(sizeOf(spec.type)));
    for (uint32_t k = 0; k < entry.input_count; ++k)
      if (range.overlaps(rangeOf(inputs[k], entry.inputs[k].type)))
        return fail(error, QOPT_INVALID_ARGUMENT,
                    "output '%.60s' overlaps input '%.60s': give it memory of "
                    "its own",
                    spec.name, entry.inputs[k].name);
    for (uint32_t k = 0; k < i; ++k)
      if (range.overlaps(rangeOf(outputs[k], entry.outputs[k].type)))
        return fail(error, QOPT_INVALID_ARGUMENT,
                    "output '%.60s' overlaps output '%.60s': give it memory "
                    "of its own",
                    spec.name, entry.outputs[k].name);
  }
  return QOPT_OK;
}

/// Compiled code reads inputs without gaps; others are copied first.
qopt_status Call::gatherInputs(const qopt_tensor *inputs) {
  auto asIs = [&](uint32_t i) {
    return isDense(inputs[i]) &&
           uintptr_t(dataOf(inputs[i])) % sizeOf(entry.inputs[i].type) == 0;
  };
  auto bytesOf = [&](uint32_t i) {
    return (elementsOf(inputs[i]) * sizeOf(entry.inputs[i].type) + 63) & ~63ull;
  };
  uint64_t bytes = 64; // where inputs without elements point to
  for (uint32_t i = 0; i < entry.input_count; ++i)
    if (!asIs(i))
      bytes += bytesOf(i);
  if (!context.staging.reserve(bytes) ||
      !context.inputs.resize(entry.input_count + 1) ||
      !context.outputs.resize(entry.output_count + 1))
    return failMemory(error, "a copy of the inputs with strides", bytes);
  uint8_t *next = context.staging.get() + 64;
  for (uint32_t i = 0; i < entry.input_count; ++i) {
    context.inputs[i] = dataOf(inputs[i]);
    if (!elementsOf(inputs[i])) {
      context.inputs[i] = context.staging.get();
    } else if (!asIs(i)) {
      copyDense(inputs[i], sizeOf(entry.inputs[i].type), next);
      context.inputs[i] = next;
      next += bytesOf(i);
    }
  }
  return QOPT_OK;
}

qopt_status Call::run(const qopt_tensor *inputs, const qopt_tensor *outputs,
                      uint32_t outputCount) {
  if (qopt_status status = checkOutputs(inputs, outputs, outputCount))
    return status;
  if (empty)
    return QOPT_OK;
  if (qopt_status status = gatherInputs(inputs))
    return status;
  if (qopt_status status = checkTokens(context, entry, error))
    return status;
  for (uint32_t i = 0; i < outputCount; ++i)
    context.outputs[i] = const_cast<uint8_t *>(dataOf(outputs[i]));
  return execute(context, entry, error);
}

static qopt_status find(const qopt_context *context, const char *name,
                        const qopt_entry **entry, qopt_error *error) {
  if (!context || !name)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected a context and the name of an entry, got NULL");
  *entry = findEntry(context->model->variant, name);
  if (*entry)
    return QOPT_OK;
  return fail(error, QOPT_NOT_FOUND,
              "the model has no entry '%.60s'; each has 'run'", name);
}

} // namespace qopt::runtime

using namespace qopt::runtime;

qopt_status qopt_output_shapes(const qopt_context *context, const char *name,
                               const qopt_tensor *inputs, uint32_t inputCount,
                               int64_t *dims, uint64_t capacity,
                               qopt_error *error) {
  const qopt_entry *entry = nullptr;
  if (qopt_status status = find(context, name, &entry, error))
    return status;
  // The sizes of the last call, which the next one computes anew.
  Call call(*const_cast<qopt_context *>(context), *entry, error);
  if (qopt_status status = call.solve(inputs, inputCount))
    return status;
  uint64_t count = 0;
  for (uint32_t i = 0; i < entry->output_count; ++i)
    count += entry->outputs[i].rank;
  if (capacity < count || (count && !dims))
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected room for %llu sizes, got room for %llu",
                static_cast<unsigned long long>(count),
                static_cast<unsigned long long>(dims ? capacity : 0));
  if (count)
    memcpy(dims, call.outputDims(), count * sizeof *dims);
  return QOPT_OK;
}

qopt_status qopt_run(qopt_context *context, const char *name,
                     const qopt_tensor *inputs, uint32_t inputCount,
                     const qopt_tensor *outputs, uint32_t outputCount,
                     qopt_error *error) {
  const qopt_entry *entry = nullptr;
  if (qopt_status status = find(context, name, &entry, error))
    return status;
  Call call(*context, *entry, error);
  if (qopt_status status = call.solve(inputs, inputCount))
    return status;
  return call.run(inputs, outputs, outputCount);
}
