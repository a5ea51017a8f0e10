// Packs and unpacks codes.

#include "qopt/dialects/kernel/Packing.h"

namespace qopt::kernel {

void Packing::pack(const int8_t *codes, int64_t rows, uint8_t *panel) const {
  for (int64_t row = 0; row < rows; ++row, codes += columns)
    for (int64_t c = 0; c < columns; ++c) {
      unsigned code = codes[c] + offset;
      Place place = low(row, c);
      panel[place.byte] |= (code & ((1 << plane) - 1)) << place.shift;
      if (bits == 3) {
        place = high(row, c);
        panel[place.byte] |= code >> 2 << place.shift;
      }
    }
}

void Packing::unpack(const uint8_t *panel, int64_t rows, int8_t *codes) const {
  for (int64_t row = 0; row < rows; ++row, codes += columns)
    for (int64_t c = 0; c < columns; ++c) {
      Place place = low(row, c);
      unsigned code = panel[place.byte] >> place.shift & ((1 << plane) - 1);
      if (bits == 3) {
        place = high(row, c);
        code |= (panel[place.byte] >> place.shift & 1) << 2;
      }
      codes[c] = int8_t(code - offset);
    }
}

} // namespace qopt::kernel
