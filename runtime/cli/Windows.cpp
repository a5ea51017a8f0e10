// Windows of tokens, in the order in which a run sees them.

#include "qopt/runtime/cli/Windows.h"
#include "qopt/runtime/Philox.h"
#include "qopt/runtime/cli/Report.h"

#include <stdio.h>

namespace qopt::cli {

static unsigned long long wide(uint64_t value) { return value; }

bool Windows::open() {
  uint64_t all = tokens.size() ? (tokens.size() - 1) / length : 0;
  if (!all) {
    error("the data has %llu tokens, expects more than a sequence of %llu: "
          "give more of it, or a smaller --seq",
          wide(tokens.size()), wide(length));
    return false;
  }
  if (all > UINT32_MAX) {
    error("the data has %llu sequences, expects at most %u: give less of it, "
          "or a larger --seq",
          wide(all), UINT32_MAX);
    return false;
  }
  for (uint64_t k = 0; k < all; ++k)
    for (uint64_t i = 1; i <= length; ++i)
      if (tokens.isLearned(k * length + i)) {
        kept.push(static_cast<uint32_t>(k));
        break;
      }
  if (kept.failed() || !order.resize(kept.size())) {
    failMemory("reading training data");
    return false;
  }
  if (!kept.size())
    error("the data has no token to learn: expects a response that reaches "
          "into a whole sequence of %llu tokens",
          wide(length));
  return kept.size();
}

/// Fisher and Yates; numbers by (seed, epoch, index), so that an epoch's order
/// is found without those before it.
void Windows::shuffle(uint64_t epoch) {
  shuffledEpoch = epoch;
  for (uint32_t i = 0; i < order.size(); ++i)
    order[i] = i;
  for (uint64_t i = order.size() - 1; i > 0; --i) {
    uint32_t x[4] = {static_cast<uint32_t>(i), 0, static_cast<uint32_t>(epoch),
                     static_cast<uint32_t>(epoch >> 32)};
    runtime::philox(x, static_cast<uint32_t>(seed),
                    static_cast<uint32_t>(seed >> 32));
    uint64_t number = static_cast<uint64_t>(x[1]) << 32 | x[0];
    auto j = static_cast<uint64_t>(
        static_cast<unsigned __int128>(number) * (i + 1) >> 64);
    uint32_t other = order[j];
    order[j] = order[i];
    order[i] = other;
  }
}

void Windows::read(uint64_t position, int64_t *ids, int64_t *targets) {
  uint64_t epoch = position / kept.size(), index = position % kept.size();
  if (shuffled && epoch != shuffledEpoch)
    shuffle(epoch);
  uint64_t begin = kept[shuffled ? order[index] : index] * length;
  for (uint64_t i = 0; i < length; ++i) {
    ids[i] = tokens.id(begin + i);
    uint64_t next = begin + i + 1;
    targets[i] = tokens.isLearned(next) ? tokens.id(next) : -1;
  }
}

void Windows::describe(char (&text)[128]) const {
  snprintf(text, sizeof text, "xxh64:%016llx, %s windows of %llu tokens",
           wide(tokens.hash()), shuffled ? "shuffled" : "sequential",
           wide(length));
}

} // namespace qopt::cli
