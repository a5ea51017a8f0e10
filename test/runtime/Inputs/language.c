/* A language model, in steps and as a whole: language TOLERANCE. */

#include "language.h"

static double tolerance;

/* `counts` tokens at a time, against the whole; then back and once more. */
static void steps(qopt_model *model, qopt_context *context, int64_t batch,
                  const int64_t *counts) {
  int64_t V = qopt_model_vocabulary(model), total = 0, position = 0, b, i;
  for (i = 0; counts[i]; ++i)
    total += counts[i];
  int64_t *ids = some_ids(batch * total, V, 5);
  int64_t *part = malloc((size_t)(batch * total) * sizeof *part);
  float *whole = run_whole(model, context, ids, batch, total);
  float *logits = malloc((size_t)(batch * V) * sizeof *logits);
  float *again = malloc((size_t)(batch * V) * sizeof *logits);
  OK(qopt_context_rewind(context, 0, &error));
  for (i = 0; counts[i]; ++i) {
    for (b = 0; b < batch; ++b)
      memcpy(part + b * counts[i], ids + b * total + position,
             (size_t)counts[i] * sizeof *ids);
    OK(qopt_forward(context, part, (uint64_t)batch, (uint64_t)counts[i], logits,
                    &error));
    position += counts[i];
    CHECK(qopt_context_position(context) == (uint64_t)position);
    for (b = 0; b < batch; ++b)
      CHECK(distance(logits + b * V, whole + (b * total + position - 1) * V,
                     V) <= tolerance);
  }
  /* The last step once more gives the same bits. */
  --i;
  OK(qopt_context_rewind(context, (uint64_t)(total - counts[i]), &error));
  OK(qopt_forward(context, part, (uint64_t)batch, (uint64_t)counts[i], again,
                  &error));
  CHECK(!memcmp(logits, again, (size_t)(batch * V) * sizeof *logits));
  free(ids);
  free(part);
  free(whole);
  free(logits);
  free(again);
}

static void measures(qopt_model *model, qopt_context *context) {
  enum { batch = 2, count = 9 };
  int64_t V = qopt_model_vocabulary(model), i, v;
  uint64_t before = qopt_context_position(context);
  int64_t *ids = some_ids(batch * count, V, 1);
  int64_t *targets = some_ids(batch * count, V, 2);
  float *whole = run_whole(model, context, ids, batch, count);
  float nll[batch * count];
  OK(qopt_nll(context, ids, targets, batch, count, nll, &error));
  for (i = 0; i < batch * count; ++i) {
    double sum = 0, largest = -1e30;
    for (v = 0; v < V; ++v)
      largest = fmax(largest, whole[i * V + v]);
    for (v = 0; v < V; ++v)
      sum += exp(whole[i * V + v] - largest);
    CHECK(fabs(log(sum) + largest - whole[i * V + targets[i]] - nll[i]) <=
          tolerance);
  }
  CHECK(qopt_context_position(context) == before);
  targets[3] = V;
  FAILS(qopt_nll(context, ids, targets, batch, count, nll, &error),
        QOPT_INVALID_ARGUMENT, "expected targets from 0 to");
  free(ids);
  free(targets);
  free(whole);
}

static void refuses(qopt_model *model, qopt_context *context) {
  int64_t V = qopt_model_vocabulary(model), max;
  int64_t *ids = some_ids(200, V, 3);
  float *logits = malloc((size_t)(4 * V) * sizeof *logits), first;
  max = qopt_context_max_seq(context);
  CHECK(max == 96);
  OK(qopt_context_rewind(context, 0, &error));
  FAILS(qopt_forward(context, ids, 1, 0, logits, &error), QOPT_INVALID_ARGUMENT,
        "at least one sequence and one token");
  FAILS(qopt_forward(context, ids, 4, 1, logits, &error), QOPT_INVALID_ARGUMENT,
        "expected a batch of at most 3, got 4");
  FAILS(qopt_forward(context, ids, 1, 97, logits, &error),
        QOPT_INVALID_ARGUMENT,
        "expected at most 96 tokens (max_seq), got 97 after 0");
  FAILS(qopt_forward(context, ids, UINT64_MAX / 2, UINT64_MAX / 2, logits,
                     &error),
        QOPT_INVALID_ARGUMENT, "expected a batch");
  FAILS(qopt_forward(context, NULL, 1, 1, logits, &error),
        QOPT_INVALID_ARGUMENT, "expected tokens, got NULL");
  FAILS(qopt_forward(context, ids, 1, 1, NULL, &error), QOPT_INVALID_ARGUMENT,
        "expected a place for the logits");
  ids[1] = -1;
  FAILS(qopt_forward(context, ids, 1, 2, logits, &error), QOPT_INVALID_ARGUMENT,
        "got -1 at [0, 1]");
  ids[1] = 1;

  /* Up to the end, and no further; what was there stays. */
  OK(qopt_forward(context, ids, 1, 95, logits, &error));
  OK(qopt_forward(context, ids, 1, 1, logits, &error));
  first = logits[0];
  FAILS(qopt_forward(context, ids, 1, 1, logits, &error), QOPT_INVALID_ARGUMENT,
        "got 1 after 96");
  FAILS(qopt_context_rewind(context, 97, &error), QOPT_INVALID_ARGUMENT,
        "expected a position of at most 96, got 97");
  OK(qopt_context_rewind(context, 95, &error));
  FAILS(qopt_forward(context, ids, 2, 1, logits, &error), QOPT_INVALID_ARGUMENT,
        "expected 1 sequences as before, got 2");
  OK(qopt_forward(context, ids, 1, 1, logits, &error));
  CHECK(logits[0] == first);
  FAILS(qopt_nll(context, ids, ids, 1, 97, logits, &error),
        QOPT_INVALID_ARGUMENT, "expected at most 96 tokens");
  CHECK(qopt_context_position(context) == 96);
  free(ids);
  free(logits);
}

static void options_fail(qopt_model *model) {
  qopt_context *context = NULL;
  qopt_context_options options = {sizeof options, 0, 4, 0, 0, NULL};
  FAILS(qopt_context_open(model, &options, &context, &error),
        QOPT_INVALID_ARGUMENT, "expected max_batch of at most 3");
  options.max_batch = 0;
  options.max_seq = 97;
  FAILS(qopt_context_open(model, &options, &context, &error),
        QOPT_INVALID_ARGUMENT, "expected max_seq of at most 96");
  options.max_seq = 0;
  options.threads = 5000;
  FAILS(qopt_context_open(model, &options, &context, &error),
        QOPT_INVALID_ARGUMENT, "expected at most 1024 threads, got 5000");
  options.threads = 1;
  options.device = 1;
  FAILS(qopt_context_open(model, &options, &context, &error),
        QOPT_INVALID_ARGUMENT, "expected device 0, got 1");
  options.device = 0;
  options.state = "x.safetensors";
  FAILS(qopt_context_open(model, &options, &context, &error),
        QOPT_INVALID_ARGUMENT, "expected no state file, got 'x.safetensors'");
  options.size = 4;
  FAILS(qopt_context_open(model, &options, &context, &error),
        QOPT_INVALID_ARGUMENT, "expected the options' size to be set");
  FAILS(qopt_context_open(NULL, NULL, &context, &error), QOPT_INVALID_ARGUMENT,
        "expected a model");
  /* An old caller's struct ends before max_batch. */
  options.size = 12;
  options.max_batch = 1000;
  OK(qopt_context_open(model, &options, &context, &error));
  qopt_context_close(context);
  /* A smaller limit than the model's. */
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.max_seq = 5;
  OK(qopt_context_open(model, &options, &context, &error));
  CHECK(qopt_context_max_seq(context) == 5);
  {
    int64_t ids[6] = {1, 2, 3, 4, 5, 6};
    float *logits =
        malloc((size_t)qopt_model_vocabulary(model) * sizeof *logits);
    FAILS(qopt_forward(context, ids, 1, 6, logits, &error),
          QOPT_INVALID_ARGUMENT, "expected at most 5 tokens");
    OK(qopt_forward(context, ids, 1, 5, logits, &error));
    free(logits);
  }
  qopt_context_close(context);
}

int main(int argc, char **argv) {
  static const int64_t whole[] = {7, 0}, tokens[] = {1, 1, 1, 1, 1, 0},
                       mixed[] = {5, 1, 3, 1, 1, 9, 0},
                       /* the caches hold 64 positions, then 96 */
      growing[] = {60, 1, 1, 1, 1, 1, 1, 20, 1, 0};
  qopt_model *model = NULL;
  qopt_context *context = NULL;
  int64_t batch;
  tolerance = argc > 1 ? atof(argv[1]) : 0;
  OK(qopt_model_open(NULL, &model, &error));
  OK(qopt_context_open(model, NULL, &context, &error));
  if (!context)
    return finish();
  printf("vocabulary %d, cache %d\n", (int)qopt_model_vocabulary(model),
         qopt_model_has_cache(model));
  for (batch = 1; batch <= 3; ++batch) {
    steps(model, context, batch, whole);
    steps(model, context, batch, tokens);
    steps(model, context, batch, mixed);
    steps(model, context, batch, growing);
  }
  steps(model, context, 1, mixed);
  measures(model, context);
  refuses(model, context);
  refuses_mask(model, context);
  options_fail(model);
  FAILS(qopt_run(context, "decode", NULL, 0, NULL, 0, &error),
        qopt_model_has_cache(model) ? QOPT_INVALID_ARGUMENT : QOPT_NOT_FOUND,
        "'decode'");
  qopt_context_close(context);
  qopt_model_close(model);
  return finish();
}
