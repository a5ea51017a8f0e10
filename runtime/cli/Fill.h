// Made-up inputs for measurements.
#ifndef QOPT_RUNTIME_CLI_FILL_H
#define QOPT_RUNTIME_CLI_FILL_H

#include "qopt/runtime/cli/Entry.h"

namespace qopt::cli {

/// The i-th of a fixed sequence of random numbers (splitmix64).
uint64_t randomNumber(uint64_t i);

/// What a free size is for `batch` sequences of `seq` tokens without a past, by
/// its name: "batch_size", "past_sequence_length", "past + sequence".
int64_t sizeOfName(const char *name, uint64_t batch, uint64_t seq);

/// Makes the inputs of `entry` for `batch` sequences of `seq` tokens without a
/// past; says why when it cannot. Sizes and contents go by the names that
/// exporters give them: what is called mask is 1, positions count up, tokens
/// are random.
bool fillInputs(Entry &entry, uint64_t batch, uint64_t seq, int64_t vocabulary);

} // namespace qopt::cli

#endif // QOPT_RUNTIME_CLI_FILL_H
