// The f32 arithmetic of quantizing.

#include "qopt/dialects/lowbit/Quantizer.h"

#include <cmath>
#include <cstring>

#include "qopt/dialects/lowbit/GridSearch.h"

using namespace llvm;

namespace qopt::lowbit {

/// A scale is never 0: weights and activations smaller than this are noise.
static constexpr float floorOfScale = 1e-5f;

/// Shrinkings that `mse` tries: 1, 0.99, ...
static constexpr int shrinkings = 80;

/// The number nearest to x that is an f16, of those above 0.
static float roundToHalf(float x) {
  x = std::min(std::max(x, 0x1p-24f), 65504.f);
  if (x < 0x1p-14f) // multiples of 2^-24
    return std::nearbyint(x * 0x1p24f) * 0x1p-24f;
  uint32_t bits; // 13 of them go, ties to even
  std::memcpy(&bits, &x, sizeof bits);
  bits = (bits + 0xfff + (bits >> 13 & 1)) & ~0x1fffu;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

namespace {

/// The least and the largest of some elements.
struct Extrema {
  float least, most;
  float largest() const { return std::max(-least, most); } ///< of |x|
};

} // namespace

static Extrema extremaOf(ArrayRef<float> elements) {
  Extrema extrema{0, 0}; // ranges include 0
  for (float x : elements) {
    extrema.least = std::min(extrema.least, x);
    extrema.most = std::max(extrema.most, x);
  }
  return extrema;
}

/// d, if all elements are 0 or one d or its negative; else 0.
static float ternaryGrid(ArrayRef<float> elements) {
  float d = 0;
  for (float x : elements) {
    float size = std::fabs(x);
    if (size != 0 && d != 0 && size != d)
      return 0;
    d = size != 0 ? size : d;
  }
  return d;
}

static float meanOfSizes(ArrayRef<float> elements) {
  double sum = 0;
  for (float x : elements)
    sum += std::fabs(x);
  return float(sum / double(elements.size()));
}

/// The grid for a range; `c` clips it.
static Grid makeGrid(SchemeAttr scheme, Extrema range, float c) {
  float levels = float(scheme.getLevels());
  Grid grid;
  grid.least = scheme.getCodeMin();
  grid.most = scheme.getCodeMax();
  float lo = c * range.least, hi = c * range.most, amax = 0;
  switch (scheme.getMethod()) {
  case Method::ternary:
    llvm_unreachable("no range");
  case Method::sym:
    amax = std::max(c * range.largest(), floorOfScale);
    break;
  case Method::gptq_sym:
    amax = 2 * (c * range.largest());
    amax = amax == 0 ? 1 : amax;
    break;
  case Method::asym:
    amax = std::max(hi - lo, floorOfScale);
    break;
  case Method::gptq_asym:
    if (lo == 0 && hi == 0)
      lo = -1, hi = 1;
    amax = hi - lo;
    break;
  }
  grid.inv = levels / amax;
  grid.scale = amax / levels;
  if (scheme.getHalf()) {
    grid.scale = roundToHalf(grid.scale);
    grid.inv = 1 / grid.scale;
  }
  if (scheme.hasZeros()) {
    float zero = std::nearbyint(-lo * grid.inv) + float(grid.least);
    grid.zero =
        int(std::min(std::max(zero, float(grid.least)), float(grid.most)));
  }
  return grid;
}

Grid fitGrid(SchemeAttr scheme, ArrayRef<float> elements) {
  if (scheme.getMethod() == Method::ternary) {
    Grid grid;
    float d = ternaryGrid(elements);
    grid.scale = d != 0 ? d : std::max(meanOfSizes(elements), floorOfScale);
    if (scheme.getHalf())
      grid.scale = roundToHalf(grid.scale);
    grid.inv = 1 / grid.scale;
    grid.least = -1, grid.most = 1;
    return grid;
  }
  Extrema range = extremaOf(elements);
  if (!scheme.getMse())
    return makeGrid(scheme, range, float(scheme.getClip()) / 100);
  SmallVector<Grid, 2 * shrinkings> grids;
  for (int i = 0; i < shrinkings; ++i)
    grids.push_back(makeGrid(scheme, range, float(100 - i) / 100));
  // Codes of gptq_sym reach further below 0 than above: a negative scale turns
  // that round, for sets whose largest number is positive.
  for (int i = 0; i < shrinkings && scheme.getMethod() == Method::gptq_sym;
       ++i) {
    grids.push_back(grids[i]);
    grids.back().inv *= -1;
    grids.back().scale *= -1;
  }
  return searchGrid(grids, elements,
                    scheme.getWeighted() ? Measure::weighted : Measure::power);
}

int8_t codeOf(float x, const Grid &grid) {
  float code = std::nearbyint(x * grid.inv) + float(grid.zero);
  code = code > float(grid.least) ? code : float(grid.least);
  return int8_t(code < float(grid.most) ? code : float(grid.most));
}

} // namespace qopt::lowbit
