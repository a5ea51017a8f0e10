/* Asks for more memory than there is, then for less. */

#include "check.h"

enum { most = 100000 };

int main(void) {
  static int64_t ids[most];
  qopt_model *model = NULL;
  qopt_context *context = NULL;
  qopt_context_options options = {sizeof options, 1, 0, 0, 0, NULL};
  float *logits, before;
  OK(qopt_model_open(NULL, &model, &error));
  OK(qopt_context_open(model, &options, &context, &error));
  if (!context)
    return finish();
  logits = malloc((size_t)qopt_model_vocabulary(model) * sizeof *logits);
  OK(qopt_forward(context, ids, 1, 3, logits, &error));
  before = logits[0];
  FAILS(qopt_forward(context, ids, 1, most, logits, &error), QOPT_UNAVAILABLE,
        "out of memory: ");
  CHECK(strstr(error.message, " bytes; use a smaller batch or length"));
  CHECK(logits[0] == before && qopt_context_position(context) == 3);
  OK(qopt_forward(context, ids, 1, 3, logits, &error));
  CHECK(qopt_context_position(context) == 6);
  free(logits);
  qopt_context_close(context);
  options.threads = 1000;
  FAILS(qopt_context_open(model, &options, &context, &error), QOPT_UNAVAILABLE,
        "the threads' scratch needs 4194304000 bytes");
  qopt_model_close(model);
  return finish();
}
