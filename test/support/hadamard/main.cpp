// Checks what Hadamard.h promises: H H^T = n I in integers for every order,
// plans of products, and rotations that `transposed` takes back.

#include "qopt/dialects/lowbit/Hadamard.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace qopt::lowbit;
using llvm::ArrayRef;

static bool allHold = true;

static void expect(bool holds, const llvm::Twine &what) {
  if (!holds)
    llvm::outs() << what << " does not hold\n";
  allHold &= holds;
}

/// H H^T = n I: any two rows differ in just half of their places.
static bool isHadamard(ArrayRef<int8_t> matrix, int64_t n) {
  int64_t words = (n + 63) / 64;
  std::vector<uint64_t> bits(n * words);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) {
      if (std::abs(matrix[i * n + j]) != 1)
        return false;
      bits[i * words + j / 64] |= uint64_t(matrix[i * n + j] < 0) << j % 64;
    }
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < i; ++j) {
      int64_t differ = 0;
      for (int64_t w = 0; w < words; ++w)
        differ +=
            __builtin_popcountll(bits[i * words + w] ^ bits[j * words + w]);
      if (2 * differ != n)
        return false;
    }
  return true;
}

static void checkOrders() {
  int64_t found = 0;
  for (int64_t n = 1; n <= 2048; ++n) {
    std::vector<int8_t> matrix = hadamardMatrix(n);
    expect(hasHadamard(n) == !matrix.empty(), "has " + llvm::Twine(n));
    if (matrix.empty())
      continue;
    ++found;
    expect(isHadamard(matrix, n), "H H^T of " + llvm::Twine(n));
  }
  expect(found > 200, "more than 200 orders, " + llvm::Twine(found) + ",");
  for (int64_t n : {92, 116, 156, 172, 428, 6, 14, 0, -4})
    expect(!hasHadamard(n), "none of " + llvm::Twine(n));
  for (int64_t n :
       {12, 20, 28, 36, 44, 52, 60, 68, 76, 84, 100, 108, 140, 148, 924})
    expect(hasHadamard(n), "one of " + llvm::Twine(n));
}

/// What algorithms of rotation call for, of models there are.
static void checkPlans() {
  struct {
    int64_t n;
    std::vector<int64_t> orders;
  } plans[] = {
      {1, {1}},
      {64, {64}},
      {896, {28, 32}},
      {3584, {28, 128}},
      {14336, {28, 512}},
      {3072, {12, 256}},
      {4864, {76, 64}},
      {18944, {148, 128}},
      {25600, {20, 20, 64}},
      {576, {12, 12, 4}},
      {13824, {12, 12, 12, 8}},
      {29568, {12, 28, 44, 2}},
      {11008, {344, 32}},
      {13696, {}},
      {9, {}},
      {14, {}},
      {0, {}},
  };
  for (auto &[n, orders] : plans)
    expect(ArrayRef<int64_t>(factorHadamard(n)) == ArrayRef<int64_t>(orders),
           "the plan of " + llvm::Twine(n));
}

static double errorOfRoundTrip(int64_t n, uint64_t seed, bool transposed) {
  auto orders = factorHadamard(n);
  auto signs = hadamardSigns(seed, n);
  std::vector<double> x(n);
  for (int64_t i = 0; i < n; ++i)
    x[i] = std::sin(double(i * i + 1));
  std::vector<double> y = x;
  rotate(y.data(), n, orders, signs, false);
  rotate(y.data(), n, orders, signs, transposed);
  double error = 0;
  for (int64_t i = 0; i < n; ++i)
    error = std::max(error, std::fabs(y[i] - x[i]));
  return error;
}

int main() {
  checkOrders();
  checkPlans();
  for (int64_t n : {12, 28, 48, 576, 896, 4864, 14336})
    expect(errorOfRoundTrip(n, n, true) < 1e-12,
           "the inverse of " + llvm::Twine(n));
  // Paley's first kind is not symmetric: the same map twice is no identity.
  for (int64_t n : {12, 28, 48})
    expect(errorOfRoundTrip(n, 0, false) > 1e-1,
           "that " + llvm::Twine(n) + " is no inverse of itself");
  if (allHold)
    llvm::outs() << "all hold\n";
  return !allHold;
}
