// Compares the caller's tensors with what an entry takes and gives.

#include "qopt/runtime/Tensors.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

namespace qopt::runtime {

namespace {

/// A piece of a message.
class Text {
public:
  void add(const char *format, ...) __attribute__((format(printf, 2, 3))) {
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(text + used, sizeof text - used, format, arguments);
    va_end(arguments);
    if (wanted > 0)
      used += size_t(wanted);
    if (used > sizeof text - 1)
      used = sizeof text - 1;
  }
  const char *get() const { return text; }

private:
  char text[80] = "";
  size_t used = 0;
};

} // namespace

/// The largest rank of a tensor that callers may give.
static constexpr int32_t mostAxes = 64;

static Text typeText(qopt_dtype type) {
  static constexpr const char *kinds[] = {"i", "u", "f", "opaque", "bf"};
  Text text;
  if (type.code == 6)
    text.add("bool");
  else
    text.add("%s%u", type.code < 5 ? kinds[type.code] : "unknown ", type.bits);
  if (type.lanes != 1)
    text.add("x%u", type.lanes);
  return text;
}

static Text shapeText(const int64_t *dims, uint32_t rank) {
  Text text;
  text.add("[");
  for (uint32_t i = 0; i < rank; ++i)
    text.add(i ? ", %lld" : "%lld", static_cast<long long>(dims[i]));
  text.add("]");
  return text;
}

/// Sizes as the entry names them, and what is known of them.
static Text namedShapeText(const qopt_entry &entry,
                           const qopt_tensor_spec &spec,
                           const int64_t *symbols) {
  Text text;
  text.add("[");
  for (uint32_t d = 0; d < spec.rank; ++d) {
    int64_t code = spec.dims[d];
    text.add("%s", d ? ", " : "");
    if (code >= 0)
      text.add("%lld", static_cast<long long>(code));
    else if (code == QOPT_DERIVED)
      text.add("?");
    else if (symbols[-1 - code] < 0)
      text.add("%.24s", entry.symbols[-1 - code]);
    else
      text.add("%.24s = %lld", entry.symbols[-1 - code],
               static_cast<long long>(symbols[-1 - code]));
  }
  text.add("]");
  return text;
}

qopt_status checkTensor(const char *role, const qopt_tensor_spec &spec,
                        const qopt_tensor &tensor, qopt_error *error) {
  qopt_dtype type = dtypeOf(spec.type), got = tensor.type;
  if (type.code != got.code || type.bits != got.bits || type.lanes != got.lanes)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "%s '%.60s': expected elements of type %s, got %s", role,
                spec.name, typeText(type).get(), typeText(got).get());
  if (tensor.rank != int32_t(spec.rank) || tensor.rank > mostAxes)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "%s '%.60s': expected %u axes, got %d", role, spec.name,
                spec.rank, tensor.rank);
  if (tensor.device_type != 1)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "%s '%.60s': expected memory of the CPU (device type 1), got "
                "device type %d",
                role, spec.name, tensor.device_type);
  uint64_t elements = 0;
  if (tensor.rank && !tensor.shape)
    return fail(error, QOPT_INVALID_ARGUMENT, "%s '%.60s': shape is NULL", role,
                spec.name);
  if (!countElements(tensor.shape, spec.rank, &elements))
    return fail(error, QOPT_INVALID_ARGUMENT,
                "%s '%.60s': got negative or too large sizes: %s", role,
                spec.name, shapeText(tensor.shape, spec.rank).get());
  if (elements && !tensor.data)
    return fail(error, QOPT_INVALID_ARGUMENT, "%s '%.60s': data is NULL", role,
                spec.name);
  return QOPT_OK;
}

qopt_status solveSymbols(qopt_context &context, const qopt_entry &entry,
                         const qopt_tensor *inputs, qopt_error *error) {
  if (!context.symbols.resize(entry.symbol_count + 1))
    return failMemory(error, "the sizes", entry.symbol_count * sizeof(int64_t));
  int64_t *symbols = context.symbols.begin();
  for (uint32_t i = 0; i < entry.symbol_count; ++i)
    symbols[i] = -1;
  for (uint32_t i = 0; i < entry.input_count; ++i) {
    const qopt_tensor_spec &spec = entry.inputs[i];
    bool agrees = true;
    for (uint32_t d = 0; d < spec.rank && agrees; ++d) {
      int64_t code = spec.dims[d], size = inputs[i].shape[d];
      if (code == QOPT_DERIVED)
        continue;
      agrees = code >= 0 ? code == size
                         : symbols[-1 - code] < 0 || symbols[-1 - code] == size;
      if (code < 0 && agrees)
        symbols[-1 - code] = size;
    }
    if (!agrees)
      return fail(error, QOPT_INVALID_ARGUMENT,
                  "input '%.60s': expected shape %s, got %s", spec.name,
                  namedShapeText(entry, spec, symbols).get(),
                  shapeText(inputs[i].shape, spec.rank).get());
  }
  for (uint32_t i = 0; i < entry.symbol_count; ++i)
    if (symbols[i] < 0)
      return fail(error, QOPT_INVALID_ARGUMENT,
                  "entry '%.20s': no input tells the size '%.60s'", entry.name,
                  entry.symbols[i]);
  if (qopt_status status = computeDims(context, entry, error))
    return status;
  const int64_t *dims = context.dims.begin();
  for (uint32_t i = 0; i < entry.input_count; dims += entry.inputs[i++].rank)
    if (!hasShape(inputs[i], dims))
      return failShape("input", entry.inputs[i], dims, inputs[i], error);
  return QOPT_OK;
}

/// The input of that name and rank, or null.
static const qopt_tensor *findInput(const qopt_entry &entry,
                                    const qopt_tensor *inputs,
                                    const char *prefix, uint32_t rank) {
  for (uint32_t i = 0; i < entry.input_count; ++i)
    if (entry.inputs[i].rank == rank &&
        !strncmp(entry.inputs[i].name, prefix, strlen(prefix)))
      return &inputs[i];
  return nullptr;
}

static qopt_status checkMask(const qopt_entry &entry, const qopt_tensor *inputs,
                             qopt_error *error) {
  const qopt_tensor *ids = findInput(entry, inputs, "input_ids", 2),
                    *mask = findInput(entry, inputs, "attention_mask", 2),
                    *past = findInput(entry, inputs, "past", 4);
  if (!ids || !mask)
    return QOPT_OK;
  int64_t wanted[] = {ids->shape[0],
                      ids->shape[1] + (past ? past->shape[2] : 0)};
  return hasShape(*mask, wanted)
             ? QOPT_OK
             : failShape("input", entry.inputs[mask - inputs], wanted, *mask,
                         error);
}

qopt_status checkLimits(const qopt_context &context, const qopt_entry &entry,
                        const qopt_tensor *inputs, qopt_error *error) {
  bool language = context.model->prefill;
  if (language)
    if (qopt_status status = checkMask(entry, inputs, error))
      return status;
  for (uint32_t i = 0; i < entry.input_count; ++i) {
    const qopt_tensor_spec &spec = entry.inputs[i];
    bool tokens = language && spec.rank == 2 && !strcmp(spec.name, "input_ids");
    for (uint32_t d = 0; d < spec.rank; ++d) {
      int64_t code = spec.dims[d];
      if (code >= 0)
        continue;
      // A size is a batch or a length by its name, or as that of the tokens; a
      // sum of sizes is the length of past and present.
      const char *name = code == QOPT_DERIVED ? "" : entry.symbols[-1 - code];
      bool isBatch = strstr(name, "batch") || (tokens && d == 0);
      bool isLength = strstr(name, "seq") || (tokens && d == 1) ||
                      (language && code == QOPT_DERIVED);
      uint64_t limit = isBatch    ? context.maxBatch
                       : isLength ? context.maxSeq
                                  : UINT64_MAX;
      if (uint64_t(inputs[i].shape[d]) > limit)
        return fail(error, QOPT_INVALID_ARGUMENT,
                    "input '%.60s': expected at most %llu on axis %u (%s), "
                    "got %s",
                    spec.name, static_cast<unsigned long long>(limit), d,
                    isBatch ? "max_batch" : "max_seq",
                    shapeText(inputs[i].shape, spec.rank).get());
    }
  }
  return QOPT_OK;
}

qopt_status checkTokens(const qopt_context &context, const qopt_entry &entry,
                        qopt_error *error) {
  int64_t vocabulary = context.model->program->vocabulary;
  const int64_t *dims = context.dims.begin();
  for (uint32_t i = 0; context.model->prefill && i < entry.input_count;
       dims += entry.inputs[i++].rank) {
    const qopt_tensor_spec &spec = entry.inputs[i];
    bool isLong = spec.type == QOPT_I64;
    uint64_t count = 0;
    if ((strcmp(spec.name, "input_ids") && strcmp(spec.name, "targets")) ||
        (!isLong && spec.type != QOPT_I32) ||
        !countElements(dims, spec.rank, &count))
      continue;
    const void *ids = context.inputs[i];
    for (uint64_t k = 0; k < count; ++k) {
      int64_t id = isLong ? static_cast<const int64_t *>(ids)[k]
                          : static_cast<const int32_t *>(ids)[k];
      if (id < 0 || id >= vocabulary)
        return fail(error, QOPT_INVALID_ARGUMENT,
                    "input '%.60s': expected tokens from 0 to %lld, got %lld",
                    spec.name, static_cast<long long>(vocabulary - 1),
                    static_cast<long long>(id));
    }
  }
  return QOPT_OK;
}

bool hasShape(const qopt_tensor &tensor, const int64_t *dims) {
  return !tensor.rank ||
         !memcmp(tensor.shape, dims, size_t(tensor.rank) * sizeof *dims);
}

qopt_status failShape(const char *role, const qopt_tensor_spec &spec,
                      const int64_t *dims, const qopt_tensor &tensor,
                      qopt_error *error) {
  return fail(error, QOPT_INVALID_ARGUMENT,
              "%s '%.60s': expected shape %s, got %s", role, spec.name,
              shapeText(dims, spec.rank).get(),
              shapeText(tensor.shape, spec.rank).get());
}

bool isDense(const qopt_tensor &tensor) {
  if (!tensor.strides)
    return true;
  int64_t expected = 1;
  for (int32_t d = tensor.rank - 1; d >= 0; --d) {
    // Nobody steps along an axis of one.
    if (tensor.shape[d] != 1 && tensor.strides[d] != expected)
      return false;
    expected *= tensor.shape[d];
  }
  return true;
}

void copyDense(const qopt_tensor &tensor, uint64_t elementBytes, uint8_t *to) {
  int64_t index[mostAxes] = {}, strides[mostAxes];
  int64_t stride = int64_t(elementBytes);
  for (int32_t d = tensor.rank - 1; d >= 0; --d) {
    strides[d] =
        tensor.strides ? tensor.strides[d] * int64_t(elementBytes) : stride;
    stride *= tensor.shape[d];
  }
  auto *from = static_cast<const uint8_t *>(tensor.data) + tensor.byte_offset;
  for (int32_t d = 0; d >= 0;) {
    memcpy(to, from, elementBytes);
    to += elementBytes;
    for (d = tensor.rank - 1; d >= 0; --d) {
      from += strides[d];
      if (++index[d] < tensor.shape[d])
        break;
      from -= strides[d] * tensor.shape[d];
      index[d] = 0;
    }
  }
}

} // namespace qopt::runtime
