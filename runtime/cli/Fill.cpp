// Made-up inputs for measurements.

#include "qopt/runtime/cli/Fill.h"

namespace qopt::cli {

uint64_t randomNumber(uint64_t i) {
  uint64_t z = (i + 1) * 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

int64_t sizeOfName(const char *name, uint64_t batch, uint64_t seq) {
  if (name && strstr(name, "batch"))
    return static_cast<int64_t>(batch);
  if (name && strstr(name, "past") && !strchr(name, '+') &&
      !strstr(name, "total"))
    return 0;
  return static_cast<int64_t>(seq);
}

static void storeInteger(Array &array, uint64_t i, int64_t value) {
  switch (array.type.bits) {
  case 8:
    static_cast<int8_t *>(array.data)[i] = static_cast<int8_t>(value);
    break;
  case 16:
    static_cast<int16_t *>(array.data)[i] = static_cast<int16_t>(value);
    break;
  case 32:
    static_cast<int32_t *>(array.data)[i] = static_cast<int32_t>(value);
    break;
  case 64:
    static_cast<int64_t *>(array.data)[i] = value;
    break;
  }
}

static void fillIntegers(Array &array, const char *name, int64_t vocabulary) {
  int64_t last = array.rank ? array.shape[array.rank - 1] : 1;
  bool tokens = strstr(name, "input_ids"), mask = strstr(name, "mask");
  bool positions = strstr(name, "position");
  for (uint64_t i = 0; i < array.count; ++i) {
    int64_t value = 0;
    if (tokens && vocabulary > 0)
      value = static_cast<int64_t>(randomNumber(i) %
                                   static_cast<uint64_t>(vocabulary));
    else if (mask)
      value = 1;
    else if (positions)
      value = static_cast<int64_t>(i) % last;
    storeInteger(array, i, value);
  }
}

/// Floats between -2 and 2, by their bits: f16 and bf16 have no C++ type here.
static void fillFloats(Array &array) {
  for (uint64_t i = 0; i < array.count; ++i) {
    uint64_t random = randomNumber(i);
    switch (array.type.bits) {
    case 16: // sign, exponent of 1, mantissa
      static_cast<uint16_t *>(array.data)[i] =
          array.type.code == 4
              ? static_cast<uint16_t>(0x3f80 | (random & 0x807f))
              : static_cast<uint16_t>(0x3c00 | (random & 0x83ff));
      break;
    case 32:
      static_cast<float *>(array.data)[i] =
          static_cast<float>(random >> 40) * 0x1p-22f - 2;
      break;
    case 64:
      static_cast<double *>(array.data)[i] =
          static_cast<double>(random >> 11) * 0x1p-51 - 2;
      break;
    }
  }
}

bool fillInputs(Entry &entry, uint64_t batch, uint64_t seq,
                int64_t vocabulary) {
  for (uint32_t i = 0; i < entry.signature.input_count; ++i) {
    const qopt_value &value = entry.signature.inputs[i];
    Array &array = entry.inputs[i];
    int64_t shape[mostRank] = {};
    for (int32_t axis = 0; axis < value.rank && axis < mostRank; ++axis)
      shape[axis] = value.shape[axis] < 0
                        ? sizeOfName(value.dims[axis], batch, seq)
                        : value.shape[axis];
    if (!makeArray(array, value.type, shape, value.rank))
      return false;
    // A bool is a mask, but for the switch of merged decoders, whose past is
    // empty here.
    if (value.type.code == 6)
      memset(array.data, strstr(value.name, "use_cache") == nullptr,
             array.count);
    else if (value.type.code == 2 || value.type.code == 4)
      fillFloats(array);
    else
      fillIntegers(array, value.name, vocabulary);
  }
  return true;
}

} // namespace qopt::cli
