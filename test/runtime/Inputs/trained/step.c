/* qopt_train_step against the same steps computed here; state files: STATE is
 * a path that may be written.   step STATE */

#include "../check.h"

#include <stdio.h>

enum { vocabulary = 40, seq = 5 };

static const int64_t ids[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
static const int64_t targets[] = {2, 3, -1, 5, 6, 7, 8, -100, 10, 11};

static float *data_of(qopt_context *context, const char *name) {
  qopt_tensor found;
  memset(&found, 0, sizeof found);
  OK(qopt_context_variable(context, name, &found, &error));
  return found.data;
}

static qopt_train_options defaults(void) {
  qopt_train_options options;
  options.size = sizeof options;
  OK(qopt_train_defaults(&options, &error));
  CHECK(options.lr == 1e-4f && options.clip == 1 && options.beta1 == 0.9f &&
        options.beta2 == 0.999f && options.eps == 1e-8f && options.step == 1 &&
        options.weight_decay == 0 && options.lambda == NULL);
  return options;
}

/* The program's arithmetic, once more. */
static float w[vocabulary], v[vocabulary];
static float wanted(const qopt_train_options *how, double *norm) {
  float g[vocabulary] = {0}, sum = 0, scale, loss = 0, weight = 1.0f / 8;
  int i;
  for (i = 0; i < 10; ++i)
    if (targets[i] >= 0) {
      float d = w[ids[i]] - (float)targets[i] / 10;
      loss += 0.5f * d * d * (1 + how->lambda[0]);
      g[ids[i]] += weight * d * (1 + how->lambda[0]);
    }
  for (i = 0; i < vocabulary; ++i)
    sum += g[i] * g[i];
  *norm = (double)sqrtf(sum);
  scale = how->clip == 0 || *norm <= how->clip ? 1 : how->clip / (float)*norm;
  for (i = 0; i < vocabulary; ++i) {
    v[i] = how->momentum * v[i] + g[i] * scale;
    w[i] -= how->lr * v[i];
  }
  return loss * weight;
}

static int near(double a, double b) { return fabs(a - b) <= 1e-6 * fabs(b); }

static const qopt_micro_batch whole = {ids, targets, 2, seq},
                              halves[] = {{ids, targets, 1, seq},
                                          {ids + seq, targets + seq, 1, seq}};

static void steps(qopt_context *context, int sums) {
  float lambda[3] = {0.5f, 0, 1};
  qopt_train_options how = defaults();
  qopt_train_result result = {sizeof result, 0, 0, 0};
  const float *own = data_of(context, "w"), *bulk;
  const signed char *code =
      (const signed char *)data_of(context, "layer.bulk.sgd.v.codes");
  int step, i;
  for (i = 0; i < vocabulary; ++i) {
    CHECK(own[i] == (float)(i / 1000.0)); /* as the file says */
    w[i] = own[i];
    v[i] = 0;
  }
  CHECK(data_of(context, "w.sgd.v")[1] == 0);
  how.lr = 0.1f;
  how.momentum = 0.9f;
  how.clip = 0.05f;
  how.seed = 3;
  how.lambda = lambda;
  how.lambda_count = 3;
  for (step = 1; step <= 12; ++step) {
    double norm, loss;
    how.step = (uint64_t)step;
    how.clip = step < 6 ? 0.05f : 0;
    lambda[0] = (float)step / 12;
    loss = (double)wanted(&how, &norm);
    if (sums)
      OK(qopt_train_step(context, halves, 2, &how, &result, &error));
    else
      OK(qopt_train_step(context, &whole, 1, &how, &result, &error));
    CHECK(result.targets == 8);
    CHECK(near(result.loss, loss));
    CHECK(near(result.grad_norm, norm));
  }
  for (i = 0; i < vocabulary; ++i)
    CHECK(near((double)own[i], (double)w[i]));
  bulk = data_of(context, "layer.bulk");
  CHECK(near((double)bulk[4], 12 * 0.1 * (4 + 3)));
  CHECK(code[2] == 24 && code[4] == 48);
  for (i = 0; i < vocabulary; ++i)
    CHECK(data_of(context, "w.grad")[i] == 0);
}

/* A gradient that is no number changes nothing, whichever way. */
static void skips(qopt_context *context) {
  int64_t poison[seq] = {1, 39, 2, 3, 4};
  qopt_micro_batch bad[2] = {{NULL, NULL, 1, seq}, {ids, targets, 1, seq}};
  qopt_train_options how = defaults();
  qopt_train_result result = {sizeof result, 0, 0, 0};
  float *own = data_of(context, "w"), before[vocabulary];
  int count;
  bad[0].ids = poison;
  bad[0].targets = targets;
  memcpy(before, own, sizeof before);
  for (count = 1; count <= 2; ++count) {
    OK(qopt_train_step(context, bad, (uint64_t)count, &how, &result, &error));
    CHECK(!(result.grad_norm - result.grad_norm == 0));
    CHECK(!memcmp(before, own, sizeof before));
    CHECK(data_of(context, "w.grad")[39] == 0);
  }
}

static void refuses(qopt_context *context) {
  int64_t bad[2 * seq] = {0}, none[2 * seq];
  float lambda[3] = {0, 1.5f, 0}, before[vocabulary];
  qopt_train_options how = defaults();
  qopt_micro_batch batch = whole;
  int i;
  memcpy(before, data_of(context, "w"), sizeof before);
  for (i = 0; i < 2 * seq; ++i)
    none[i] = -1;
  bad[7] = 40;
  batch.ids = bad;
  FAILS(qopt_train_step(context, &batch, 1, &how, NULL, &error),
        QOPT_INVALID_ARGUMENT,
        "expected tokens from 0 to 39, got 40 at [1, 2]");
  batch.ids = ids;
  batch.targets = bad;
  FAILS(qopt_train_step(context, &batch, 1, &how, NULL, &error),
        QOPT_INVALID_ARGUMENT,
        "expected targets from 0 to 39, got 40 at [1, 2]");
  batch.targets = none;
  FAILS(qopt_train_step(context, &batch, 1, &how, NULL, &error),
        QOPT_INVALID_ARGUMENT, "expected a target that counts");
  batch.batch = 5;
  FAILS(qopt_train_step(context, &batch, 1, &how, NULL, &error),
        QOPT_INVALID_ARGUMENT,
        "expected a micro-batch of at most [4, 64] (max_batch, max_seq), got "
        "[5, 5]");
  batch = whole;
  batch.ids = NULL;
  FAILS(qopt_train_step(context, &batch, 1, &how, NULL, &error),
        QOPT_INVALID_ARGUMENT, "expected tokens and targets, got NULL");
  FAILS(qopt_train_step(context, &whole, 0, &how, NULL, &error),
        QOPT_INVALID_ARGUMENT, "at least one micro-batch");
  how.lambda = lambda;
  how.lambda_count = 3;
  FAILS(qopt_train_step(context, &whole, 1, &how, NULL, &error),
        QOPT_INVALID_ARGUMENT,
        "expected lambda from 0 to 1, got 1.5 for site 1");
  how.lambda_count = 2;
  FAILS(qopt_train_step(context, &whole, 1, &how, NULL, &error),
        QOPT_INVALID_ARGUMENT,
        "expected 3 values of lambda, one a site, got 2");
  how.lambda = NULL;
  how.lr = NAN;
  FAILS(qopt_train_step(context, &whole, 1, &how, NULL, &error),
        QOPT_INVALID_ARGUMENT, "expected lr of 0 or more, got nan");
  how.lr = 1;
  how.step = 0;
  FAILS(qopt_train_step(context, &whole, 1, &how, NULL, &error),
        QOPT_INVALID_ARGUMENT, "expected steps from 1 on, got 0");
  FAILS(qopt_context_variable(context, "u", &(qopt_tensor){0}, &error),
        QOPT_NOT_FOUND, "the model trains no 'u'");
  CHECK(!memcmp(before, data_of(context, "w"), sizeof before));
}

static qopt_context *open_with(qopt_model *model, const char *state) {
  qopt_context *context = NULL;
  qopt_context_options options = {sizeof options, 1, 0, 0, 0, NULL};
  options.state = state;
  OK(qopt_context_open(model, &options, &context, &error));
  return context;
}

/* Saved and loaded, a context is the same: also in what it computes next. */
static void states(qopt_model *model, const char *path) {
  qopt_train_state saved = {sizeof saved, 12, 1ull << 63, 777, "some data"};
  qopt_train_state loaded = {sizeof loaded, 0, 0, 0, ""};
  qopt_train_options how = defaults();
  qopt_train_result one = {sizeof one, 0, 0, 0}, two = one;
  float lambda[3] = {0.1f, 0.25f, 1};
  float losses[2 * seq], again[2 * seq];
  qopt_context *context = open_with(model, NULL), *other;
  int64_t known[2 * seq];
  int i;
  how.lr = 0.1f;
  how.lambda = lambda;
  how.lambda_count = 3;
  for (i = 0; i < 2 * seq; ++i)
    known[i] = targets[i] < 0 ? 0 : targets[i];
  OK(qopt_train_step(context, &whole, 1, &how, &one, &error));
  OK(qopt_state_save(context, path, &saved, &error));
  other = open_with(model, path);
  OK(qopt_nll(context, ids, known, 2, seq, losses, &error));
  OK(qopt_nll(other, ids, known, 2, seq, again, &error));
  CHECK(!memcmp(losses, again, sizeof losses)); /* lambda is in it, too */
  how.lambda = NULL;
  OK(qopt_train_step(context, &whole, 1, &how, &one, &error));
  OK(qopt_train_step(other, &whole, 1, &how, &two, &error));
  CHECK(one.loss == two.loss && one.grad_norm == two.grad_norm);
  CHECK(!memcmp(data_of(context, "w"), data_of(other, "w"), sizeof w));
  CHECK(!memcmp(data_of(context, "w.sgd.v"), data_of(other, "w.sgd.v"),
                sizeof w));
  OK(qopt_state_load(other, path, &loaded, &error));
  CHECK(loaded.step == 12 && loaded.seed == 1ull << 63 &&
        loaded.data_position == 777 && !strcmp(loaded.data, "some data"));
  OK(qopt_nll(other, ids, known, 2, seq, again, &error));
  CHECK(!memcmp(losses, again, sizeof losses));

  FAILS(qopt_state_load(other, "no/such/file", NULL, &error), QOPT_NOT_FOUND,
        "cannot read 'no/such/file': No such file");
  FAILS(qopt_state_save(other, "no/such/file", &saved, &error),
        QOPT_UNAVAILABLE, "cannot write 'no/such/file': No such file");
  memset(saved.data, 'x', sizeof saved.data);
  FAILS(qopt_state_save(other, path, &saved, &error), QOPT_INVALID_ARGUMENT,
        "a text that ends");
  qopt_context_close(context);
  qopt_context_close(other);
}

/* A context's changes are its own. */
static void contexts_differ(qopt_model *model) {
  qopt_context *one = open_with(model, NULL), *two = open_with(model, NULL);
  qopt_train_options how = defaults();
  OK(qopt_train_step(one, &whole, 1, &how, NULL, &error));
  CHECK(data_of(one, "w")[1] != data_of(two, "w")[1]);
  CHECK(data_of(two, "w")[1] == 0.001f);
  qopt_context_close(one);
  qopt_context_close(two);
}

int main(int argc, char **argv) {
  qopt_model *model = NULL;
  qopt_context *context;
  int sums;
  if (argc < 2)
    return 2;
  OK(qopt_model_open(NULL, &model, &error));
  CHECK(!strcmp(qopt_model_trainable(model, 0), "w"));
  CHECK(!strcmp(qopt_model_trainable(model, 1), "layer.bulk"));
  CHECK(!qopt_model_trainable(model, 2));
  CHECK(qopt_model_lambda_count(model) == 3);
  for (sums = 0; sums < 2; ++sums) {
    context = open_with(model, NULL);
    steps(context, sums);
    skips(context);
    refuses(context);
    qopt_context_close(context);
  }
  contexts_differ(model);
  states(model, argv[1]);
  qopt_model_close(model);
  return finish();
}
