// Arrays in numpy's .npy files.
//
// Read are format versions 1 to 3, little-endian, in C or Fortran order, of
// f16, f32, f64, i8 to i64, u8, bool, and bf16 as the raw two bytes that numpy
// makes of it ("V2"). Files are not trusted.
#ifndef QOPT_RUNTIME_CLI_NPY_H
#define QOPT_RUNTIME_CLI_NPY_H

#include "qopt/runtime/Growing.h"
#include "qopt/runtime/qopt.h"

namespace qopt::cli {

constexpr int32_t mostRank = 32; ///< numpy's, before version 2

/// An array in memory. A plain value: whoever holds it frees `data`.
struct Array {
  qopt_dtype type;
  int32_t rank;
  int64_t shape[mostRank];
  int64_t strides[mostRank]; ///< in elements
  uint64_t count;            ///< of elements
  void *data;
};

/// Arrays that are freed together.
struct Arrays : runtime::Growing<Array> {
  ~Arrays();
  /// Makes `count` empty arrays; false when memory runs out.
  bool open(uint32_t count);
  /// The arrays as the C API takes them, valid until the list changes.
  bool tensors(runtime::Growing<qopt_tensor> &tensors);
};

/// Whether `bytes` begin a .npy file.
bool isNpy(const char *bytes, size_t size);

/// Reads `path` into an empty array; says what is wrong when it cannot.
bool readNpy(const char *path, Array &array);

/// Writes a row-major array at the descriptor `file`; false leaves the reason
/// in errno.
bool writeNpy(int file, qopt_dtype type, const int64_t *shape, int32_t rank,
              const void *data);

/// What numpy calls a type: "int64".
const char *numpyName(qopt_dtype type);

} // namespace qopt::cli

#endif // QOPT_RUNTIME_CLI_NPY_H
