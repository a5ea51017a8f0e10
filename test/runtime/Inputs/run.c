/* Runs Inputs/linear.mlir: what is right, and what must be refused. */

#include "check.h"

enum { rows = 2, left = 1, right = 2 };

static float x[rows * 3] = {1, 2, 3, 4, 5, 6}, p[rows] = {10, 20},
                      q[rows * right] = {1, 2, 3, 4},
                      r[rows * 3] = {100, 200, 300, 400, 500, 600};
static const float yWanted[] = {29.5f, 44, 62.5f, 110},
                   pqWanted[] = {110, 201, 302, 420, 503, 604};
static int64_t xShape[] = {rows, 3}, pShape[] = {rows, left},
               qShape[] = {rows, right}, rShape[] = {rows, 3},
               yShape[] = {rows, 2}, pqShape[] = {rows, 3};
static float y[4], pq[6];
static qopt_tensor in[4], out[2];

static void reset(void) {
  in[0] = tensor(x, f32, 2, xShape);
  in[1] = tensor(p, f32, 2, pShape);
  in[2] = tensor(q, f32, 2, qShape);
  in[3] = tensor(r, f32, 2, rShape);
  out[0] = tensor(y, f32, 2, yShape);
  out[1] = tensor(pq, f32, 2, pqShape);
  memset(y, 0x7f, sizeof y);
  memset(pq, 0x7f, sizeof pq);
}

static int untouched(void) {
  size_t i;
  for (i = 0; i < sizeof y; ++i)
    if (((char *)y)[i] != 0x7f)
      return 0;
  for (i = 0; i < sizeof pq; ++i)
    if (((char *)pq)[i] != 0x7f)
      return 0;
  return 1;
}

#define REFUSED(context, text)                                                 \
  do {                                                                         \
    FAILS(qopt_run(context, "run", in, 4, out, 2, &error),                     \
          QOPT_INVALID_ARGUMENT, text);                                        \
    CHECK(untouched());                                                        \
    reset();                                                                   \
  } while (0)

static int right_results(void) {
  return !memcmp(y, yWanted, sizeof y) && !memcmp(pq, pqWanted, sizeof pq);
}

static void runs(qopt_context *context) {
  int64_t dims[4] = {0};
  reset();
  OK(qopt_output_shapes(context, "run", in, 4, dims, 4, &error));
  CHECK(dims[0] == 2 && dims[1] == 2 && dims[2] == 2 && dims[3] == 3);
  FAILS(qopt_output_shapes(context, "run", in, 4, dims, 3, &error),
        QOPT_INVALID_ARGUMENT, "expected room for 4 sizes, got room for 3");
  OK(qopt_run(context, "run", in, 4, out, 2, &error));
  CHECK(right_results());
}

/* Transposed, reversed, repeated, off their alignment. */
static void runs_strided(qopt_context *context) {
  float columns[] = {1, 4, 2, 5, 3, 6}, backwards[] = {4, 3, 2, 1};
  int64_t transposed[] = {1, 2}, reversed[] = {-2, -1};
  char bytes[sizeof r + 1];
  reset();
  in[0] = tensor(columns, f32, 2, xShape);
  in[0].strides = transposed;
  in[2] = tensor(backwards, f32, 2, qShape);
  in[2].strides = reversed;
  in[2].byte_offset = 3 * sizeof(float);
  memcpy(bytes + 1, r, sizeof r);
  in[3].data = bytes + 1;
  OK(qopt_run(context, "run", in, 4, out, 2, &error));
  CHECK(right_results());

  {
    float same = 7;
    int64_t still[] = {0, 0};
    reset();
    in[1] = tensor(&same, f32, 2, pShape);
    in[1].strides = still;
    OK(qopt_run(context, "run", in, 4, out, 2, &error));
    CHECK(pq[0] == 107 && pq[3] == 407);
  }
}

/* Axes without elements: no data is read, and nothing of it is written. */
static void runs_empty(qopt_context *context) {
  int64_t none[] = {rows, 0}, noRows[] = {0, 3}, noOut[] = {0, 2};
  int64_t pair[] = {rows, 2};
  float r2[] = {1, 1, 1, 1};
  reset();
  in[1] = tensor(NULL, f32, 2, none);
  in[3] = tensor(r2, f32, 2, pair);
  out[1] = tensor(pq, f32, 2, pair);
  OK(qopt_run(context, "run", in, 4, out, 2, &error));
  CHECK(pq[0] == 2 && pq[3] == 5 && !memcmp(y, yWanted, sizeof y));

  reset();
  in[0] = tensor(NULL, f32, 2, noRows);
  in[1] = tensor(NULL, f32, 2, noRows);
  in[2] = tensor(NULL, f32, 2, noOut);
  int64_t noSum[] = {0, 5};
  in[3] = tensor(NULL, f32, 2, noSum);
  out[0] = tensor(NULL, f32, 2, noOut);
  out[1] = tensor(NULL, f32, 2, noSum);
  OK(qopt_run(context, "run", in, 4, out, 2, &error));
}

static void refuses_inputs(qopt_context *context) {
  int64_t wide[] = {rows, 4}, three[] = {3, left}, big[] = {9, 3};
  int64_t negative[] = {-1, 3};
  reset();
  in[0].shape = wide;
  REFUSED(context, "input 'x': expected shape [batch = 2, 3], got [2, 4]");
  in[1].shape = three;
  REFUSED(context, "input 'p': expected shape [batch = 2, left], got [3, 1]");
  in[3].shape = wide;
  REFUSED(context, "input 'r': expected shape [2, 3], got [2, 4]");
  in[0].shape = negative;
  REFUSED(context, "negative or too large sizes: [-1, 3]");
  in[0].rank = 1;
  REFUSED(context, "input 'x': expected 2 axes, got 1");
  in[0].type = f16;
  REFUSED(context, "input 'x': expected elements of type f32, got f16");
  in[0].type = i64;
  REFUSED(context, "got i64");
  in[0].data = NULL;
  REFUSED(context, "input 'x': data is NULL");
  in[0].shape = NULL;
  REFUSED(context, "input 'x': shape is NULL");
  in[0].device_type = 2;
  REFUSED(context, "got device type 2");
  in[0].shape = in[1].shape = in[2].shape = in[3].shape = big;
  in[1].rank = 2;
  in[3].shape = wide;
  wide[0] = 9;
  wide[1] = 6;
  REFUSED(context, "input 'x': expected at most 8 on axis 0 (max_batch), got "
                   "[9, 3]");
}

static void refuses_outputs(qopt_context *context) {
  int64_t wide[] = {rows, 3}, gaps[] = {3, 1};
  float shared[12];
  reset();
  out[0].shape = wide;
  REFUSED(context, "output 'y': expected shape [2, 2], got [2, 3]");
  out[0].strides = gaps;
  REFUSED(context, "output 'y': expected no strides");
  out[0].data = (char *)shared + 1;
  REFUSED(context, "output 'y': expected data at a multiple of 4 bytes");
  out[0].data = x + 2;
  REFUSED(context, "output 'y' overlaps input 'x'");
  out[0].data = shared;
  out[1].data = shared + 3;
  REFUSED(context, "output 'pq' overlaps output 'y'");
  FAILS(qopt_run(context, "run", in, 3, out, 2, &error), QOPT_INVALID_ARGUMENT,
        "expected 4 inputs, got 3");
  FAILS(qopt_run(context, "run", in, 4, out, 1, &error), QOPT_INVALID_ARGUMENT,
        "expected 2 outputs, got 1");
  FAILS(qopt_run(context, "walk", in, 4, out, 2, &error), QOPT_NOT_FOUND,
        "no entry 'walk'");
  FAILS(qopt_run(NULL, "run", in, 4, out, 2, &error), QOPT_INVALID_ARGUMENT,
        "got NULL");
  CHECK(untouched());
}

/* It is no language model. */
static void refuses_language(qopt_context *context, qopt_model *model) {
  int64_t id = 0;
  float logits;
  uint64_t count;
  char text[1];
  CHECK(qopt_model_vocabulary(model) == 0 && !qopt_model_has_cache(model));
  CHECK(!qopt_model_is_end(model, 0));
  FAILS(qopt_forward(context, &id, 1, 1, &logits, &error), QOPT_NOT_FOUND,
        "no language model");
  FAILS(qopt_nll(context, &id, &id, 1, 1, &logits, &error), QOPT_NOT_FOUND,
        "no language model");
  FAILS(qopt_encode(model, "a", 1, &id, 1, &count, &error), QOPT_NOT_FOUND,
        "the model has no tokenizer");
  FAILS(qopt_decode(model, &id, 1, text, 1, &count, &error), QOPT_NOT_FOUND,
        "the model has no tokenizer");
}

int main(void) {
  qopt_model *model = NULL;
  qopt_context *context = NULL;
  qopt_context_options options = {sizeof options, 0, 0, 0, 0, NULL};
  options.threads = 2;
  OK(qopt_model_open(NULL, &model, &error));
  OK(qopt_context_open(model, &options, &context, &error));
  if (!context)
    return finish();
  runs(context);
  runs_strided(context);
  runs_empty(context);
  refuses_inputs(context);
  refuses_outputs(context);
  refuses_language(context, model);
  /* A message is optional, and may be short. */
  CHECK(qopt_run(context, "walk", in, 4, out, 2, NULL) == QOPT_NOT_FOUND);
  error.size = sizeof error.size + 8;
  error.message[8] = '!';
  CHECK(qopt_run(context, "walk", in, 4, out, 2, &error) == QOPT_NOT_FOUND);
  CHECK(strlen(error.message) == 7 && error.message[8] == '!');
  qopt_context_close(context);
  qopt_context_close(NULL);
  qopt_model_close(model);
  qopt_model_close(NULL);
  return finish();
}
