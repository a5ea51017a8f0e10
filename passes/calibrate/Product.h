// Products of large dense matrices, and the factor that GPTQ needs.
//
// The rest of calibration is bound by these: Eigen, compiled for the oldest CPU
// that qopt runs on, would take a quarter of the machine.

#ifndef QOPT_PASSES_CALIBRATE_PRODUCT_H
#define QOPT_PASSES_CALIBRATE_PRODUCT_H

#include <cstdint>
#include <vector>

namespace mlir {
class MLIRContext;
}

namespace qopt::calibrate {

/// A matrix in somebody's memory, element (r, c) at r * down + c * right.
template <typename T> struct View {
  T *data;
  int64_t rows, columns;
  int64_t down, right = 1;

  T &operator()(int64_t r, int64_t c) const {
    return data[r * down + c * right];
  }
  View transposed() const { return {data, columns, rows, right, down}; }
  View block(int64_t r, int64_t c, int64_t height, int64_t width) const {
    return {&(*this)(r, c), height, width, down, right};
  }
};

/// A dense matrix, row by row, zero at first.
class Matrix {
public:
  Matrix() = default;
  Matrix(int64_t rows, int64_t columns)
      : rows(rows), columns(columns), data(rows * columns) {}

  double &operator()(int64_t r, int64_t c) { return data[r * columns + c]; }
  double operator()(int64_t r, int64_t c) const {
    return data[r * columns + c];
  }
  View<double> view() { return {data.data(), rows, columns, columns}; }
  View<const double> view() const {
    return {data.data(), rows, columns, columns};
  }

  int64_t rows = 0, columns = 0;
  std::vector<double> data;
};

/// c += factor a b, on the threads of the context; with `upper`, elements below
/// the diagonal of c may be left out. c has unit stride along its rows. The
/// order of sums depends on the sizes only.
void multiplyAdd(mlir::MLIRContext *context, double factor,
                 View<const double> a, View<const double> b, View<double> c,
                 bool upper = false);
void multiplyAdd(mlir::MLIRContext *context, float factor, View<const float> a,
                 View<const float> b, View<float> c, bool upper = false);

/// sum over elements of (a sigma) * a: the trace of a sigma a^T.
double energy(mlir::MLIRContext *context, const Matrix &a, const Matrix &sigma);

/// For a symmetric positive definite matrix: upper triangular `factor` and its
/// inverse, sigma = factor factor^T, so sigma^-1 = inverse^T inverse.
struct Factors {
  Matrix factor, inverse;
};

/// False if sigma is not positive definite, within rounding.
bool factorize(mlir::MLIRContext *context, const Matrix &sigma,
               Factors &factors);

} // namespace qopt::calibrate

#endif // QOPT_PASSES_CALIBRATE_PRODUCT_H
