// Continues sequences, and measures texts.

#include "qopt/runtime/Tensors.h"

#include <string.h>

namespace qopt::runtime {

namespace {

/// One call of an entry of a language model. All that can fail comes before
/// anything changes.
class Step {
public:
  Step(qopt_context &context, uint64_t batch, uint64_t count, qopt_error *error)
      : context(context), batch(batch), count(count), error(error) {}

  qopt_status forward(const int64_t *ids, float *logits);
  qopt_status measure(const int64_t *ids, const int64_t *targets, float *nll);

private:
  qopt_status checkBatch();
  qopt_status checkIds(const char *what, const int64_t *ids);
  qopt_status runCached(const int64_t *ids, float *logits);
  qopt_status runAnew(const int64_t *ids, float *logits);
  qopt_status keepIds(const int64_t *ids);
  qopt_status call(const qopt_entry &entry, uint64_t tokens,
                   const int64_t *const *tables, float *result);

  qopt_context &context;
  uint64_t batch, count;
  qopt_error *error;
};

} // namespace

float widen(uint16_t bits, uint32_t type) {
  uint32_t wide = uint32_t(bits) << 16; // bf16
  if (type == QOPT_F16) {
    uint32_t sign = uint32_t(bits & 0x8000) << 16, exponent = bits >> 10 & 31,
             fraction = bits & 0x3ff;
    if (exponent == 31)
      wide = sign | 0x7f800000 | fraction << 13;
    else if (exponent)
      wide = sign | (exponent + 112) << 23 | fraction << 13;
    else {
      float small = float(fraction) * 0x1p-24f;
      return sign ? -small : small;
    }
  }
  float result;
  memcpy(&result, &wide, sizeof result);
  return result;
}

static void toFloats(const void *from, uint32_t type, uint64_t n, float *to) {
  for (uint64_t i = 0; i < n; ++i)
    if (type == QOPT_F32)
      to[i] = static_cast<const float *>(from)[i];
    else if (type == QOPT_F64)
      to[i] = float(static_cast<const double *>(from)[i]);
    else
      to[i] = widen(static_cast<const uint16_t *>(from)[i], type);
}

/// A site's share of its codes is the context's, not the caller's.
static bool isLambda(const qopt_tensor_spec &input) {
  return input.type == QOPT_F32 && !strcmp(input.name, "lambda");
}

static bool isFloat(uint32_t type) { return type <= QOPT_F64; }

static unsigned long long wide(uint64_t value) { return value; }

qopt_status Step::checkBatch() {
  if (!context.model->prefill)
    return fail(error, QOPT_NOT_FOUND,
                "this is no language model: it has no entry 'prefill'; use "
                "qopt_run");
  if (!batch || !count)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected at least one sequence and one token, got [%llu, "
                "%llu]",
                wide(batch), wide(count));
  if (batch > context.maxBatch)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected a batch of at most %llu, got %llu; compile with a "
                "larger --max-batch",
                wide(context.maxBatch), wide(batch));
  return QOPT_OK;
}

qopt_status Step::checkIds(const char *what, const int64_t *ids) {
  if (!ids)
    return fail(error, QOPT_INVALID_ARGUMENT, "expected %s, got NULL", what);
  int64_t vocabulary = context.model->program->vocabulary;
  for (uint64_t i = 0; i < batch * count; ++i)
    if (ids[i] < 0 || ids[i] >= vocabulary)
      return fail(error, QOPT_INVALID_ARGUMENT,
                  "expected %s from 0 to %lld, got %lld at [%llu, %llu]", what,
                  static_cast<long long>(vocabulary - 1),
                  static_cast<long long>(ids[i]), wide(i / count),
                  wide(i % count));
  return QOPT_OK;
}

/// Runs `entry` on tables of ids [batch, tokens], and writes its one result.
qopt_status Step::call(const qopt_entry &entry, uint64_t tokens,
                       const int64_t *const *tables, float *result) {
  const qopt_tensor_spec &output = entry.outputs[0];
  if (entry.output_count != 1 || !isFloat(output.type))
    return fail(error, QOPT_CORRUPT,
                "entry '%.20s' does not give one tensor of floats; compile "
                "the model again",
                entry.name);
  uint64_t elements = 0, n = batch * tokens, idBytes = n * sizeof(int64_t);
  const int64_t *dims = context.dims.begin();
  for (uint32_t i = 0; i < entry.input_count; ++i)
    dims += entry.inputs[i].rank;
  uint64_t resultBytes = 0;
  if (!countElements(dims, output.rank, &elements))
    return failMemory(error, "the result", UINT64_MAX);
  if (output.type != QOPT_F32)
    resultBytes = elements * sizeOf(output.type);
  // Ids of another type, then the result of another type.
  uint64_t idRoom = (idBytes + 63) & ~63ull;
  uint64_t room = idRoom * entry.input_count + resultBytes;
  if (!context.staging.reserve(room) ||
      !context.inputs.resize(entry.input_count + 1) ||
      !context.outputs.resize(1) ||
      !context.states.resize(entry.state_count + 1))
    return failMemory(error, "tokens and results", room);
  for (uint32_t i = 0; i < entry.input_count; ++i) {
    if (isLambda(entry.inputs[i])) {
      context.inputs[i] = context.lambda.begin();
      continue;
    }
    const int64_t *table = *tables++;
    context.inputs[i] = table;
    if (entry.inputs[i].type == QOPT_I64)
      continue;
    if (entry.inputs[i].type != QOPT_I32)
      return fail(error, QOPT_CORRUPT,
                  "entry '%.20s' takes tokens of an unknown type; compile the "
                  "model again",
                  entry.name);
    auto *narrow =
        reinterpret_cast<int32_t *>(context.staging.get() + idRoom * i);
    for (uint64_t k = 0; k < n; ++k)
      narrow[k] = int32_t(table[k]);
    context.inputs[i] = narrow;
  }
  uint8_t *staged = context.staging.get() + idRoom * entry.input_count;
  context.outputs[0] = resultBytes ? static_cast<void *>(staged) : result;
  if (entry.state_count)
    placeStates(context, entry);
  if (qopt_status status = execute(context, entry, error))
    return status;
  if (resultBytes)
    toFloats(staged, output.type, elements, result);
  return QOPT_OK;
}

qopt_status Step::runCached(const int64_t *ids, float *logits) {
  const qopt_model &model = *context.model;
  uint64_t total = context.position + count;
  if (qopt_status status = reserveCaches(context, batch, total, error))
    return status;
  const qopt_entry &entry =
      count == 1 && model.decode ? *model.decode : *model.prefill;
  if (qopt_status status =
          setSymbols(context, entry, batch, count, context.position,
                     context.capacity, error))
    return status;
  return call(entry, count, &ids, logits);
}

/// Appends the new tokens to those that are kept.
qopt_status Step::keepIds(const int64_t *ids) {
  uint64_t total = context.position + count;
  if (batch != context.batch || total > context.capacity) {
    uint64_t capacity = total > 64 ? total * 2 : 128;
    Block grown;
    uint64_t bytes = batch * capacity * sizeof(int64_t);
    if (!grown.reserve(bytes))
      return failMemory(error, "the tokens", bytes);
    auto *to = reinterpret_cast<int64_t *>(grown.get());
    auto *from = reinterpret_cast<const int64_t *>(context.ids.get());
    for (uint64_t b = 0; context.position && b < batch; ++b)
      memcpy(to + b * capacity, from + b * context.capacity,
             context.position * sizeof *to);
    context.ids.swap(grown);
    context.batch = batch;
    context.capacity = capacity;
  }
  auto *kept = reinterpret_cast<int64_t *>(context.ids.get());
  for (uint64_t b = 0; b < batch; ++b)
    memcpy(kept + b * context.capacity + context.position, ids + b * count,
           count * sizeof *kept);
  return QOPT_OK;
}

/// Without caches the whole sequence is computed each time.
qopt_status Step::runAnew(const int64_t *ids, float *logits) {
  if (qopt_status status = keepIds(ids))
    return status;
  uint64_t total = context.position + count;
  const qopt_entry &entry = *context.model->prefill;
  if (qopt_status status =
          setSymbols(context, entry, batch, total, 0, 0, error))
    return status;
  auto *kept = reinterpret_cast<const int64_t *>(context.ids.get());
  if (batch == 1)
    return call(entry, total, &kept, logits);
  Block dense;
  uint64_t bytes = batch * total * sizeof *kept;
  if (!dense.reserve(bytes))
    return failMemory(error, "the tokens", bytes);
  auto *rows = reinterpret_cast<int64_t *>(dense.get());
  for (uint64_t b = 0; b < batch; ++b)
    memcpy(rows + b * total, kept + b * context.capacity, total * sizeof *rows);
  const int64_t *table = rows;
  return call(entry, total, &table, logits);
}

qopt_status Step::forward(const int64_t *ids, float *logits) {
  if (qopt_status status = checkBatch())
    return status;
  if (context.position && batch != context.batch)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected %llu sequences as before, got %llu; rewind to 0 to "
                "begin others",
                wide(context.batch), wide(batch));
  if (count > context.maxSeq - context.position)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected at most %llu tokens (max_seq), got %llu after %llu",
                wide(context.maxSeq), wide(count), wide(context.position));
  if (!logits)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected a place for the logits, got NULL");
  if (qopt_status status = checkIds("tokens", ids))
    return status;
  qopt_status status = context.model->prefill->state_count
                           ? runCached(ids, logits)
                           : runAnew(ids, logits);
  if (!status)
    context.position += count;
  return status;
}

qopt_status Step::measure(const int64_t *ids, const int64_t *targets,
                          float *nll) {
  if (qopt_status status = checkBatch())
    return status;
  const qopt_entry *entry = context.model->nll;
  uint32_t tokens = 0;
  for (uint32_t i = 0; entry && i < entry->input_count; ++i)
    tokens += !isLambda(entry->inputs[i]);
  if (!entry || tokens != 2 || entry->state_count)
    return fail(error, QOPT_NOT_FOUND, "the model has no entry 'nll'");
  if (count > context.maxSeq)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected at most %llu tokens (max_seq), got %llu",
                wide(context.maxSeq), wide(count));
  if (!nll)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected a place for the results, got NULL");
  qopt_status status = checkIds("tokens", ids);
  if (!status)
    status = checkIds("targets", targets);
  if (!status)
    status = setSymbols(context, *entry, batch, count, 0, 0, error);
  const int64_t *tables[] = {ids, targets};
  return status ? status : call(*entry, count, tables, nll);
}

} // namespace qopt::runtime

using namespace qopt::runtime;

qopt_status qopt_forward(qopt_context *context, const int64_t *ids,
                         uint64_t batch, uint64_t count, float *logits,
                         qopt_error *error) {
  if (!context)
    return fail(error, QOPT_INVALID_ARGUMENT, "expected a context, got NULL");
  return Step(*context, batch, count, error).forward(ids, logits);
}

qopt_status qopt_context_rewind(qopt_context *context, uint64_t position,
                                qopt_error *error) {
  if (!context || position > context->position)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected a position of at most %llu, got %llu",
                wide(context ? context->position : 0), wide(position));
  context->position = position;
  return QOPT_OK;
}

qopt_status qopt_nll(qopt_context *context, const int64_t *ids,
                     const int64_t *targets, uint64_t batch, uint64_t count,
                     float *nll, qopt_error *error) {
  if (!context)
    return fail(error, QOPT_INVALID_ARGUMENT, "expected a context, got NULL");
  return Step(*context, batch, count, error).measure(ids, targets, nll);
}
