// Products in tiles of 6 rows by 64 or 128 bytes that stay in registers.
//
// Both operands are packed: a panel of 6 rows of a, and panels of a vector's
// width of b, both `depth` deep, so that a tile reads memory in order. The
// compiler writes the tile for each kind of CPU and picks one at load.

#include "qopt/passes/calibrate/Product.h"

#include <algorithm>
#include <cmath>

#include "mlir/IR/Threading.h"

using namespace mlir;

namespace qopt::calibrate {

static constexpr int64_t tileRows = 6, tileBytes = 64;
static constexpr int64_t depth = 256;  ///< of packed panels
static constexpr int64_t widest = 768; ///< columns of b that are packed at once

#define QOPT_EACH_CPU                                                          \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))

/// out[6][L] += panels a [k][6] and b [k][L]
template <typename T, int64_t L>
__attribute__((always_inline)) static inline void tileOf(const T *a, const T *b,
                                                         int64_t k, T *out) {
  typedef T Lanes __attribute__((vector_size(tileBytes)));
  Lanes sums[tileRows] = {};
  for (int64_t i = 0; i < k; ++i) {
    Lanes lanes;
    __builtin_memcpy(&lanes, b + i * L, sizeof lanes);
    for (int64_t r = 0; r < tileRows; ++r)
      sums[r] += a[i * tileRows + r] * lanes;
  }
  __builtin_memcpy(out, sums, sizeof sums);
}

QOPT_EACH_CPU static void tile(const float *a, const float *b, int64_t k,
                               float *out) {
  tileOf<float, tileBytes / sizeof(float)>(a, b, k, out);
}

QOPT_EACH_CPU static void tile(const double *a, const double *b, int64_t k,
                               double *out) {
  tileOf<double, tileBytes / sizeof(double)>(a, b, k, out);
}

/// Copies columns [0, columns) of `from`, `width` side by side, zeros behind.
template <typename T>
static void pack(View<const T> from, int64_t width, T *to) {
  for (int64_t first = 0; first < from.columns; first += width)
    for (int64_t r = 0; r < from.rows; ++r)
      for (int64_t c = first; c < first + width; ++c)
        *to++ = c < from.columns ? from(r, c) : T(0);
}

template <typename T>
static void multiply(MLIRContext *context, T factor, View<const T> a,
                     View<const T> b, View<T> c, bool upper) {
  constexpr int64_t lanes = tileBytes / sizeof(T);
  int64_t panels = (c.rows + tileRows - 1) / tileRows;
  std::vector<T> packed(depth * (widest + lanes));
  for (int64_t k = 0; k < a.columns; k += depth)
    for (int64_t n = 0; n < c.columns; n += widest) {
      int64_t deep = std::min(depth, a.columns - k);
      int64_t wide = std::min(widest, c.columns - n);
      pack(b.block(k, n, deep, wide), lanes, packed.data());
      auto row = [&](size_t panel) {
        int64_t top = panel * tileRows;
        int64_t height = std::min(tileRows, c.rows - top);
        if (upper && n + wide <= top)
          return;
        T left[depth * tileRows], sums[tileRows * lanes];
        pack(a.block(top, k, height, deep).transposed(), tileRows, left);
        for (int64_t column = 0; column < wide; column += lanes) {
          if (upper && n + column + lanes <= top)
            continue;
          tile(left, packed.data() + column * deep, deep, sums);
          int64_t width = std::min(lanes, wide - column);
          for (int64_t r = 0; r < height; ++r)
            for (int64_t j = 0; j < width; ++j)
              c(top + r, n + column + j) += factor * sums[r * lanes + j];
        }
      };
      // Threads cost more than a small product.
      if (double(c.rows) * wide * deep < 2e6)
        for (int64_t panel = 0; panel < panels; ++panel)
          row(panel);
      else
        parallelFor(context, 0, panels, row);
    }
}

void multiplyAdd(MLIRContext *context, double factor, View<const double> a,
                 View<const double> b, View<double> c, bool upper) {
  multiply(context, factor, a, b, c, upper);
}

void multiplyAdd(MLIRContext *context, float factor, View<const float> a,
                 View<const float> b, View<float> c, bool upper) {
  multiply(context, factor, a, b, c, upper);
}

double energy(MLIRContext *context, const Matrix &a, const Matrix &sigma) {
  // In bands, so that a table of a vocabulary needs no second one.
  double sum = 0;
  for (int64_t row = 0; row < a.rows; row += 1024) {
    int64_t height = std::min<int64_t>(1024, a.rows - row);
    View<const double> band = a.view().block(row, 0, height, a.columns);
    Matrix product(height, a.columns);
    multiplyAdd(context, 1.0, band, sigma.view(), product.view());
    for (int64_t r = 0; r < height; ++r)
      for (int64_t c = 0; c < a.columns; ++c)
        sum += product(r, c) * band(r, c);
  }
  return sum;
}

static View<const double> readable(View<double> view) {
  return {view.data, view.rows, view.columns, view.down, view.right};
}

/// A block that needs no blocks of its own: from the last column to the first.
static bool factorizeSmall(View<double> sigma, View<double> factor,
                           View<double> inverse) {
  int64_t n = sigma.rows;
  for (int64_t j = n; j-- > 0;) {
    double pivot = sigma(j, j);
    for (int64_t k = j + 1; k < n; ++k)
      pivot -= factor(j, k) * factor(j, k);
    if (!(pivot > 0) || !std::isfinite(pivot))
      return false;
    factor(j, j) = std::sqrt(pivot);
    for (int64_t i = 0; i < j; ++i) {
      double sum = sigma(i, j);
      for (int64_t k = j + 1; k < n; ++k)
        sum -= factor(i, k) * factor(j, k);
      factor(i, j) = sum / factor(j, j);
    }
  }
  for (int64_t j = 0; j < n; ++j) {
    inverse(j, j) = 1 / factor(j, j);
    for (int64_t i = j; i-- > 0;) {
      double sum = 0;
      for (int64_t k = i + 1; k <= j; ++k)
        sum += factor(i, k) * inverse(k, j);
      inverse(i, j) = -sum / factor(i, i);
    }
  }
  return true;
}

/// Halves: with sigma = [[a, b], [., d]] the factor is [[f, g], [0, h]], where
/// h h^T = d, g = b h^-T, f f^T = a - g g^T; its inverse has -f^-1 g h^-1 in
/// the corner. `sigma` is used up.
static bool factorize(MLIRContext *context, View<double> sigma,
                      View<double> factor, View<double> inverse) {
  int64_t n = sigma.rows, half = n / 2, rest = n - half;
  if (n <= 64)
    return factorizeSmall(sigma, factor, inverse);
  View<double> h = factor.block(half, half, rest, rest);
  View<double> hInverse = inverse.block(half, half, rest, rest);
  if (!factorize(context, sigma.block(half, half, rest, rest), h, hInverse))
    return false;
  View<double> g = factor.block(0, half, half, rest);
  multiplyAdd(context, 1.0, readable(sigma.block(0, half, half, rest)),
              readable(hInverse).transposed(), g);
  View<double> corner = sigma.block(0, 0, half, half);
  multiplyAdd(context, -1.0, readable(g), readable(g).transposed(), corner,
              /*upper=*/true);
  for (int64_t r = 1; r < half; ++r)
    for (int64_t c = 0; c < r; ++c)
      corner(r, c) = corner(c, r);
  View<double> fInverse = inverse.block(0, 0, half, half);
  if (!factorize(context, corner, factor.block(0, 0, half, half), fInverse))
    return false;
  Matrix product(half, rest);
  multiplyAdd(context, 1.0, readable(fInverse), readable(g), product.view());
  multiplyAdd(context, -1.0, readable(product.view()), readable(hInverse),
              inverse.block(0, half, half, rest));
  return true;
}

bool factorize(MLIRContext *context, const Matrix &sigma, Factors &factors) {
  Matrix rest = sigma;
  factors.factor = factors.inverse = Matrix(sigma.rows, sigma.rows);
  return factorize(context, rest.view(), factors.factor.view(),
                   factors.inverse.view());
}

} // namespace qopt::calibrate
