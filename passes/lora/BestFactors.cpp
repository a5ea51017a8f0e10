// The best factors of a rank for the error that quantizing left.
//
// With sigma = F F^T and D the error, || x (D - B A)^T || over the inputs is
// || (D - B A) F ||: the best B A F is the truncated SVD of D F. Any F serves;
// the triangular one is cheap, and where sigma is nearly singular it is that of
// its eigenvectors, without those that no input has.

#include <cmath>

#include "qopt/passes/lora/Branch.h"
#include <Eigen/Eigenvalues>

using namespace mlir;
using qopt::calibrate::Factors;
using qopt::calibrate::Matrix;
using qopt::calibrate::View;

namespace qopt::lora {

using Columns = Eigen::MatrixXd; // column by column

namespace {

/// sigma = factor factor^T, and inverse factor = 1 where inputs are.
struct Root {
  Matrix factor, inverse;
};

} // namespace

static View<const double> viewOf(const Columns &matrix) {
  return {matrix.data(), matrix.rows(), matrix.cols(), 1, matrix.rows()};
}

static double trace(const Matrix &sigma) {
  double sum = 0;
  for (int64_t i = 0; i < sigma.rows; ++i)
    sum += sigma(i, i);
  return sum;
}

/// By eigenvectors: E sqrt(L), and its pseudo-inverse.
static Root rootOfEigenvectors(const Matrix &sigma) {
  int64_t C = sigma.rows;
  Eigen::Map<const Columns> symmetric(sigma.data.data(), C, C);
  Eigen::SelfAdjointEigenSolver<Columns> solver(symmetric);
  const auto &values = solver.eigenvalues();
  double least = C * std::numeric_limits<double>::epsilon() * values[C - 1];
  Root root{Matrix(C, C), Matrix(C, C)};
  for (int64_t j = 0; j < C; ++j) {
    if (!(values[j] > least))
      continue;
    double size = std::sqrt(values[j]);
    for (int64_t i = 0; i < C; ++i) {
      root.factor(i, j) = solver.eigenvectors()(i, j) * size;
      root.inverse(j, i) = solver.eigenvectors()(i, j) / size;
    }
  }
  return root;
}

static Root rootOf(MLIRContext *context, const Matrix &sigma) {
  Factors factors;
  if (calibrate::factorize(context, sigma, factors)) {
    double norm = 0; // at least 1 / the least eigenvalue
    for (double x : factors.inverse.data)
      norm += x * x;
    double eps = std::numeric_limits<double>::epsilon();
    if (1 / norm > sigma.rows * eps * trace(sigma))
      return {std::move(factors.factor), std::move(factors.inverse)};
  }
  return rootOfEigenvectors(sigma);
}

/// Eigenvectors of m m^T for its largest eigenvalues.
static Columns leadingVectors(MLIRContext *context, View<const double> m,
                              int64_t rank) {
  Matrix gram(m.rows, m.rows);
  calibrate::multiplyAdd(context, 1.0, m, m.transposed(), gram.view());
  Eigen::Map<const Columns> symmetric(gram.data.data(), m.rows, m.rows);
  Eigen::SelfAdjointEigenSolver<Columns> solver(symmetric);
  return solver.eigenvectors().rightCols(rank).rowwise().reverse();
}

FactorPair bestFactors(MLIRContext *context, const BranchOptions &options,
                       Matrix difference, const Matrix *sigma) {
  int64_t N = difference.rows, C = difference.columns;
  int64_t rank = std::min(options.rank, std::min(N, C));
  Root root;
  Matrix weighted(N, C);
  if (sigma) {
    root = rootOf(context, *sigma);
    calibrate::multiplyAdd(context, 1.0, std::as_const(difference).view(),
                           std::as_const(root.factor).view(), weighted.view());
  } else {
    weighted = difference;
  }
  View<const double> m = std::as_const(weighted).view();
  // B A = P D or D P', a projection to the leading vectors of either side.
  Matrix b(N, rank), a(rank, C);
  if (N <= C) {
    Columns left = leadingVectors(context, m, rank);
    b.data.assign(N * rank, 0);
    for (int64_t n = 0; n < N; ++n)
      for (int64_t r = 0; r < rank; ++r)
        b(n, r) = left(n, r);
    Matrix projected(rank, C);
    calibrate::multiplyAdd(context, 1.0, viewOf(left).transposed(), m,
                           projected.view());
    a = std::move(projected);
  } else {
    Columns right = leadingVectors(context, m.transposed(), rank);
    calibrate::multiplyAdd(context, 1.0, m, viewOf(right), b.view());
    for (int64_t r = 0; r < rank; ++r)
      for (int64_t c = 0; c < C; ++c)
        a(r, c) = right(c, r);
  }
  if (sigma) {
    Matrix unweighted(rank, C);
    calibrate::multiplyAdd(context, 1.0, std::as_const(a).view(),
                           std::as_const(root.inverse).view(),
                           unweighted.view());
    a = std::move(unweighted);
  }
  // Both factors of about the same size, and the branch's scale out of them.
  FactorPair pair;
  pair.a.resize(options.rank * C);
  pair.b.resize(N * options.rank);
  double scale = options.alpha / options.rank;
  for (int64_t r = 0; r < rank; ++r) {
    double sizeA = 0, sizeB = 0;
    for (int64_t c = 0; c < C; ++c)
      sizeA += a(r, c) * a(r, c);
    for (int64_t n = 0; n < N; ++n)
      sizeB += b(n, r) * b(n, r);
    double balance = sizeA > 0 && sizeB > 0 ? std::pow(sizeB / sizeA, 0.25) : 1;
    for (int64_t c = 0; c < C; ++c)
      pair.a[r * C + c] = float(a(r, c) * balance);
    for (int64_t n = 0; n < N; ++n)
      pair.b[n * options.rank + r] = float(b(n, r) / (balance * scale));
  }
  return pair;
}

} // namespace qopt::lora
