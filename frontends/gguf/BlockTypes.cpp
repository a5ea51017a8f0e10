// What the blocks of each type mean, in f32, operation by operation as
// llama.cpp computes it: the numbers are the same bit for bit.

#include "qopt/frontends/gguf/BlockTypes.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/Endian.h"

namespace qopt::gguf {

template <typename T> static T load(const uint8_t *bytes) {
  return llvm::support::endian::read<T, llvm::endianness::little>(bytes);
}

/// An f16 as f32, which holds each of them.
static float half(const uint8_t *bytes) {
  uint32_t bits = load<uint16_t>(bytes);
  uint32_t sign = (bits & 0x8000) << 16, magnitude = bits & 0x7fff;
  if (magnitude >= 0x7c00) // infinities and NaN
    return llvm::bit_cast<float>(sign | 0x7f800000 | (magnitude & 0x3ff) << 13);
  if (magnitude >= 0x400)
    return llvm::bit_cast<float>(sign | (magnitude + (112 << 10)) << 13);
  float number = float(magnitude) * 0x1p-24f; // exact
  return sign ? -number : number;
}

static void decodeF32(const uint8_t *block, float *numbers) {
  *numbers = llvm::bit_cast<float>(load<uint32_t>(block));
}

static void decodeF16(const uint8_t *block, float *numbers) {
  *numbers = half(block);
}

static void decodeBf16(const uint8_t *block, float *numbers) {
  *numbers = llvm::bit_cast<float>(uint32_t(load<uint16_t>(block)) << 16);
}

// Blocks of 32: scale, then perhaps a minimum, then perhaps a fifth bit of each
// code, then codes: 16 bytes whose low halves come first.

static void decodeQ40(const uint8_t *block, float *numbers) {
  float scale = half(block);
  const uint8_t *codes = block + 2;
  for (int i = 0; i < 16; ++i) {
    numbers[i] = float((codes[i] & 15) - 8) * scale;
    numbers[i + 16] = float((codes[i] >> 4) - 8) * scale;
  }
}

static void decodeQ41(const uint8_t *block, float *numbers) {
  float scale = half(block), minimum = half(block + 2);
  const uint8_t *codes = block + 4;
  for (int i = 0; i < 16; ++i) {
    numbers[i] = float(codes[i] & 15) * scale + minimum;
    numbers[i + 16] = float(codes[i] >> 4) * scale + minimum;
  }
}

/// Code `i` of 32, whose fifth bits are `high`.
static int code5(const uint8_t *codes, uint32_t high, int i) {
  int low = i < 16 ? codes[i] & 15 : codes[i - 16] >> 4;
  return low | (high >> i & 1) << 4;
}

static void decodeQ50(const uint8_t *block, float *numbers) {
  float scale = half(block);
  uint32_t high = load<uint32_t>(block + 2);
  for (int i = 0; i < 32; ++i)
    numbers[i] = float(code5(block + 6, high, i) - 16) * scale;
}

static void decodeQ51(const uint8_t *block, float *numbers) {
  float scale = half(block), minimum = half(block + 2);
  uint32_t high = load<uint32_t>(block + 4);
  for (int i = 0; i < 32; ++i)
    numbers[i] = float(code5(block + 8, high, i)) * scale + minimum;
}

static void decodeQ80(const uint8_t *block, float *numbers) {
  float scale = half(block);
  for (int i = 0; i < 32; ++i)
    numbers[i] = float(int8_t(block[2 + i])) * scale;
}

// Blocks of 256: eight groups of 32, each with a scale and a minimum of 6 bits,
// which count in units of the block's own scale and minimum.

struct GroupScale {
  float scale, minimum;
};

/// Group `i` of a Q4_K or Q5_K block: `packed` holds 12 bytes, of which the
/// upper two bits of the first eight belong to the last four groups.
static GroupScale groupScale(const uint8_t *block, int i) {
  float scale = half(block), minimum = half(block + 2);
  const uint8_t *packed = block + 4;
  if (i < 4)
    return {scale * float(packed[i] & 63), minimum * float(packed[i + 4] & 63)};
  int s = (packed[i + 4] & 15) | (packed[i - 4] >> 6) << 4;
  int m = packed[i + 4] >> 4 | (packed[i] >> 6) << 4;
  return {scale * float(s), minimum * float(m)};
}

/// Two groups share 32 bytes: the first has the low halves.
static int code4(const uint8_t *codes, int group, int i) {
  uint8_t byte = codes[group / 2 * 32 + i];
  return group % 2 ? byte >> 4 : byte & 15;
}

static void decodeQ4K(const uint8_t *block, float *numbers) {
  const uint8_t *codes = block + 16;
  for (int group = 0; group < 8; ++group) {
    GroupScale g = groupScale(block, group);
    for (int i = 0; i < 32; ++i)
      numbers[group * 32 + i] =
          g.scale * float(code4(codes, group, i)) - g.minimum;
  }
}

static void decodeQ5K(const uint8_t *block, float *numbers) {
  const uint8_t *high = block + 16, *codes = block + 48;
  for (int group = 0; group < 8; ++group) {
    GroupScale g = groupScale(block, group);
    for (int i = 0; i < 32; ++i) {
      int code = code4(codes, group, i) | (high[i] >> group & 1) << 4;
      numbers[group * 32 + i] = g.scale * float(code) - g.minimum;
    }
  }
}

/// Two halves of 128; a scale of 8 bits for each 16 numbers. Of a half, 64
/// bytes hold the low four bits and 32 bytes the high two of every code.
static void decodeQ6K(const uint8_t *block, float *numbers) {
  float scale = half(block + 208);
  for (int i = 0; i < 256; ++i) {
    int part = i / 128, quarter = i % 128 / 32, at = i % 32;
    const uint8_t *low = block + part * 64, *high = block + 128 + part * 32;
    uint8_t byte = low[quarter % 2 * 32 + at];
    int code = (quarter < 2 ? byte & 15 : byte >> 4) |
               (high[at] >> 2 * quarter & 3) << 4;
    float group = scale * float(int8_t(block[192 + i / 16]));
    numbers[i] = group * float(code - 32);
  }
}

// clang-format off
static constexpr BlockType known[] = {
    // number  name    elements bytes decode
    {0,        "F32",  1,       4,    decodeF32},
    {1,        "F16",  1,       2,    decodeF16},
    {30,       "BF16", 1,       2,    decodeBf16},
    {2,        "Q4_0", 32,      18,   decodeQ40},
    {3,        "Q4_1", 32,      20,   decodeQ41},
    {6,        "Q5_0", 32,      22,   decodeQ50},
    {7,        "Q5_1", 32,      24,   decodeQ51},
    {8,        "Q8_0", 32,      34,   decodeQ80},
    {12,       "Q4_K", 256,     144,  decodeQ4K},
    {13,       "Q5_K", 256,     176,  decodeQ5K},
    {14,       "Q6_K", 256,     210,  decodeQ6K},
};

/// Names of the types that are not known, to refuse them by.
static constexpr struct {
  uint32_t number;
  llvm::StringLiteral name;
} others[] = {
    {9, "Q8_1"},     {10, "Q2_K"},    {11, "Q3_K"},   {15, "Q8_K"},
    {16, "IQ2_XXS"}, {17, "IQ2_XS"},  {18, "IQ3_XXS"}, {19, "IQ1_S"},
    {20, "IQ4_NL"},  {21, "IQ3_S"},   {22, "IQ2_S"},  {23, "IQ4_XS"},
    {24, "I8"},      {25, "I16"},     {26, "I32"},    {27, "I64"},
    {28, "F64"},     {29, "IQ1_M"},   {34, "TQ1_0"},  {35, "TQ2_0"},
    {39, "MXFP4"},
};
// clang-format on

llvm::ArrayRef<BlockType> blockTypes() { return known; }

const BlockType *findBlockType(uint32_t number) {
  for (const BlockType &type : known)
    if (type.number == number)
      return &type;
  return nullptr;
}

std::string blockTypeName(uint32_t number) {
  for (const auto &other : others)
    if (other.number == number)
      return other.name.str();
  return std::to_string(number);
}

} // namespace qopt::gguf
