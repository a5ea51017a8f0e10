// `train`, for models without a training entry.

#include "qopt/runtime/cli/Commands.h"
#include "qopt/runtime/cli/Report.h"

namespace qopt::cli {

int train(const Invocation &) {
  error("this model has no training entry; compile it with 'qopt --train'");
  return failed;
}

} // namespace qopt::cli
