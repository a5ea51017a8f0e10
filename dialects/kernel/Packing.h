// Where the codes of a packed matrix lie: `bits` of #kernel.layout as numbers.
//
// The picture is in KernelDialect.td; packing, unpacking and kernels know the
// layout from here only.

#ifndef QOPT_DIALECTS_KERNEL_PACKING_H
#define QOPT_DIALECTS_KERNEL_PACKING_H

#include "qopt/dialects/kernel/Kernel.h"

namespace qopt::kernel {

/// Bit fields of a byte that hold rows of their own.
constexpr int64_t fieldsOf(int64_t bits) { return bits == 3 ? 4 : 8 / bits; }

/// Columns that are read together: scales cannot change between them.
constexpr int64_t stepColumnsOf(int64_t bits) { return bits == 3 ? 8 : 4; }

/// Columns of a block of fragments.
constexpr int64_t fragmentColumns = 32;

/// A packed matrix of some columns.
struct Packing {
  Packing(LayoutAttr layout, int64_t columns)
      : bits(layout.getBits()), lanes(layout.getLanes()),
        offset(layout.getOffset()), fields(fieldsOf(bits)),
        plane(bits == 3 ? 2 : bits), columns(columns),
        fragments(layout.getFragments()) {}

  int64_t bits, lanes, offset;
  int64_t fields;  ///< of a byte
  int64_t plane;   ///< bits of a field
  int64_t columns; ///< of the matrix
  bool fragments;  ///< words in the order of a GPU's matrix instructions

  int64_t panelRows() const { return lanes * fields; }
  int64_t lineBytes() const { return 4 * lanes; }
  /// Columns that a step of lines holds, and the lines.
  int64_t stepColumns() const {
    return fragments ? fragmentColumns : stepColumnsOf(bits);
  }
  int64_t stepLines() const {
    return fragments ? fragmentColumns / 4 : bits == 3 ? 3 : 1;
  }
  int64_t steps() const { return llvm::divideCeil(columns, stepColumns()); }
  int64_t panelBytes() const { return steps() * stepLines() * lineBytes(); }
  int64_t panels(int64_t rows) const {
    return llvm::divideCeil(rows, panelRows());
  }
  int64_t bytes(int64_t rows) const { return panels(rows) * panelBytes(); }

  /// Bits of a byte of a panel.
  struct Place {
    int64_t byte;
    int shift;
  };
  /// The low bits of a code (all, but for 3 bits), `row` counted in its panel.
  Place low(int64_t row, int64_t column) const {
    int shift = int(row / lanes * plane);
    if (fragments) {
      int64_t thread = row % 8 * 4 + column % 16 / 4;
      int64_t word = row % lanes / 8 + column % fragmentColumns / 16 * 2;
      return {column / fragmentColumns * stepLines() * lineBytes() +
                  thread * 16 + word * 4 + column % 4,
              shift};
    }
    int64_t line = column / 4;
    if (bits == 3)
      line += column / 8; // the lines of high bits between
    return {line * lineBytes() + row % lanes * 4 + column % 4, shift};
  }
  /// The high bit of a code of 3.
  Place high(int64_t row, int64_t column) const {
    int64_t line = column / 8 * 3 + 2;
    return {line * lineBytes() + row % lanes * 4 + column % 4,
            int(column / 4 % 2 * 4 + row / lanes)};
  }

  /// Packs `rows` rows of codes into a panel that is all zeros.
  void pack(const int8_t *codes, int64_t rows, uint8_t *panel) const;
  /// The inverse.
  void unpack(const uint8_t *panel, int64_t rows, int8_t *codes) const;
};

} // namespace qopt::kernel

#endif // QOPT_DIALECTS_KERNEL_PACKING_H
