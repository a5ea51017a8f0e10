/* A language model's `run`, called with no past, for comparison. */
#ifndef LANGUAGE_H
#define LANGUAGE_H

#include "check.h"

enum { maxInputs = 64 };

static inline float half_to_float(uint16_t bits) {
  int exponent = bits >> 10 & 31;
  float fraction = (float)(bits & 1023), value;
  if (exponent)
    value = ldexpf(1024 + fraction, exponent - 25);
  else
    value = ldexpf(fraction, -24);
  return bits >> 15 ? -value : value;
}

/* The logits of `run` for whole sequences, f32 [batch, count, vocabulary]; the
 * caller frees them. */
static inline float *run_whole(qopt_model *model, qopt_context *context,
                               const int64_t *ids, int64_t batch,
                               int64_t count) {
  qopt_signature signature = {sizeof signature, 0, 0, NULL, NULL};
  qopt_tensor inputs[maxInputs], outputs[maxInputs];
  int64_t shapes[maxInputs][4], dims[4 * maxInputs], b, t;
  int64_t *dim = dims, n = batch * count;
  int64_t *ones = malloc((size_t)n * 8), *positions = malloc((size_t)n * 8);
  void *logits = NULL;
  float *result = NULL;
  uint32_t i, k;
  for (b = 0; b < batch; ++b)
    for (t = 0; t < count; ++t) {
      ones[b * count + t] = 1;
      positions[b * count + t] = t;
    }
  OK(qopt_model_signature(model, "run", &signature, &error));
  for (i = 0; i < signature.input_count; ++i) {
    const qopt_value *value = &signature.inputs[i];
    int past = !strncmp(value->name, "past", 4);
    int mask = !strcmp(value->name, "attention_mask");
    void *data = past                                   ? NULL
                 : mask                                 ? (void *)ones
                 : !strcmp(value->name, "position_ids") ? (void *)positions
                                                        : (void *)ids;
    for (k = 0; k < (uint32_t)value->rank; ++k)
      shapes[i][k] = value->shape[k];
    shapes[i][0] = batch;
    shapes[i][past ? 2 : 1] = past ? 0 : count;
    inputs[i] = tensor(data, value->type, value->rank, shapes[i]);
  }
  OK(qopt_output_shapes(context, "run", inputs, signature.input_count, dims,
                        4 * maxInputs, &error));
  for (i = 0; i < signature.output_count; ++i) {
    const qopt_value *value = &signature.outputs[i];
    uint64_t bytes = value->type.bits / 8;
    for (k = 0; k < (uint32_t)value->rank; ++k)
      bytes *= (uint64_t)dim[k];
    outputs[i] = tensor(malloc(bytes), value->type, value->rank, dim);
    if (!strcmp(value->name, "logits"))
      logits = outputs[i].data;
    dim += value->rank;
  }
  OK(qopt_run(context, "run", inputs, signature.input_count, outputs,
              signature.output_count, &error));
  n *= qopt_model_vocabulary(model);
  result = malloc((size_t)n * sizeof *result);
  for (t = 0; t < n; ++t)
    result[t] = signature.outputs[0].type.bits == 16
                    ? half_to_float(((uint16_t *)logits)[t])
                    : ((float *)logits)[t];
  for (i = 0; i < signature.output_count; ++i)
    free(outputs[i].data);
  free(ones);
  free(positions);
  return result;
}

/* A mask that is longer than the sequence would be read beyond its end. */
static inline void refuses_mask(qopt_model *model, qopt_context *context) {
  qopt_signature signature = {sizeof signature, 0, 0, NULL, NULL};
  qopt_tensor inputs[maxInputs];
  int64_t data[64] = {0}, shapes[maxInputs][4], dims[4 * maxInputs];
  uint32_t i, k;
  OK(qopt_model_signature(model, "run", &signature, &error));
  for (i = 0; i < signature.input_count; ++i) {
    const qopt_value *value = &signature.inputs[i];
    for (k = 0; k < (uint32_t)value->rank; ++k)
      shapes[i][k] = value->shape[k] < 0 ? k == 0 : value->shape[k];
    if (value->rank == 2)
      shapes[i][1] = strcmp(value->name, "attention_mask") ? 3 : 4;
    inputs[i] = tensor(data, value->type, value->rank, shapes[i]);
  }
  FAILS(qopt_output_shapes(context, "run", inputs, signature.input_count, dims,
                           4 * maxInputs, &error),
        QOPT_INVALID_ARGUMENT, "input 'attention_mask': expected shape [");
}

/* Token ids that are the same in every run. */
static inline int64_t *some_ids(int64_t n, int64_t vocabulary, uint32_t seed) {
  int64_t *ids = malloc((size_t)n * sizeof *ids), i;
  for (i = 0; i < n; ++i) {
    seed = seed * 1664525u + 1013904223u;
    ids[i] = (int64_t)((seed >> 8) % (uint32_t)vocabulary);
  }
  return ids;
}

/* The largest difference of two rows. */
static inline double distance(const float *a, const float *b, int64_t n) {
  double most = 0;
  int64_t i;
  for (i = 0; i < n; ++i) {
    double d = fabs((double)a[i] - (double)b[i]);
    most = d > most || d != d ? d : most;
  }
  return most;
}

#endif
