// The floating-point types as they lie in registers.

#ifndef QOPT_CODEGEN_SIMT_FORMATS_H
#define QOPT_CODEGEN_SIMT_FORMATS_H

#include <cmath>
#include <cstdint>

#include "llvm/ADT/bit.h"

namespace qopt::simt {

inline float floatOf(uint32_t bits) { return llvm::bit_cast<float>(bits); }
inline uint32_t bitsOf(float value) { return llvm::bit_cast<uint32_t>(value); }

/// Rounds to the nearest value, of two to the even one; any NaN is quiet.
inline uint16_t toBf16(float value) {
  uint32_t bits = bitsOf(value);
  if (std::isnan(value))
    return bits >> 16 | 0x40;
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

/// From more digits: first towards odd, which cannot round twice.
inline uint16_t toBf16(double value) {
  float nearest = float(value);
  uint32_t bits = bitsOf(nearest);
  if (std::isfinite(nearest) && double(nearest) != value) {
    if (std::fabs(double(nearest)) > std::fabs(value))
      --bits; // towards zero
    bits |= 1;
  }
  return toBf16(floatOf(bits));
}

inline float fromF16(uint16_t half) {
  uint32_t sign = uint32_t(half & 0x8000) << 16, magnitude = half & 0x7fff;
  if (magnitude >= 0x7c00) // infinity and NaN
    return floatOf(sign | 0x7f800000 | (magnitude & 0x3ff) << 13);
  if (magnitude >= 0x400)
    return floatOf(sign | ((magnitude << 13) + ((127 - 15) << 23)));
  float value = float(magnitude) * 0x1p-24f; // exact
  return floatOf(sign | bitsOf(value));
}

inline uint16_t toF16(double value) {
  uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  double magnitude = std::fabs(value);
  if (std::isnan(value))
    return sign | 0x7e00;
  if (magnitude >= 65520) // halfway to the value behind the largest
    return sign | 0x7c00;
  if (magnitude < 0x1p-14) // multiples of 2^-24
    return sign | uint16_t(std::nearbyint(magnitude * 0x1p24));
  int exponent = std::ilogb(magnitude);
  // In units of the last place; 2048 carries into the exponent.
  auto units = uint32_t(std::nearbyint(std::ldexp(magnitude, 10 - exponent)));
  return sign | ((uint32_t(exponent + 15) << 10) + (units - 1024));
}

/// The number of a type: Bits in a register, Value to compute with. Sums,
/// products, quotients and roots of the 16-bit types are right when they are
/// rounded from f32, which has more than twice their digits.
struct F32 {
  using Bits = uint32_t;
  using Value = float;
  static Value get(Bits bits) { return floatOf(bits); }
  static Bits put(Value value) { return bitsOf(value); }
};
struct F64 {
  using Bits = uint64_t;
  using Value = double;
  static Value get(Bits bits) { return llvm::bit_cast<double>(bits); }
  static Bits put(Value value) { return llvm::bit_cast<uint64_t>(value); }
};
struct F16 {
  using Bits = uint32_t;
  using Value = float;
  static Value get(Bits bits) { return fromF16(bits); }
  static Bits put(Value value) { return toF16(value); }
};
struct BF16 {
  using Bits = uint32_t;
  using Value = float;
  static Value get(Bits bits) { return floatOf(bits << 16); }
  static Bits put(Value value) { return toBf16(value); }
};

} // namespace qopt::simt

#endif // QOPT_CODEGEN_SIMT_FORMATS_H
