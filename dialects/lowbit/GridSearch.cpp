// The search of `mse`: 80 or 160 grids for each 32 to 128 weights of a model.
//
// Which grid wins is part of what #lowbit.scheme means, down to the last bit of
// the sums, and pow of libm takes 20 ns. So sums are estimated first, within a
// bound that is proved below, in vectors of f32; only grids that the bound
// leaves in the race are summed exactly, and mostly that is one, which has won.
//
// An estimate stops when it can no longer win. Grids that clip too much are
// most of them, and their largest elements alone say so: these come first.

#include "qopt/dialects/lowbit/GridSearch.h"

#include <cmath>
#include <cstring>

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

using namespace llvm;

namespace qopt::lowbit {

/// What the baseline of every target holds in a register.
typedef float Floats __attribute__((vector_size(16)));
typedef int32_t Words __attribute__((vector_size(16)));
static constexpr size_t lanes = 4;

/// Elements that are summed in f32 before f64 takes over: 16 a lane.
static constexpr size_t chunk = 64;

/// Grids are tried in steps of this, from 0, from 1, ...
static constexpr size_t step = 8;

/// The largest elements, which come first.
static constexpr size_t firstElements = 2 * lanes;

/// |estimate - sum| <= relativeBound sum + absoluteBound n, in units of the
/// largest element to the power of 2.4, or of 3 for `weighted`, which has a few
/// roundings in place of the root.
///   difference, unit, square   (3 roundings of 2^-24) 2.4   4.3e-7
///   fifth root, all of f32 tried                            5.7e-7
///   sums in f32                (16 + 4 roundings)          12.0e-7
static constexpr double relativeBound = 4e-6;
/// Squares below `leastSquare` count as that.
static constexpr float leastSquare = 1e-30f;
static constexpr double absoluteBound = 1e-35;

static Floats select(Words where, Floats a, Floats b) {
  Words x, y;
  std::memcpy(&x, &a, sizeof x);
  std::memcpy(&y, &b, sizeof y);
  Words chosen = (x & where) | (y & ~where);
  std::memcpy(&a, &chosen, sizeof a);
  return a;
}

/// t^1.2, at most 5.7e-7 off in relative terms, for t in [1e-30, 1e30].
static Floats power(Floats t) {
  // y = t^-0.2: a guess from the exponent, 4 % off, then twice the first terms
  // of (1 - h)^-0.2 = 1 + h / 5 + 3 h^2 / 25 + ... with h = 1 - t y^5.
  Words bits;
  std::memcpy(&bits, &t, sizeof bits);
  Words guess =
      0x4c294000 - __builtin_convertvector(
                       __builtin_convertvector(bits, Floats) * 0.2f, Words);
  Floats y, square, fourth;
  std::memcpy(&y, &guess, sizeof y);
  for (int i = 0; i < 2; ++i) {
    square = y * y;
    fourth = square * square;
    Floats h = 1.f - t * y * fourth;
    y = y + y * (h * (0.2f + 0.12f * h));
  }
  square = y * y;
  return t * (t * (square * square));
}

namespace {

/// Estimates of sums of errors, in units of the largest element.
class Estimator {
public:
  Estimator(ArrayRef<float> elements, Measure measure);

  /// The sum for a grid, or a part of it that is above `limit` already. NaN
  /// where f32 does not reach.
  double sum(const Grid &grid, double limit) const;
  /// What a sum is at least and at most, by its estimate.
  double atLeast(double sum) const {
    return sum * (1 - relativeBound) - absoluteBound * elements.size();
  }
  double atMost(double sum) const {
    return sum * (1 + relativeBound) + absoluteBound * elements.size();
  }

private:
  Floats errors(const Grid &grid, const float *x) const;

  ArrayRef<float> elements;
  Measure measure;
  float unit; ///< 1 / the largest
  /// The largest ones, and those behind the last whole vector; then zeros.
  float first[firstElements] = {}, last[lanes] = {};
};

} // namespace

Estimator::Estimator(ArrayRef<float> elements, Measure measure)
    : elements(elements), measure(measure) {
  for (float x : elements) {
    if (std::fabs(x) <= std::fabs(first[firstElements - 1]))
      continue;
    for (float &held : first) // in order; the least falls out
      if (std::fabs(x) > std::fabs(held))
        std::swap(x, held);
  }
  unit = 1 / std::fabs(first[0]);
  size_t whole = elements.size() / lanes * lanes;
  std::copy(elements.begin() + whole, elements.end(), last);
}

/// What some elements add to the sum.
Floats Estimator::errors(const Grid &grid, const float *x) const {
  Floats value;
  std::memcpy(&value, x, sizeof value);
  // The code as codeOf has it: bounds are integers, so that clamping may come
  // before rounding, and NaN becomes the least.
  Floats least = Floats{} + float(grid.least - grid.zero);
  Floats most = Floats{} + float(grid.most - grid.zero);
  Floats code = value * grid.inv;
  code = select(code > least, code, least);
  code = select(code < most, code, most);
  // Adding and subtracting 1.5 2^23 rounds to the nearest, ties to even.
  code = (code + 0x1.8p23f) - 0x1.8p23f;
  Floats error = (value - code * grid.scale) * unit;
  Floats square = error * error;
  if (measure == Measure::weighted) {
    Floats size = value * unit;
    return select(size < Floats{}, -size, size) * square;
  }
  return power(select(square < leastSquare, Floats{} + leastSquare, square));
}

static double total(Floats x) { return double((x[0] + x[1]) + (x[2] + x[3])); }

double Estimator::sum(const Grid &grid, double limit) const {
  if (!std::isfinite(grid.inv) || !std::isfinite(unit))
    return NAN;
  double largest = total(errors(grid, first) + errors(grid, first + lanes));
  if (atLeast(largest) > limit)
    return largest;
  double sum = 0;
  size_t whole = elements.size() / lanes * lanes;
  for (size_t from = 0; from < whole; from += chunk) {
    Floats part = {};
    size_t to = std::min(whole, from + chunk);
    for (size_t i = from; i < to; i += lanes)
      part += errors(grid, &elements[i]);
    sum += total(part);
    if (atLeast(sum) > limit)
      return sum;
  }
  return whole < elements.size() ? sum + total(errors(grid, last)) : sum;
}

/// The sum itself, or a part of it that is not below `best`.
static double exactSum(ArrayRef<float> elements, const Grid &grid,
                       Measure measure, double best) {
  double sum = 0;
  for (float x : elements) {
    double error = double(x) - valueOf(codeOf(x, grid), grid);
    sum += measure == Measure::weighted ? std::fabs(double(x)) * (error * error)
                                        : std::pow(std::fabs(error), 2.4);
    if (sum >= best)
      break; // it cannot win any more
  }
  return sum;
}

static bool isSame(const Grid &a, const Grid &b) {
  return a.inv == b.inv && a.scale == b.scale && a.zero == b.zero;
}

Grid searchGrid(ArrayRef<Grid> grids, ArrayRef<float> elements,
                Measure measure) {
  Estimator estimator(elements, measure);
  SmallVector<double, 160> sums(grids.size());
  double limit = HUGE_VAL; // of the least sum
  // Far steps first: one of them comes near, and the rest stops early.
  for (size_t first = 0; first < step; ++first)
    for (size_t i = first; i < grids.size(); i += step) {
      // An equal one comes first.
      bool repeats = i > 0 && isSame(grids[i], grids[i - 1]);
      sums[i] = repeats ? HUGE_VAL : estimator.sum(grids[i], limit);
      limit = std::min(limit, estimator.atMost(sums[i])); // NaN changes nothing
    }
  SmallVector<const Grid *> left;
  for (auto [grid, sum] : zip(grids, sums))
    if (!(estimator.atLeast(sum) > limit))
      left.push_back(&grid);
  if (left.size() == 1)
    return *left.front();
  const Grid *best = nullptr;
  double least = HUGE_VAL;
  for (const Grid *grid : left) {
    double error = exactSum(elements, *grid, measure, least);
    if (error < least) {
      best = grid;
      least = error;
    }
  }
  return best ? *best : Grid();
}

} // namespace qopt::lowbit
