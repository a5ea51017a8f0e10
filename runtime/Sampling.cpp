// Chooses tokens.
//
// First the temperature, then the k most likely, then the fewest of those that
// have the probability p among them: the order of other programs. The choice
// is a function of logits, options, seed and index, on every machine.

#include "qopt/runtime/Error.h"
#include "qopt/runtime/Growing.h"
#include "qopt/runtime/Numbers.h"
#include "qopt/runtime/Philox.h"

#include <algorithm>

namespace qopt::runtime {

namespace {

/// A token that may be chosen.
struct Candidate {
  float logit;
  int32_t id;
  bool operator<(const Candidate &other) const { // the more likely
    return logit != other.logit ? logit > other.logit : id < other.id;
  }
};

} // namespace

/// The most likely token, of equal ones the first; -1 if there is none.
static int64_t findLargest(const float *logits, int64_t vocabulary) {
  int64_t best = -1;
  bool finite = false;
  for (int64_t i = 0; i < vocabulary; ++i) {
    if (logits[i] != logits[i])
      return -1;
    finite |= logits[i] - logits[i] == 0;
    if (best < 0 || logits[i] > logits[best])
      best = i;
  }
  return finite ? best : -1;
}

/// Weight of a token beside the most likely one.
static double weigh(float logit, float largest, float temperature) {
  if (logit == largest)
    return 1;
  return exponential((double(logit) - double(largest)) / double(temperature));
}

/// How many of the sorted first candidates have the share `topP` of all
/// weights. Sorts as many as it needs.
static size_t keepMostLikely(Growing<Candidate> &all, size_t sorted,
                             float largest, const qopt_sampling &how) {
  double sum = 0;
  for (const Candidate &candidate : all)
    sum += weigh(candidate.logit, largest, how.temperature);
  double wanted = sum * double(how.top_p), reached = 0;
  for (size_t kept = 0;;) {
    for (; kept < sorted; ++kept) {
      reached += weigh(all[kept].logit, largest, how.temperature);
      if (reached >= wanted)
        return kept + 1;
    }
    if (sorted == all.size())
      return sorted;
    size_t more = std::min(all.size(), std::max<size_t>(64, 8 * sorted));
    std::partial_sort(all.begin() + sorted, all.begin() + more, all.end());
    sorted = more;
  }
}

/// Chooses one of the first `count` by its weight.
static int64_t draw(const Growing<Candidate> &all, size_t count, float largest,
                    const qopt_sampling &how, uint64_t index) {
  double sum = 0, reached = 0;
  for (size_t i = 0; i < count; ++i)
    sum += weigh(all[i].logit, largest, how.temperature);
  double point = uniform(how.seed, index) * sum;
  int64_t last = all[0].id;
  for (size_t i = 0; i < count; ++i) {
    double weight = weigh(all[i].logit, largest, how.temperature);
    reached += weight;
    if (weight > 0)
      last = all[i].id;
    if (point < reached)
      break;
  }
  return last;
}

static qopt_status checkSampling(const qopt_sampling &how, qopt_error *error) {
  if (!(how.temperature >= 0) || how.temperature - how.temperature != 0)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected a temperature of 0 or more, got %g",
                double(how.temperature));
  if (!(how.top_p >= 0 && how.top_p <= 1))
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected top_p from 0 to 1, got %g", double(how.top_p));
  return QOPT_OK;
}

} // namespace qopt::runtime

using namespace qopt::runtime;

qopt_status qopt_sample(const float *logits, int64_t vocabulary,
                        const qopt_sampling *sampling, uint64_t index,
                        int64_t *token, qopt_error *error) {
  if (!logits || !token || vocabulary <= 0 || vocabulary > INT32_MAX)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected logits of 1 to %d tokens and a place for the token",
                INT32_MAX);
  qopt_sampling how = {};
  if (sampling && sampling->size < sizeof how)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected the sampling's size to be set, got %llu",
                static_cast<unsigned long long>(sampling->size));
  if (sampling)
    how = *sampling;
  if (qopt_status status = checkSampling(how, error))
    return status;
  int64_t best = findLargest(logits, vocabulary);
  if (best < 0)
    return fail(error, QOPT_CORRUPT,
                "the logits hold a NaN or no finite number: the model's "
                "arithmetic overflowed, or its weights are damaged");
  if (how.temperature == 0 || how.top_k == 1) {
    *token = best;
    return QOPT_OK;
  }
  Growing<Candidate> all;
  if (!all.resize(size_t(vocabulary)))
    return failMemory(error, "the choice of a token",
                      uint64_t(vocabulary) * sizeof(Candidate));
  for (int64_t i = 0; i < vocabulary; ++i)
    all[size_t(i)] = {logits[i], int32_t(i)};
  size_t sorted = 0;
  if (how.top_k && how.top_k < all.size()) {
    sorted = how.top_k;
    std::partial_sort(all.begin(), all.begin() + sorted, all.end());
    all.resize(sorted);
  }
  size_t count = all.size();
  if (how.top_p > 0 && how.top_p < 1)
    count = keepMostLikely(all, sorted, logits[best], how);
  *token = draw(all, count, logits[best], how, index);
  return QOPT_OK;
}
