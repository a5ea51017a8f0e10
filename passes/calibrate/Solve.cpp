// GPTQ as notes say it: columns one after the other, each one's error moved to
// those that are still free, in proportion to how inputs go together.
//
// With sigma^-1 = U^T U, U upper triangular, e = (w_i - w^_i) / U_ii and
// w_j -= e U_ij for j > i leave sum e^2 = tr(D sigma D^T), D = W - W^.

#include "qopt/passes/calibrate/Solve.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "mlir/IR/Threading.h"
#include "qopt/dialects/lowbit/Quantizer.h"

using namespace mlir;
using namespace qopt::lowbit;

namespace qopt::calibrate {

/// More damping, until a moment is positive definite.
static constexpr double dampingStep = 0.0015;
/// Least element of a diagonal that is floored, of its largest.
static constexpr double diagonalFloor = 1e-6;

namespace {

/// The grids of a weight: one for each row and group.
class Grids {
public:
  Grids(SchemeAttr scheme, int64_t rows, int64_t columns)
      : scheme(scheme), size(scheme.getGroupSize(columns)),
        groups(scheme.getPer() == Granularity::group ? columns / size : 1),
        grids(rows * groups) {}

  int64_t groupOf(int64_t column) const { return column / size; }
  Grid &at(int64_t row, int64_t column) {
    return grids[row * groups + groupOf(column)];
  }
  /// Fits all of them to a weight.
  void fit(MLIRContext *context, const Matrix &weight);
  /// Fits that of the group that `column` begins, to a row as it is now.
  void refit(int64_t row, int64_t column, const double *now);
  /// Scales and zeros, in the shapes of the scheme.
  void store(Codes &codes) const;

  SchemeAttr scheme;
  int64_t size, groups;
  std::vector<Grid> grids;
};

} // namespace

void Grids::refit(int64_t row, int64_t column, const double *now) {
  std::vector<float> elements(now, now + size);
  at(row, column) = fitGrid(scheme, elements);
}

void Grids::fit(MLIRContext *context, const Matrix &weight) {
  if (scheme.getPer() == Granularity::tensor) {
    std::vector<float> all(weight.data.begin(), weight.data.end());
    std::fill(grids.begin(), grids.end(), fitGrid(scheme, all));
    return;
  }
  auto row = [&](int64_t r) {
    for (int64_t g = 0; g < groups; ++g)
      refit(r, g * size, &weight.data[r * weight.columns + g * size]);
  };
  if (context)
    return parallelFor(context, 0, weight.rows, row);
  for (int64_t r = 0; r < weight.rows; ++r)
    row(r);
}

void Grids::store(Codes &codes) const {
  size_t count = scheme.getPer() == Granularity::tensor ? 1 : grids.size();
  for (size_t i = 0; i < count; ++i) {
    codes.scales.push_back(grids[i].scale);
    if (scheme.hasZeros())
      codes.zeros.push_back(grids[i].zero);
  }
}

static Codes roundWith(Grids &grids, const Matrix &weight) {
  Codes codes;
  codes.codes.resize(weight.data.size());
  codes.values = Matrix(weight.rows, weight.columns);
  for (int64_t r = 0; r < weight.rows; ++r)
    for (int64_t c = 0; c < weight.columns; ++c) {
      const Grid &grid = grids.at(r, c);
      int8_t code = codeOf(weight(r, c), grid);
      codes.codes[r * weight.columns + c] = code;
      codes.values(r, c) = valueOf(code, grid);
    }
  grids.store(codes);
  return codes;
}

Codes roundToNearest(SchemeAttr scheme, const Matrix &weight) {
  Grids grids(scheme, weight.rows, weight.columns);
  grids.fit(nullptr, weight);
  return roundWith(grids, weight);
}

static double errorOf(MLIRContext *context, const Matrix &weight,
                      const Matrix &values, const Matrix &sigma) {
  Matrix difference = weight;
  for (size_t i = 0; i < difference.data.size(); ++i)
    difference.data[i] -= values.data[i];
  return energy(context, difference, sigma);
}

static bool isFinite(const Matrix &matrix) {
  return llvm::all_of(matrix.data, [](double x) { return std::isfinite(x); });
}

/// U of the damped moment; false if nothing helps.
static bool invert(MLIRContext *context, const Matrix &sigma,
                   const GptqOptions &options, Factors &factors,
                   Solution &solution) {
  int64_t n = sigma.rows;
  double mean = 0, largest = 0;
  for (int64_t i = 0; i < n; ++i) {
    mean += sigma(i, i) / n;
    largest = std::max(largest, sigma(i, i));
  }
  auto attempt = [&](double damping, double floor) {
    Matrix damped = sigma;
    for (int64_t i = 0; i < n; ++i)
      damped(i, i) = std::max(damped(i, i), floor) + damping * mean;
    solution.damping = damping;
    return factorize(context, damped, factors);
  };
  if (attempt(options.damping, 0))
    return true;
  for (double damping = options.damping + dampingStep; damping < 1;
       damping += dampingStep)
    if (attempt(damping, 0)) {
      solution.recovery = recoveries[1];
      return true;
    }
  solution.recovery = recoveries[2];
  if (attempt(options.damping, diagonalFloor * largest))
    return true;
  solution.recovery = recoveries[3];
  return false;
}

namespace {

/// The columns of a weight on their way to codes.
class Columns {
public:
  Columns(MLIRContext *context, Grids &grids, Matrix &weight, const Matrix &u,
          ArrayRef<int64_t> order, bool refit)
      : context(context), grids(grids), weight(weight), u(u), order(order),
        refits(refit), codes(weight.data.size()), errors(weight.rows) {}

  void solve(int64_t block);
  Codes finish();
  double sumOfErrors() const {
    return std::accumulate(errors.begin(), errors.end(), 0.0);
  }

private:
  void solveBlock(int64_t row, int64_t begin, int64_t end, double *e);

  MLIRContext *context;
  Grids &grids;
  Matrix &weight; ///< in the order of solving; solved columns hold values
  const Matrix &u;
  ArrayRef<int64_t> order; ///< the column that stands in each place
  bool refits;
  std::vector<int8_t> codes;  ///< in the order of solving
  std::vector<double> errors; ///< by row
};

} // namespace

/// One row of a block; `e` are its errors.
void Columns::solveBlock(int64_t row, int64_t begin, int64_t end, double *e) {
  double *w = &weight(row, 0);
  for (int64_t i = begin; i < end; ++i) {
    if (refits && i % grids.size == 0)
      grids.refit(row, i, w + i);
    const Grid &grid = grids.at(row, order[i]);
    int8_t code = codeOf(w[i], grid);
    double value = valueOf(code, grid);
    double error = (w[i] - value) / u(i, i);
    const double *along = &u.data[i * u.columns];
    for (int64_t j = i + 1; j < end; ++j)
      w[j] -= error * along[j];
    w[i] = value;
    codes[row * weight.columns + i] = code;
    e[i - begin] = error;
    errors[row] += error * error;
  }
}

void Columns::solve(int64_t block) {
  int64_t C = weight.columns;
  for (int64_t begin = 0, end; begin < C; begin = end) {
    end = std::min(C, begin + block);
    // A group is fitted to what the columns before it have left.
    if (refits)
      end = std::min(end, (begin / grids.size + 1) * grids.size);
    int64_t wide = end - begin, rest = C - end;
    Matrix e(weight.rows, wide);
    parallelFor(context, 0, weight.rows,
                [&](size_t row) { solveBlock(row, begin, end, &e(row, 0)); });
    if (rest)
      multiplyAdd(context, -1.0, std::as_const(e).view(),
                  u.view().block(begin, end, wide, rest),
                  weight.view().block(0, end, weight.rows, rest));
  }
}

Codes Columns::finish() {
  Codes result;
  int64_t C = weight.columns;
  result.codes.resize(codes.size());
  result.values = Matrix(weight.rows, C);
  for (int64_t row = 0; row < weight.rows; ++row)
    for (int64_t i = 0; i < C; ++i) {
      result.codes[row * C + order[i]] = codes[row * C + i];
      result.values(row, order[i]) = weight(row, i);
    }
  grids.store(result);
  return result;
}

bool solveGptq(MLIRContext *context, SchemeAttr scheme, Matrix weight,
               Matrix sigma, const GptqOptions &options, Solution &solution) {
  int64_t C = weight.columns;
  if (!isFinite(sigma) || !isFinite(weight))
    return false;
  for (int64_t i = 0; i < C; ++i)
    if (sigma(i, i) == 0) { // an input that is always 0
      sigma(i, i) = 1;
      for (int64_t row = 0; row < weight.rows; ++row)
        weight(row, i) = 0;
    }
  double whole = energy(context, weight, sigma);
  double share = whole > 0 ? 1 / whole : 0;
  Grids grids(scheme, weight.rows, C);
  grids.fit(context, weight);
  Codes nearest = roundWith(grids, weight);
  solution.before = errorOf(context, weight, nearest.values, sigma) * share;

  std::vector<int64_t> order(C);
  std::iota(order.begin(), order.end(), 0);
  if (options.actOrder)
    llvm::sort(order, [&](int64_t a, int64_t b) {
      return std::pair(-sigma(a, a), a) < std::pair(-sigma(b, b), b);
    });
  Matrix ordered(weight.rows, C), moment(C, C);
  for (int64_t i = 0; i < C; ++i) {
    for (int64_t row = 0; row < weight.rows; ++row)
      ordered(row, i) = weight(row, order[i]);
    for (int64_t j = 0; j < C; ++j)
      moment(i, j) = sigma(order[i], order[j]);
  }
  Factors factors;
  if (invert(context, moment, options, factors, solution)) {
    bool refit = scheme.getPer() == Granularity::group && !options.actOrder;
    Columns columns(context, grids, ordered, factors.inverse, order, refit);
    columns.solve(options.block);
    solution.compensated = columns.sumOfErrors();
    solution.codes = columns.finish();
  } else {
    auto searched = SchemeAttr::get(
        scheme.getContext(), scheme.getMethod(), scheme.getBits(),
        scheme.getPer(), scheme.getGroup(), scheme.getClip(),
        /*mse=*/scheme.getMethod() != Method::ternary, scheme.getHalf(),
        scheme.getWeighted());
    solution.codes = roundToNearest(searched, weight);
  }
  solution.after =
      errorOf(context, weight, solution.codes.values, sigma) * share;
  return true;
}

} // namespace qopt::calibrate
