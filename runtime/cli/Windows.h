// Windows of tokens, in the order in which a run sees them.
#ifndef QOPT_RUNTIME_CLI_WINDOWS_H
#define QOPT_RUNTIME_CLI_WINDOWS_H

#include "qopt/runtime/cli/TrainTokens.h"

namespace qopt::cli {

/// Window k has tokens k S ... k S + S - 1 as inputs and the ones behind them
/// as targets; one without a token to learn is left out. They come in order, or
/// each epoch in an order of its own that the seed tells; after the last one
/// the next epoch begins.
class Windows {
public:
  Windows(const TrainTokens &tokens, uint64_t length, bool shuffled,
          uint64_t seed)
      : tokens(tokens), length(length), shuffled(shuffled), seed(seed) {}

  /// Says why when there is none.
  bool open();

  uint64_t count() const { return kept.size(); }
  /// Writes the window at `position`, which counts on from epoch to epoch, to
  /// `ids` and `targets` [length]; a target that is not to be learned is -1.
  void read(uint64_t position, int64_t *ids, int64_t *targets);
  /// What positions count: another text, other windows.
  void describe(char (&text)[128]) const;

private:
  void shuffle(uint64_t epoch);

  const TrainTokens &tokens;
  uint64_t length;
  bool shuffled;
  uint64_t seed;
  uint64_t shuffledEpoch = UINT64_MAX;
  runtime::Growing<uint32_t> kept;  ///< windows with something to learn
  runtime::Growing<uint32_t> order; ///< of the epoch, of `kept`
};

} // namespace qopt::cli

#endif // QOPT_RUNTIME_CLI_WINDOWS_H
