// The 256 values of states in 8 bits, see StateCodes.h.

#include "qopt/codegen/tile/StateCodes.h"

#include <cmath>

#include "qopt/codegen/tile/Math.h"
#include "qopt/dialects/train/DynamicMap.h"
#include "llvm/ADT/bit.h"

using namespace mlir;

namespace qopt::tile {

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

/// Bits behind the sign and the exponent of an f32.
static constexpr int64_t mantissa = 23;
/// No bound lies so close to 0.
static constexpr float leastSize = 0x1p-23f;

/// The largest float that is not nearer to `above` than to `below`.
static float lastOf(float below, float above) {
  auto isLower = [&](float x) {
    return double(x) - below <= double(above) - x;
  };
  float x = float((double(below) + above) / 2);
  while (!isLower(x))
    x = std::nextafterf(x, below);
  while (isLower(std::nextafterf(x, above)))
    x = std::nextafterf(x, above);
  return x;
}

/// How many bounds lie below x.
static int64_t below(ArrayRef<float> bounds, float x) {
  return llvm::lower_bound(bounds, x) - bounds.begin();
}

/// The starts of buckets with so many bits of the mantissa; empty if two bounds
/// lie in one.
static std::vector<uint32_t> startsOf(const StateTables &tables) {
  int64_t shift = mantissa - tables.mantissaBits;
  std::vector<uint32_t> starts;
  for (bool isNegative : {false, true}) {
    if (isNegative && tables.isUnsigned)
      break;
    for (int64_t i = 0; i < tables.buckets; ++i) {
      auto size = [&](int64_t bucket, int64_t less) {
        return llvm::bit_cast<float>(
            uint32_t(((tables.firstBucket + bucket) << shift) - less));
      };
      // The first bucket takes all that is smaller, the last what is larger.
      float least = i == 0 ? 0 : size(i, 0);
      float most = i + 1 == tables.buckets ? HUGE_VALF : size(i + 1, 1);
      int64_t start = below(tables.bounds, isNegative ? -most : least);
      int64_t end = below(tables.bounds, isNegative ? -least : most);
      if (end > start + 1)
        return {};
      size_t place = isNegative * tables.buckets + i;
      starts.resize(place / 4 + 1);
      starts[place / 4] |= uint32_t(start) << place % 4 * 8;
    }
  }
  return starts;
}

StateTables::StateTables(bool isUnsigned)
    : isUnsigned(isUnsigned), values(train::dynamicMap(isUnsigned)) {
  for (size_t i = 0; i + 1 < values.size(); ++i)
    bounds.push_back(lastOf(values[i], values[i + 1]));
  bounds.push_back(HUGE_VALF);
  mantissaBits = -1;
  do {
    int64_t shift = mantissa - ++mantissaBits;
    firstBucket = llvm::bit_cast<uint32_t>(leastSize) >> shift;
    buckets = (llvm::bit_cast<uint32_t>(1.0f) >> shift) - firstBucket + 1;
    starts = startsOf(*this);
  } while (starts.empty());
}

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

Value StateCodes::values(Value codes) {
  Math m{e.b, e.loc};
  Type i32 = Math::with(codes.getType(), e.b.getI32Type());
  Value index = arith::ExtSIOp::create(e.b, e.loc, i32, codes);
  return look(Table::values,
              arith::AddIOp::create(e.b, e.loc, index, m.integer(128, i32)));
}

Value StateCodes::codes(Value x) {
  using Predicate = arith::CmpFPredicate;
  Math m{e.b, e.loc};
  Type i32 = Math::with(x.getType(), e.b.getI32Type());
  auto integer = [&](int64_t value) { return m.integer(value, i32); };
  Value zero = m.real(0, x.getType());
  if (tables.isUnsigned) // NaN is 0, whose code is the lowest
    x = m.select(m.compare(Predicate::OGT, x, zero), x, zero);

  Value bits = m.bits(x, e.b.getI32Type());
  Value size = arith::AndIOp::create(e.b, e.loc, bits, integer(0x7fffffff));
  int64_t shift = mantissa - tables.mantissaBits;
  Value bucket = arith::ShRUIOp::create(e.b, e.loc, size, integer(shift));
  bucket =
      arith::SubIOp::create(e.b, e.loc, bucket, integer(tables.firstBucket));
  bucket = arith::MaxSIOp::create(e.b, e.loc, bucket, integer(0));
  bucket =
      arith::MinSIOp::create(e.b, e.loc, bucket, integer(tables.buckets - 1));
  if (!tables.isUnsigned) {
    Value sign = arith::ShRSIOp::create(e.b, e.loc, bits, integer(31));
    bucket = arith::AddIOp::create(
        e.b, e.loc, bucket,
        arith::AndIOp::create(e.b, e.loc, sign, integer(tables.buckets)));
  }

  Value word = look(Table::starts,
                    arith::ShRUIOp::create(e.b, e.loc, bucket, integer(2)));
  Value byte = arith::AndIOp::create(e.b, e.loc, bucket, integer(3));
  byte = arith::ShLIOp::create(e.b, e.loc, byte, integer(3));
  Value code = arith::AndIOp::create(
      e.b, e.loc, arith::ShRUIOp::create(e.b, e.loc, word, byte), integer(255));
  Value above = m.compare(Predicate::OGT, x, look(Table::bounds, code));
  code = arith::AddIOp::create(e.b, e.loc, code,
                               arith::ExtUIOp::create(e.b, e.loc, i32, above));
  if (!tables.isUnsigned)
    code = m.select(m.compare(Predicate::UNO, x, x), integer(0), code);
  code = arith::AddIOp::create(e.b, e.loc, code, integer(-128));
  return arith::TruncIOp::create(
      e.b, e.loc, Math::with(x.getType(), e.b.getI8Type()), code);
}

} // namespace qopt::tile
