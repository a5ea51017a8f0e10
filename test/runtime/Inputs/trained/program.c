/* A program as the compiler would write one, small enough to compute by hand:
 * what the runtime does with trained models is tested with it.
 *
 * `w` [vocabulary] says for each token what follows: the next token is w * 10.
 *   loss of a target  0.5 (w[id] - target / 10)^2 (1 + lambda[0])
 *   step              g clipped; v = momentum v + g; w -= lr v
 * `bulk` [BULK] makes the state larger: each step adds lr (i % 7 + seed % 5).
 * `code` [5] counts steps in bytes. The last token, POISON, has a gradient that
 * is no number. ENTRIES = 3 leaves those out that sum gradients.
 */

#include "qopt/runtime/abi.h"

#include <math.h>
#include <string.h>

#ifndef VOCABULARY
#define VOCABULARY 40
#endif
#ifndef BULK
#define BULK 1024
#endif
#ifndef ENTRIES
#define ENTRIES 5
#endif
#ifndef ARENA
#define ARENA 64
#endif

enum { vocabulary = VOCABULARY, POISON = vocabulary - 1, sites = 3 };

/* Where variables lie, in the order of the table below. */
enum {
  wordBytes = (VOCABULARY * 4 + 63) / 64 * 64,
  bulkBytes = (BULK * 4 + 63) / 64 * 64,
  atW = 0,
  atBulk = wordBytes,
  atV = atBulk + bulkBytes,
  atGrad = atV + wordBytes,
  atCode = atGrad + wordBytes,
  allBytes = atCode + 64
};

static float *at(const qopt_call *call, int64_t offset) {
  return (float *)(call->variables + offset);
}

/* Adds the gradients of one micro-batch to `g`; the weighted loss. */
static float gradients(const qopt_call *call, const int64_t *ids,
                       const int64_t *targets, float weight,
                       const float *lambda, float *g) {
  const float *w = at(call, atW);
  int64_t n = call->symbols[0] * call->symbols[1], i;
  float loss = 0;
  memset(call->arena, 1, (size_t)(n * ARENA));
  for (i = 0; i < n; ++i) {
    float d;
    if (targets[i] < 0)
      continue;
    d = w[ids[i]] - (float)targets[i] / 10;
    loss += 0.5f * d * d * (1 + lambda[0]);
    g[ids[i]] += weight * d * (1 + lambda[0]);
    if (ids[i] == POISON)
      g[ids[i]] = NAN;
  }
  return loss * weight;
}

static float update(const qopt_call *call, const float *g, float clip, float lr,
                    float momentum, int64_t seed) {
  float *w = at(call, atW), *v = at(call, atV), *bulk = at(call, atBulk);
  int8_t *code = (int8_t *)at(call, atCode);
  float sum = 0, norm, scale;
  int i;
  for (i = 0; i < vocabulary; ++i)
    sum += g[i] * g[i];
  norm = sqrtf(sum);
  if (!isfinite(norm))
    return norm;
  scale = clip == 0 || norm <= clip ? 1 : clip / norm;
  for (i = 0; i < vocabulary; ++i) {
    v[i] = momentum * v[i] + g[i] * scale;
    w[i] -= lr * v[i];
  }
  for (i = 0; i < BULK; ++i)
    bulk[i] += lr * (float)(i % 7 + seed % 5);
  for (i = 0; i < 5; ++i)
    code[i] = (int8_t)(code[i] + i);
  return norm;
}

#define F32(i) (*(const float *)call->inputs[i])
#define I64(i) (*(const int64_t *)call->inputs[i])

/* input_ids, targets, weight, clip, lr, momentum, seed, lambda */
static void train_step(const qopt_call *call) {
  float g[vocabulary] = {0};
  *(float *)call->outputs[0] = gradients(call, call->inputs[0], call->inputs[1],
                                         F32(2), call->inputs[7], g);
  *(float *)call->outputs[1] = update(call, g, F32(3), F32(4), F32(5), I64(6));
}

/* input_ids, targets, weight, lambda */
static void train_accumulate(const qopt_call *call) {
  *(float *)call->outputs[0] =
      gradients(call, call->inputs[0], call->inputs[1], F32(2), call->inputs[3],
                at(call, atGrad));
}

/* clip, lr, momentum, seed */
static void train_update(const qopt_call *call) {
  float *g = at(call, atGrad);
  *(float *)call->outputs[0] = update(call, g, F32(0), F32(1), F32(2), I64(3));
  memset(g, 0, vocabulary * sizeof *g);
}

/* input_ids -> logits [batch, vocabulary] */
static void prefill(const qopt_call *call) {
  const int64_t *ids = call->inputs[0];
  float *logits = call->outputs[0];
  const float *w = at(call, atW);
  int64_t b, v;
  for (b = 0; b < call->symbols[0]; ++b)
    for (v = 0; v < vocabulary; ++v) {
      int64_t last = ids[(b + 1) * call->symbols[1] - 1];
      float d = w[last] * 10 - (float)v;
      logits[b * vocabulary + v] = -d * d;
    }
}

/* input_ids, targets, lambda -> losses [batch, seq] */
static void nll(const qopt_call *call) {
  const int64_t *ids = call->inputs[0], *targets = call->inputs[1];
  const float *lambda = call->inputs[2];
  const float *w = at(call, atW);
  float *losses = call->outputs[0];
  int64_t i;
  for (i = 0; i < call->symbols[0] * call->symbols[1]; ++i) {
    float d = w[ids[i]] - (float)targets[i] / 10;
    losses[i] = 0.5f * d * d * (1 + lambda[0]);
  }
}

static void put(int64_t *dims, const int64_t *values, int n) {
  memcpy(dims, values, (size_t)n * sizeof *values);
}
static void trainShapes(const int64_t *s, int64_t *dims) {
  int64_t all[] = {s[0], s[1], s[0], s[1], sites};
  put(dims, all, 5);
}
static void updateShapes(const int64_t *s, int64_t *dims) {
  (void)s, (void)dims;
}
static void prefillShapes(const int64_t *s, int64_t *dims) {
  int64_t all[] = {s[0], s[1], s[0], vocabulary};
  put(dims, all, 4);
}
static void nllShapes(const int64_t *s, int64_t *dims) {
  int64_t all[] = {s[0], s[1], s[0], s[1], sites, s[0], s[1]};
  put(dims, all, 7);
}
static int64_t trainArena(const int64_t *s) { return s[0] * s[1] * ARENA; }
static int64_t noArena(const int64_t *s) { return (void)s, 0; }

static const char *const symbols[] = {"batch", "seq"};
static const int64_t tokens[] = {-1, -2}, logits[] = {-1, vocabulary},
                     lambdas[] = {sites}, words[] = {vocabulary},
                     bulks[] = {BULK}, codes[] = {5};

#define IDS                                                                    \
  { "input_ids", QOPT_I64, 2, tokens }
#define TARGETS                                                                \
  { "targets", QOPT_I64, 2, tokens }
#define LAMBDA                                                                 \
  { "lambda", QOPT_F32, 1, lambdas }
#define NUMBER(name)                                                           \
  { name, QOPT_F32, 0, 0 }
#define SEED                                                                   \
  { "seed", QOPT_I64, 0, 0 }

static const qopt_tensor_spec stepInputs[] = {IDS,
                                              TARGETS,
                                              NUMBER("weight"),
                                              NUMBER("clip"),
                                              NUMBER("lr"),
                                              NUMBER("momentum"),
                                              SEED,
                                              LAMBDA},
                              sumInputs[] = {IDS, TARGETS, NUMBER("weight"),
                                             LAMBDA},
                              updateInputs[] = {NUMBER("clip"), NUMBER("lr"),
                                                NUMBER("momentum"), SEED},
                              prefillInputs[] = {IDS},
                              nllInputs[] = {IDS, TARGETS, LAMBDA},
                              results[] = {NUMBER("loss"), NUMBER("grad_norm")},
                              logitsOut[] = {{"logits", QOPT_F32, 2, logits}},
                              nllOut[] = {{"nll", QOPT_F32, 2, tokens}};

static const qopt_entry entries[] = {
    {"prefill", 2, 1, 1, 0, symbols, prefillInputs, logitsOut, 0, prefillShapes,
     noArena, prefill},
    {"nll", 2, 3, 1, 0, symbols, nllInputs, nllOut, 0, nllShapes, noArena, nll},
    {"train_step", 2, 8, 2, 0, symbols, stepInputs, results, 0, trainShapes,
     trainArena, train_step},
    {"train_accumulate", 2, 4, 1, 0, symbols, sumInputs, results, 0,
     trainShapes, trainArena, train_accumulate},
    {"train_update", 0, 4, 1, 0, symbols, updateInputs, results + 1, 0,
     updateShapes, noArena, train_update}};

static const qopt_variant variants[] = {{"plain", 0, ENTRIES, 0, entries,
                                         0, 0}};

static const qopt_variable variables[] = {
    {"w", QOPT_F32, 1, words, atW},
    {"layer.bulk", QOPT_F32, 1, bulks, atBulk},
    {"w.sgd.v", QOPT_F32, 1, words, atV},
    {"w.grad", QOPT_F32, 1, words, atGrad},
    {"layer.bulk.sgd.v.codes", QOPT_I8, 1, codes, atCode}};

const qopt_program program __asm__("qopt_program") = {QOPT_ABI_VERSION,
                                                      1,
                                                      variants,
                                                      4,
                                                      64,
                                                      vocabulary,
                                                      64,
                                                      INFO_HASH,
                                                      sizeof variables /
                                                          sizeof *variables,
                                                      0,
                                                      variables,
                                                      allBytes,
                                                      VOCABULARY * 4,
                                                      0};
