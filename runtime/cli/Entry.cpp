// The entry `run` of a model, with the arrays that it reads and writes.

#include "qopt/runtime/cli/Entry.h"
#include "qopt/runtime/cli/Report.h"

namespace qopt::cli {

bool makeArray(Array &array, qopt_dtype type, const int64_t *shape,
               int32_t rank) {
  array.type = type;
  array.rank = rank;
  if (rank > mostRank) {
    error("an array has %d dimensions, more than numpy takes", rank);
    return false;
  }
  if (countOf(shape, rank, &array.count))
    array.data = allocate(type, array.count);
  if (!array.data) {
    failMemory("making an array");
    return false;
  }
  int64_t stride = 1;
  for (int32_t axis = rank; axis-- > 0;) {
    array.shape[axis] = shape[axis];
    array.strides[axis] = stride;
    stride *= shape[axis] ? shape[axis] : 1;
  }
  return true;
}

bool Entry::open() {
  Error what;
  signature.size = sizeof signature;
  if (qopt_model_signature(session.model, "run", &signature, &what) !=
      QOPT_OK) {
    fail(what);
    return false;
  }
  if (inputs.open(signature.input_count) &&
      outputs.open(signature.output_count))
    return true;
  failMemory("reading inputs");
  return false;
}

bool Entry::makeOutputs() {
  uint64_t room = 0;
  for (uint32_t i = 0; i < signature.output_count; ++i)
    room += static_cast<uint64_t>(signature.outputs[i].rank);
  runtime::Growing<int64_t> dims;
  if (!inputs.tensors(given) || !dims.resize(room ? room : 1)) {
    failMemory("making outputs");
    return false;
  }
  Error what;
  if (qopt_output_shapes(session.context, "run", given.begin(),
                         signature.input_count, dims.begin(), room,
                         &what) != QOPT_OK) {
    fail(what);
    return false;
  }
  const int64_t *at = dims.begin();
  for (uint32_t i = 0; i < signature.output_count; ++i) {
    const qopt_value &value = signature.outputs[i];
    if (!makeArray(outputs[i], value.type, at, value.rank))
      return false;
    at += value.rank;
  }
  if (outputs.tensors(made))
    return true;
  failMemory("making outputs");
  return false;
}

bool Entry::run() {
  Error what;
  if (qopt_run(session.context, "run", given.begin(), signature.input_count,
               made.begin(), signature.output_count, &what) == QOPT_OK)
    return true;
  fail(what);
  return false;
}

} // namespace qopt::cli
