/* A library that stands for cuBLAS: it multiplies nothing, and accepts only
 * products as tools/gpu_cublas.py means them. */

#include <stddef.h>

static int streams;

int cublasCreate_v2(void **handle) {
  *handle = &streams;
  return 0;
}

int cublasSetStream_v2(void *handle, void *stream) {
  ++streams;
  return !handle || !stream;
}

int cublasGemmEx(void *handle, int transA, int transB, int m, int n, int k,
                 const void *alpha, const void *a, int typeA, int lda,
                 const void *b, int typeB, int ldb, const void *beta, void *c,
                 int typeC, int ldc, int sums, int algorithm) {
  enum { bf16 = 14, sumsOfF32 = 68, refused = 7 };
  int isProduct = transA == 1 && transB == 0 && m == k && lda == k &&
                  ldb == k && ldc == m && n >= 1 && a && b && c && a != b;
  int isTyped = typeA == bf16 && typeB == bf16 && typeC == bf16 &&
                sums == sumsOfF32 && algorithm == -1;
  int isScaled = *(const float *)alpha == 1 && *(const float *)beta == 0;
  return handle && streams == 1 && isProduct && isTyped && isScaled ? 0
                                                                    : refused;
}
