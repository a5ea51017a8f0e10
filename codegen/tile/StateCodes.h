// The 256 values that states of optimizers have in 8 bits, as generated code
// reads them.
//
// The code of a number x is how many *bounds* lie below it: a bound is the last
// number that is nearest to the value before. It takes two look-ups. The
// exponent of x and a few bits of its mantissa number a *bucket*; a table tells
// how many bounds lie below all of the bucket, its *start*. At most one lies
// inside, the next one: x is compared with it.

#ifndef QOPT_CODEGEN_TILE_STATECODES_H
#define QOPT_CODEGEN_TILE_STATECODES_H

#include "qopt/codegen/tile/Emitter.h"

namespace qopt::tile {

/// Elements that share a scale.
constexpr int64_t stateBlock = 256;

/// The tables of a map, signed or not.
struct StateTables {
  explicit StateTables(bool isUnsigned);

  bool isUnsigned;
  std::vector<float> values; ///< of the codes, in order
  std::vector<float> bounds; ///< of the codes; infinity for the last one
  /// Starts of the buckets, four bytes a word: those of numbers from 0 on in
  /// the order of their sizes, then those of numbers below 0.
  std::vector<uint32_t> starts;
  int64_t mantissaBits; ///< of a bucket's number
  int64_t firstBucket;  ///< upper bits of the sizes that count as the least
  int64_t buckets;      ///< of one sign
};

/// Writes the way from numbers to codes and back, of scalars and of vectors.
class StateCodes {
public:
  enum class Table { values, bounds, starts };
  /// table[index] of an i32 or a vector of them: f32, or i32 of the starts.
  using Look = std::function<mlir::Value(Table table, mlir::Value index)>;

  StateCodes(Emitter &e, StateTables tables, Look look)
      : e(e), tables(std::move(tables)), look(std::move(look)) {}

  /// The values of codes i8, f32.
  mlir::Value values(mlir::Value codes);
  /// The codes of the nearest values; of two, the lower ones. The lowest code
  /// of NaN.
  mlir::Value codes(mlir::Value numbers);

private:
  Emitter &e;
  StateTables tables;
  Look look;
};

} // namespace qopt::tile

#endif // QOPT_CODEGEN_TILE_STATECODES_H
