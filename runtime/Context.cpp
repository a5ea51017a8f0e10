// Opens contexts, and gives them memory as it is needed.

#include "qopt/runtime/Context.h"

#include "qopt/runtime/Adapters.h"
#include "qopt/runtime/Cpu.h"
#include "qopt/runtime/cuda/Execute.h"

#include <new>
#include <stdlib.h>
#include <string.h>

namespace qopt::runtime {

/// Far more than there are cores: a number that is a mistake.
static constexpr uint32_t mostThreads = 1024;

static qopt_status checkOptions(const qopt_model &model,
                                const qopt_context_options &options,
                                qopt_error *error) {
  auto limit = [&](const char *name, uint64_t got, int64_t compiled) {
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected %s of at most %lld, what the model was compiled "
                "for, got %llu; compile it with a larger one",
                name, static_cast<long long>(compiled),
                static_cast<unsigned long long>(got));
  };
  if (options.threads > mostThreads)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected at most %u threads, got %u", mostThreads,
                options.threads);
  if (options.max_batch > model.program->max_batch)
    return limit("max_batch", options.max_batch, model.program->max_batch);
  if (options.max_seq > model.program->max_seq)
    return limit("max_seq", options.max_seq, model.program->max_seq);
  if (options.device && !model.program->device)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected device 0, got %d: the model was compiled for CPUs",
                options.device);
  if (options.state && !model.program->variable_count)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected no state file, got '%.80s': the model was not "
                "compiled for training (qopt --train)",
                options.state);
  return QOPT_OK;
}

bool countElements(const int64_t *dims, uint32_t rank, uint64_t *count) {
  // Leaves room for 8 bytes an element and for sums of a few tensors.
  constexpr uint64_t most = 1ull << 48;
  uint64_t product = 1, largest = 1;
  for (uint32_t i = 0; i < rank; ++i) {
    if (dims[i] < 0 || !multiply(product, uint64_t(dims[i]), &product))
      return false;
    // Sizes beside a zero are checked, too: code multiplies them.
    if (dims[i] && !multiply(largest, uint64_t(dims[i]), &largest))
      return false;
  }
  *count = product;
  return largest <= most;
}

qopt_status computeDims(qopt_context &context, const qopt_entry &entry,
                        qopt_error *error) {
  uint64_t total = 0;
  auto count = [&](const qopt_tensor_spec *specs, uint32_t n) {
    for (uint32_t i = 0; i < n; ++i)
      total += specs[i].rank;
  };
  count(entry.inputs, entry.input_count);
  count(entry.outputs, entry.output_count);
  count(entry.states, entry.state_count);
  if (!context.dims.resize(total + 1))
    return failMemory(error, "the sizes", total * sizeof(int64_t));
  entry.shapes(context.symbols.begin(), context.dims.begin());
  return QOPT_OK;
}

qopt_status reserveArena(qopt_context &context, const qopt_entry &entry,
                         qopt_error *error) {
  int64_t bytes = entry.arena_bytes(context.symbols.begin());
  if (bytes >= 0 && context.device)
    return context.device->reserve(context.device->arena, uint64_t(bytes),
                                   "the arena", error);
  if (bytes < 0 || !context.arena.reserve(uint64_t(bytes)))
    return failMemory(error, "the arena",
                      bytes < 0 ? UINT64_MAX : uint64_t(bytes));
  return QOPT_OK;
}

qopt_status execute(qopt_context &context, const qopt_entry &entry,
                    qopt_error *error) {
  if (qopt_status status = reserveArena(context, entry, error))
    return status;
  if (context.device)
    return cuda::execute(context, entry, error);
  qopt_call call = {context.weights ? context.weights : context.model->weights,
                    context.arena.get(),
                    context.symbols.begin(),
                    context.inputs.begin(),
                    context.outputs.begin(),
                    context.states.begin(),
                    context.pool,
                    context.variables.get(),
                    context.inputs.begin()};
  entry.run(&call);
  return QOPT_OK;
}

/// All that a context has but its memory for steps.
static qopt_status openParts(qopt_context &context,
                             const qopt_context_options &options,
                             qopt_error *error) {
  const qopt_model &model = *context.model;
  uint64_t sites = lambdaCount(model.variant);
  if (!context.lambda.resize(sites))
    return failMemory(error, "lambda", sites * sizeof(float));
  for (float &value : context.lambda)
    value = 1;
  uint32_t cores = cpuCores();
  uint32_t threads = options.threads ? options.threads : cores;
  qopt_status status =
      Pool::open(threads, threads <= cores, &context.pool, error);
  if (!status)
    status = context.variables.open(model, error);
  if (!status && model.program->device)
    status = cuda::open(context, options.device, error);
  if (!status && options.state)
    status = qopt_state_load(&context, options.state, nullptr, error);
  return status;
}

} // namespace qopt::runtime

using namespace qopt::runtime;

qopt_status qopt_context_open(qopt_model *model,
                              const qopt_context_options *given,
                              qopt_context **out, qopt_error *error) {
  if (!model || !out)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected a model and a place for the context");
  qopt_context_options options = {};
  if (given) {
    uint64_t bytes = given->size;
    if (bytes < sizeof options.size)
      return fail(error, QOPT_INVALID_ARGUMENT,
                  "expected the options' size to be set, got %llu",
                  static_cast<unsigned long long>(bytes));
    memcpy(&options, given, bytes < sizeof options ? bytes : sizeof options);
  }
  if (qopt_status status = checkOptions(*model, options, error))
    return status;
  void *memory = malloc(sizeof(qopt_context));
  if (!memory)
    return failMemory(error, "a context", sizeof(qopt_context));
  auto *context = new (memory) qopt_context;
  context->model = model;
  context->maxBatch = options.max_batch ? options.max_batch
                                        : uint64_t(model->program->max_batch);
  context->maxSeq =
      options.max_seq ? options.max_seq : uint64_t(model->program->max_seq);
  qopt_status status = openParts(*context, options, error);
  if (status)
    qopt_context_close(context);
  else
    *out = context;
  return status;
}

void qopt_context_close(qopt_context *context) {
  if (!context)
    return;
  cuda::close(*context);
  Pool::close(context->pool);
  releaseWeights(*context);
  context->~qopt_context();
  free(context);
}

int64_t qopt_context_max_seq(const qopt_context *context) {
  return int64_t(context->maxSeq);
}

uint64_t qopt_context_position(const qopt_context *context) {
  return context->position;
}
