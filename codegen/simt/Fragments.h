// Which lane holds which element of a matrix.
//
// PTX ISA 8.7, chapter "Warp Level Matrix Instructions", sections "Matrix
// Fragments for mma.m16n8k4 with .tf32", "... m16n8k8", "... m16n8k16 with
// floating point type", "... m16n8k16 with .u8/.s8", "... m16n8k32". With
// groupID = lane / 4 and threadID_in_group = lane % 4 all of them follow one
// rule. A register of a factor holds `perRegister` elements that follow each
// other along K (one tf32, two f16 or bf16, four s8 or u8):
//
//   A (16 x K), register r, element j: row = groupID + 8 (r % 2)
//       column = (threadID_in_group + 4 (r / 2)) perRegister + j
//   B (K x 8), register r, element j: column = groupID
//       row = (threadID_in_group + 4 r) perRegister + j
//   C and D (16 x 8), element i: row = groupID + 8 (i / 2)
//       column = 2 threadID_in_group + i % 2
//
// ("ai for 0 <= i < 2 || 4 <= i < 6: row = groupID", "col = threadID * 2 +
// (i & 1) for i < 4, + 8 for i >= 4" is what the ISA writes for A of m16n8k16.)
//
// ldmatrix, same chapter: matrix m of 8 x 8 b16 has its rows at the addresses
// of lanes 8 m to 8 m + 7; lane l receives elements (l / 4, 2 (l % 4) + {0,
// 1}), or with .trans those of the transposed matrix.
//
// The products of f16, bf16 and tf32 are exact in f32; they are added to C one
// after the other in the order of K, each sum rounded to nearest even. (The
// hardware adds several at once and says no more than that; a test's bound has
// to allow for both.) tf32 factors lose the lower 13 bits of what is in the
// register. Integers are added with wrapping, or kept within 32 bits at each
// step if satfinite says so.

#ifndef QOPT_CODEGEN_SIMT_FRAGMENTS_H
#define QOPT_CODEGEN_SIMT_FRAGMENTS_H

#include <cstdint>

namespace qopt::simt {

/// A place in a matrix.
struct Place {
  unsigned row, column;
};

constexpr Place placeInA(unsigned lane, unsigned reg, unsigned element,
                         unsigned perRegister) {
  return {lane / 4 + 8 * (reg % 2),
          (lane % 4 + 4 * (reg / 2)) * perRegister + element};
}
constexpr Place placeInB(unsigned lane, unsigned reg, unsigned element,
                         unsigned perRegister) {
  return {(lane % 4 + 4 * reg) * perRegister + element, lane / 4};
}
constexpr Place placeInC(unsigned lane, unsigned element) {
  return {lane / 4 + 8 * (element / 2), 2 * (lane % 4) + element % 2};
}
/// Of element 0 or 1 in the register of ldmatrix.
constexpr Place placeInRows(unsigned lane, unsigned element, bool transposed) {
  return transposed ? Place{2 * (lane % 4) + element, lane / 4}
                    : Place{lane / 4, 2 * (lane % 4) + element};
}

enum class Factor : uint8_t { f16, bf16, tf32, s8, u8 };
constexpr unsigned perRegister(Factor factor) {
  switch (factor) {
  case Factor::f16:
  case Factor::bf16:
    return 2;
  case Factor::tf32:
    return 1;
  case Factor::s8:
  case Factor::u8:
    return 4;
  }
  return 0;
}

/// A product of matrices, 16 x K times K x 8.
struct Product {
  Factor a, b;
  unsigned k;
  bool saturates = false; ///< sums of integers
};

/// d = a b + c by whole matrices, row after row: the registers' bits of f32, or
/// integers.
void multiply(const Product &product, const uint32_t *a, const uint32_t *b,
              const uint32_t *c, uint32_t *d);

} // namespace qopt::simt

#endif // QOPT_CODEGEN_SIMT_FRAGMENTS_H
