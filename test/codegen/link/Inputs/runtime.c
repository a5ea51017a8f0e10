/* The least runtime: runs the first entry on 0, 1, 2, ... and prints results. */

#include "qopt/runtime/abi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const qopt_program program __asm__("qopt_program");

void qopt_parallel(qopt_pool *pool, qopt_kernel kernel, const int64_t *args,
                   int64_t tasks) {
  static _Alignas(64) uint8_t scratch[QOPT_SCRATCH_BYTES];
  (void)pool;
  kernel(args, 0, tasks, scratch);
}

static void *allocate(int64_t bytes) {
  void *data = aligned_alloc(64, (bytes + 64) / 64 * 64);
  return data ? data : (exit(3), data);
}

int main(void) {
  const qopt_entry *entry = program.variants[0].entries;
  FILE *self = fopen("/proc/self/exe", "rb");
  qopt_footer footer;
  if (!self || fseek(self, -(long)sizeof footer, SEEK_END) ||
      fread(&footer, sizeof footer, 1, self) != 1 ||
      memcmp(footer.magic, QOPT_MAGIC, 8) || footer.weights_offset % 4096)
    return 2;
  uint8_t *weights = allocate(footer.weights_bytes);
  fseek(self, footer.weights_offset, SEEK_SET);
  if (fread(weights, 1, footer.weights_bytes, self) != footer.weights_bytes)
    return 2;
  int64_t symbols[] = {2}, dims[8];
  entry->shapes(symbols, dims);
  float *input = allocate(dims[0] * dims[1] * 4);
  float *output = allocate(dims[2] * dims[3] * 4);
  for (int64_t i = 0; i < dims[0] * dims[1]; ++i)
    input[i] = i;
  const void *inputs[] = {input};
  void *outputs[] = {output};
  qopt_call call = {weights, allocate(entry->arena_bytes(symbols)), symbols,
                    inputs, outputs, 0, 0};
  entry->run(&call);
  for (int64_t i = 0; i < dims[2] * dims[3]; ++i)
    printf("%g ", output[i]);
  printf("\n");
  return 0;
}
