// The model in this executable, and a context of it.

#include "qopt/runtime/cli/Session.h"
#include "qopt/runtime/cli/Report.h"

#include <stdio.h>

namespace qopt::cli {

Session::~Session() {
  qopt_context_close(context);
  qopt_model_close(model);
}

bool Session::openModel() {
  Error what;
  if (qopt_model_open(nullptr, &model, &what) == QOPT_OK)
    return true;
  fail(what);
  return false;
}

bool Session::openContext(const Common &common) {
  qopt_context_options options = {};
  options.size = sizeof options;
  options.threads = static_cast<uint32_t>(common.threads);
  options.max_seq = static_cast<uint32_t>(common.maxSeq);
  options.state = common.state;
  Error what;
  if (qopt_context_open(model, &options, &context, &what) == QOPT_OK &&
      (!common.adapter ||
       qopt_context_use_adapter(context, common.adapter, &what) == QOPT_OK))
    return true;
  fail(what);
  return false;
}

TypeName::TypeName(qopt_dtype type) {
  const char *kind = "?";
  switch (type.code) {
  case 0:
    kind = "i";
    break;
  case 1:
    kind = "u";
    break;
  case 2:
    kind = "f";
    break;
  case 4:
    kind = "bf";
    break;
  case 6:
    snprintf(text, sizeof text, "bool");
    return;
  }
  snprintf(text, sizeof text, "%s%u", kind, static_cast<unsigned>(type.bits));
}

void *allocate(qopt_dtype type, uint64_t count) {
  constexpr uint64_t alignment = 64;
  uint64_t bytes = 0;
  if (__builtin_mul_overflow(count, bytesOf(type), &bytes) ||
      bytes > SIZE_MAX - alignment)
    return nullptr;
  // aligned_alloc wants a multiple of the alignment.
  bytes = (bytes + alignment - 1) / alignment * alignment;
  return aligned_alloc(alignment, bytes ? bytes : alignment);
}

bool countOf(const int64_t *shape, int32_t rank, uint64_t *count) {
  // A size of zero hides no overflow of the others: what is checked is the
  // product of those that are not zero.
  uint64_t product = 1;
  bool empty = false;
  for (int32_t i = 0; i < rank; ++i) {
    if (shape[i] < 0)
      return false;
    empty |= shape[i] == 0;
    if (shape[i] && __builtin_mul_overflow(
                        product, static_cast<uint64_t>(shape[i]), &product))
      return false;
  }
  *count = empty ? 0 : product;
  return product <= INT64_MAX;
}

} // namespace qopt::cli
