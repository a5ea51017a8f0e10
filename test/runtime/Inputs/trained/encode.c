/* Prints the token ids of its argument: encode TEXT. */

#include "../check.h"

int main(int argc, char **argv) {
  int64_t ids[4096];
  uint64_t count = 0, i;
  qopt_model *model = NULL;
  if (argc != 2)
    return 2;
  OK(qopt_model_open(NULL, &model, &error));
  OK(qopt_encode(model, argv[1], strlen(argv[1]), ids, 4096, &count, &error));
  for (i = 0; i < count; ++i)
    printf("%lld ", (long long)ids[i]);
  for (i = 0; i < (uint64_t)qopt_model_vocabulary(model); ++i)
    if (qopt_model_is_end(model, (int64_t)i))
      break;
  printf("\n%lld\n", (long long)i);
  qopt_model_close(model);
  return failures;
}
