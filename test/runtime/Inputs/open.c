/* Opens a file and says how that went: open [FILE] */

#include "check.h"

int main(int argc, char **argv) {
  qopt_model *model = NULL;
  qopt_status status =
      qopt_model_open(argc > 1 ? argv[1] : NULL, &model, &error);
  printf("%d %s\n", (int)status, error.message);
  if (status && model)
    printf("a model in spite of it\n");
  if (!status)
    printf("qopt %s: %.9s\n", qopt_version(), qopt_model_info(model));
  qopt_model_close(model);
  return 0;
}
