/* qopt_sample: what it may choose, and how often. */

#include "check.h"

enum { vocabulary = 8, draws = 20000 };

static const float logits[vocabulary] = {0, 1, -1, 2, 2, -INFINITY, 0.5f, 1};

static int64_t draw(float temperature, uint32_t k, float p, uint64_t seed,
                    uint64_t index) {
  qopt_sampling how = {sizeof how, 0, 0, 0, 0};
  int64_t token = -1;
  how.temperature = temperature;
  how.top_k = k;
  how.top_p = p;
  how.seed = seed;
  OK(qopt_sample(logits, vocabulary, &how, index, &token, &error));
  return token;
}

/* Chi squared of many draws against the probabilities of those in `may`. */
static void draws_fit(float temperature, uint32_t k, float p, const char *may) {
  double weights[vocabulary], sum = 0, chi = 0;
  int counts[vocabulary] = {0}, i, degrees = -1;
  for (i = 0; i < vocabulary; ++i) {
    weights[i] = may[i] == '1' ? exp(logits[i] / temperature) : 0;
    sum += weights[i];
    degrees += weights[i] > 0;
  }
  for (i = 0; i < draws; ++i)
    ++counts[draw(temperature, k, p, 42, (uint64_t)i)];
  for (i = 0; i < vocabulary; ++i) {
    double expected = weights[i] / sum * draws, d = counts[i] - expected;
    if (expected == 0)
      CHECK(counts[i] == 0);
    else
      chi += d * d / expected;
  }
  /* Five standard deviations: the draws are always the same. */
  CHECK(chi < degrees + 5 * sqrt(2.0 * degrees + 1e-9) + 1e-9);
}

static void draws_change(void) {
  int i, differ = 0;
  for (i = 0; i < 100; ++i) {
    CHECK(draw(1, 0, 0, 1, (uint64_t)i) == draw(1, 0, 0, 1, (uint64_t)i));
    differ += draw(1, 0, 0, 1, (uint64_t)i) != draw(1, 0, 0, 2, (uint64_t)i);
  }
  CHECK(differ > 40);
}

/* More tokens than are sorted at first; each as likely as the others. */
static void many(void) {
  enum { n = 5000 };
  static float flat[n];
  qopt_sampling how = {sizeof how, 1, 0, 0.5f, 0};
  int64_t token = -1, largest = 0, i;
  for (i = 0; i < 2000; ++i) {
    OK(qopt_sample(flat, n, &how, (uint64_t)i, &token, &error));
    largest = token > largest ? token : largest;
  }
  /* Equally likely ones are kept from the lowest on. */
  CHECK(largest < n / 2 && largest > n / 2 - 20);
  how.top_p = 0;
  how.top_k = 10;
  for (i = 0; i < 100; ++i) {
    OK(qopt_sample(flat, n, &how, (uint64_t)i, &token, &error));
    CHECK(token < 10);
  }
}

static void refuses(void) {
  float bad[3] = {0, NAN, 1};
  qopt_sampling how = {sizeof how, 0, 0, 0, 0};
  int64_t token = 77;
  FAILS(qopt_sample(bad, 3, NULL, 0, &token, &error), QOPT_CORRUPT,
        "a NaN or no finite number");
  bad[0] = bad[1] = bad[2] = -INFINITY;
  FAILS(qopt_sample(bad, 3, &how, 0, &token, &error), QOPT_CORRUPT,
        "no finite number");
  how.temperature = -1;
  FAILS(qopt_sample(logits, 3, &how, 0, &token, &error), QOPT_INVALID_ARGUMENT,
        "expected a temperature of 0 or more, got -1");
  how.temperature = NAN;
  FAILS(qopt_sample(logits, 3, &how, 0, &token, &error), QOPT_INVALID_ARGUMENT,
        "expected a temperature");
  how.temperature = 1;
  how.top_p = 1.5f;
  FAILS(qopt_sample(logits, 3, &how, 0, &token, &error), QOPT_INVALID_ARGUMENT,
        "expected top_p from 0 to 1, got 1.5");
  how.size = 0;
  FAILS(qopt_sample(logits, 3, &how, 0, &token, &error), QOPT_INVALID_ARGUMENT,
        "expected the sampling's size to be set, got 0");
  FAILS(qopt_sample(logits, 0, NULL, 0, &token, &error), QOPT_INVALID_ARGUMENT,
        "expected logits");
  CHECK(token == 77);
}

int main(void) {
  int64_t token = -1;
  OK(qopt_sample(logits, vocabulary, NULL, 0, &token, &error));
  CHECK(token == 3); /* the first of two */
  CHECK(draw(0, 0, 0, 9, 9) == 3);
  CHECK(draw(1, 1, 0, 9, 9) == 3);
  CHECK(draw(1, 0, 1e-6f, 9, 9) == 3);
  CHECK(draw(1e-3f, 3, 0.3f, 9, 9) == 3);
  draws_fit(1, 0, 0, "11111011");
  draws_fit(0.5f, 0, 0, "11111011");
  draws_fit(2, 0, 1, "11111011");
  draws_fit(1, 2, 0, "00011000");
  draws_fit(1, 3, 0, "01011000"); /* of two equal ones the lower id */
  /* 7.39 of 23.2, twice: the two reach 0.6, and need the next for 0.7. */
  draws_fit(1, 0, 0.6f, "00011000");
  draws_fit(1, 0, 0.7f, "01011000");
  draws_fit(1, 4, 0.5f, "00011000");
  draws_change();
  many();
  refuses();
  return finish();
}
