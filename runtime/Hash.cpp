// xxh64: four lanes of 8 bytes, merged, then the rest of the text.

#include "qopt/runtime/Hash.h"

#include <string.h>

namespace qopt::runtime {

static constexpr uint64_t prime1 = 0x9e3779b185ebca87,
                          prime2 = 0xc2b2ae3d27d4eb4f,
                          prime3 = 0x165667b19e3779f9,
                          prime4 = 0x85ebca77c2b2ae63,
                          prime5 = 0x27d4eb2f165667c5;

static uint64_t rotate(uint64_t x, int n) { return x << n | x >> (64 - n); }

template <typename T> static T read(const uint8_t *data) {
  T value;
  memcpy(&value, data, sizeof value);
  return value;
}

static uint64_t mix(uint64_t lane, uint64_t word) {
  return rotate(lane + word * prime2, 31) * prime1;
}

uint64_t xxh64(const uint8_t *data, uint64_t bytes) {
  const uint8_t *end = data + bytes;
  uint64_t hash = prime5;
  if (bytes >= 32) {
    uint64_t lanes[] = {prime1 + prime2, prime2, 0, 0 - prime1};
    for (; end - data >= 32; data += 32)
      for (int i = 0; i < 4; ++i)
        lanes[i] = mix(lanes[i], read<uint64_t>(data + 8 * i));
    hash = rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) +
           rotate(lanes[3], 18);
    for (uint64_t lane : lanes)
      hash = (hash ^ mix(0, lane)) * prime1 + prime4;
  }
  hash += bytes;
  for (; end - data >= 8; data += 8)
    hash = rotate(hash ^ mix(0, read<uint64_t>(data)), 27) * prime1 + prime4;
  if (end - data >= 4) {
    hash = rotate(hash ^ read<uint32_t>(data) * prime1, 23) * prime2 + prime3;
    data += 4;
  }
  for (; data < end; ++data)
    hash = rotate(hash ^ *data * prime5, 11) * prime1;
  hash = (hash ^ hash >> 33) * prime2;
  hash = (hash ^ hash >> 29) * prime3;
  return hash ^ hash >> 32;
}

} // namespace qopt::runtime
