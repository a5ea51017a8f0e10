// Schemes as users write them: sym4-g64-mse.

#ifndef QOPT_PASSES_QUANTIZE_SCHEMETEXT_H
#define QOPT_PASSES_QUANTIZE_SCHEMETEXT_H

#include "qopt/dialects/lowbit/Lowbit.h"

namespace qopt {

/// METHOD BITS, then in any order -tensor, -channel, -token, -gN or -gauto,
/// -clipN (percent), -mse, -half; or `float`. Of i8, i4, i3 and i2 each means
/// the scheme of that width that serves weights best; ternary has 2 bits and
/// one scale per tensor unless it says otherwise.
struct SchemeText {
  bool isFloat = false;   ///< stays as it is
  bool autoGroup = false; ///< the largest of 128, 64, 32 that divides
  lowbit::Method method = lowbit::Method::sym;
  lowbit::Granularity per = lowbit::Granularity::channel;
  int64_t bits = 0, group = 0, clip = 100;
  bool mse = false, half = false, weighted = false;

  /// The scheme for rows of `channels`; a group that does not divide is left
  /// as it is.
  lowbit::SchemeAttr get(mlir::MLIRContext *context, int64_t channels) const;
};

/// Fails with what is wrong in `message`.
llvm::FailureOr<SchemeText> parseScheme(mlir::MLIRContext *context,
                                        llvm::StringRef text,
                                        std::string &message);

} // namespace qopt

#endif // QOPT_PASSES_QUANTIZE_SCHEMETEXT_H
