// What the writer and the reader of state files agree on.
#ifndef QOPT_RUNTIME_STATE_H
#define QOPT_RUNTIME_STATE_H

#include "qopt/runtime/Context.h"
#include "qopt/runtime/JsonText.h"

namespace qopt::runtime {

/// A state file is a safetensors file: 8 bytes with the length of a header, the
/// header, data. Each tensor is a variable under its own name. Numbers in the
/// metadata are texts, as safetensors wants it.
namespace state {
constexpr const char *version = "1";
// Keys of the metadata.
constexpr const char *formatVersion = "format_version", *step = "step",
                     *seed = "seed", *dataPosition = "data_position",
                     *data = "data", *lambda = "lambda", *recipe = "recipe",
                     *model = "model_hash", *dataHash = "data_hash";
} // namespace state

/// The type's name in safetensors.
const char *stateTypeName(uint32_t type);

/// Whether state files hold it: sums of gradients end with a step.
inline bool isKept(const qopt_program &program, const qopt_variable &variable) {
  return roleOf(program, variable) != VariableRole::sum;
}

/// What ties a state to its model: the hash of what it was compiled from, and
/// its recipe. They point into `info`; "" where there is none.
qopt_status readIdentity(const qopt_model &model, JsonText &info,
                         const char **hash, const char **recipe,
                         qopt_error *error);

/// The hash of all data of a file: xxh64 of the hashes of its tensors, in the
/// order of the model's variables.
class DataHash {
public:
  bool add(const uint8_t *data, uint64_t bytes);
  /// "xxh64:..." of what was added.
  void finish(char (&text)[32]) const;

private:
  Growing<uint64_t> hashes;
};

} // namespace qopt::runtime

#endif // QOPT_RUNTIME_STATE_H
