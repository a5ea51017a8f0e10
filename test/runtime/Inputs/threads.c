/* Results do not depend on threads: threads OTHER.so */

#include "language.h"

#include <pthread.h>

enum { batch = 2, count = 21, steps = 30 };

static int64_t vocabulary;

/* A prompt, then tokens one by one: all logits, which the caller frees. */
static float *logits_of(qopt_context *context, uint32_t seed) {
  int64_t *ids = some_ids(batch * (count + steps), vocabulary, seed), i;
  size_t row = (size_t)(batch * vocabulary);
  float *logits = malloc((steps + 1) * row * sizeof *logits);
  qopt_error mine = {sizeof mine, ""};
  qopt_status status = qopt_context_rewind(context, 0, &mine);
  if (!status)
    status = qopt_forward(context, ids, batch, count, logits, &mine);
  for (i = 0; !status && i < steps; ++i)
    status = qopt_forward(context, ids + batch * (count + i), batch, 1,
                          logits + (size_t)(i + 1) * row, &mine);
  if (status)
    memset(logits, 0, (steps + 1) * row * sizeof *logits);
  free(ids);
  return logits;
}

static int same(const float *a, const float *b) {
  return !memcmp(a, b, (size_t)((steps + 1) * batch * vocabulary) * sizeof *a);
}

static qopt_context *open_with(qopt_model *model, uint32_t threads) {
  qopt_context *context = NULL;
  qopt_context_options options = {sizeof options, 0, 0, 0, 0, NULL};
  options.threads = threads;
  OK(qopt_context_open(model, &options, &context, &error));
  return context;
}

typedef struct worker {
  qopt_context *context;
  const float *wanted;
  uint32_t seed;
  int wrong;
} worker;

static void *work(void *argument) {
  worker *self = argument;
  int i;
  for (i = 0; i < 10; ++i) {
    float *logits = logits_of(self->context, self->seed);
    self->wrong += !same(logits, self->wanted);
    free(logits);
  }
  return NULL;
}

/* Contexts in threads of their own, more of them than there are cores. */
static void shares_model(qopt_model *model, const float *const *wanted) {
  enum { n = 4 };
  worker workers[n];
  pthread_t threads[n];
  uint32_t i;
  for (i = 0; i < n; ++i) {
    workers[i].context = open_with(model, 1 + i % 3);
    workers[i].seed = i % 2;
    workers[i].wanted = wanted[i % 2];
    workers[i].wrong = 0;
    CHECK(!pthread_create(&threads[i], NULL, work, &workers[i]));
  }
  for (i = 0; i < n; ++i) {
    pthread_join(threads[i], NULL);
    CHECK(workers[i].wrong == 0);
    qopt_context_close(workers[i].context);
  }
}

int main(int argc, char **argv) {
  qopt_model *model = NULL, *other = NULL;
  qopt_context *context, *others;
  float *wanted[2], *logits;
  uint32_t threads, seed;
  if (argc < 2)
    return 2;
  OK(qopt_model_open(NULL, &model, &error));
  vocabulary = qopt_model_vocabulary(model);
  context = open_with(model, 1);
  for (seed = 0; seed < 2; ++seed)
    wanted[seed] = logits_of(context, seed);
  CHECK(!same(wanted[0], wanted[1]));
  CHECK(wanted[0][0] != 0);
  qopt_context_close(context);
  for (threads = 2; threads <= 3; ++threads) {
    context = open_with(model, threads);
    logits = logits_of(context, 0);
    CHECK(same(logits, wanted[0]));
    free(logits);
    qopt_context_close(context);
  }
  shares_model(model, (const float *const *)wanted);

  /* Another library in the same process: each has its own code and weights. */
  OK(qopt_model_open(argv[1], &other, &error));
  CHECK(qopt_model_vocabulary(other) != vocabulary);
  CHECK(strcmp(qopt_model_info(model), qopt_model_info(other)));
  context = open_with(model, 2);
  others = open_with(other, 2);
  for (seed = 0; seed < 2; ++seed) {
    float *theirs;
    logits = logits_of(context, seed);
    vocabulary = qopt_model_vocabulary(other);
    theirs = logits_of(others, seed);
    CHECK(theirs[0] != 0 && theirs[0] != logits[0]);
    vocabulary = qopt_model_vocabulary(model);
    CHECK(same(logits, wanted[seed]));
    free(logits);
    free(theirs);
  }
  qopt_context_close(context);
  qopt_context_close(others);
  qopt_model_close(other);
  qopt_model_close(model);
  free(wanted[0]);
  free(wanted[1]);
  return finish();
}
