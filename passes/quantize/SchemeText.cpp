// Reads schemes as users write them.

#include "qopt/passes/quantize/SchemeText.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace qopt {

using lowbit::Granularity;
using lowbit::Method;

/// What a width alone means for weights. The grids of GPTQ use all codes;
/// with two bits a zero of its own pays. Scales of groups are f16. Errors count
/// by the size of the weight: SmolLM2's nll above float with 4 bits per 64 is
/// 0.25 so, and 0.34 where all count alike.
static StringRef expand(StringRef text) {
  return llvm::StringSwitch<StringRef>(text)
      .Case("i8", "sym8-channel")
      .Case("i4", "gptq_sym4-gauto-weighted-half")
      .Case("i3", "gptq_sym3-gauto-weighted-half")
      .Case("i2", "gptq_asym2-gauto-mse-half")
      .Cases({"f32", "f16", "none"}, "float")
      .Default(text);
}

/// One part behind a dash; false if it means nothing.
static bool readPart(StringRef part, SchemeText &scheme) {
  StringRef number = part;
  if (part == "mse" || part == "weighted") {
    scheme.mse = true;
    scheme.weighted = part == "weighted";
  } else if (part == "half") {
    scheme.half = true;
  } else if (part == "gauto") {
    scheme.per = Granularity::group;
    scheme.autoGroup = true;
  } else if (number.consume_front("clip")) {
    return !number.getAsInteger(10, scheme.clip);
  } else if (auto per = lowbit::symbolizeGranularity(part);
             per && *per != Granularity::group) {
    scheme.per = *per;
  } else if (number.consume_front("g")) {
    scheme.per = Granularity::group;
    return !number.getAsInteger(10, scheme.group) && scheme.group > 0;
  } else {
    return false;
  }
  return true;
}

FailureOr<SchemeText> parseScheme(MLIRContext *context, StringRef text,
                                  std::string &message) {
  SchemeText scheme;
  SmallVector<StringRef> parts;
  StringRef whole = expand(text);
  whole.split(parts, '-');
  if (whole == "float") {
    scheme.isFloat = true;
    return scheme;
  }
  StringRef name = parts[0].rtrim("0123456789");
  StringRef digits = parts[0].drop_front(name.size());
  auto method = lowbit::symbolizeMethod(name);
  auto refuse = [&](const Twine &reason) {
    message = ("scheme '" + text + "': " + reason).str();
    return failure();
  };
  if (!method)
    return refuse("expects ternary, sym, asym, gptq_sym or gptq_asym with a "
                  "number of bits, i8, i4, i3, i2 or float");
  scheme.method = *method;
  scheme.bits = *method == Method::ternary ? 2 : 0;
  if (*method == Method::ternary)
    scheme.per = Granularity::tensor;
  if (!digits.empty() && digits.getAsInteger(10, scheme.bits))
    return refuse("expects a number of bits");
  for (StringRef part : llvm::drop_begin(parts))
    if (!readPart(part, scheme))
      return refuse("expects tensor, channel, token, gN, gauto, clipN, mse, "
                    "weighted or half, got '" +
                    part + "'");
  // The attribute knows what goes together.
  std::string reason;
  {
    ScopedDiagnosticHandler handler(context, [&](Diagnostic &diagnostic) {
      reason = diagnostic.str();
      return success();
    });
    auto emitError = [&] { return mlir::emitError(UnknownLoc::get(context)); };
    if (lowbit::SchemeAttr::getChecked(
            emitError, context, scheme.method, scheme.bits, scheme.per,
            scheme.autoGroup ? 32 : scheme.group, scheme.clip, scheme.mse,
            scheme.half, scheme.weighted))
      return scheme;
  }
  return refuse(reason);
}

lowbit::SchemeAttr SchemeText::get(MLIRContext *context,
                                   int64_t channels) const {
  int64_t size = group;
  Granularity unit = per;
  if (autoGroup) {
    for (int64_t candidate : {32, 64, 128})
      if (channels % candidate == 0)
        size = candidate;
    unit = size ? Granularity::group : Granularity::channel;
  }
  return lowbit::SchemeAttr::get(context, method, bits, unit, size, clip, mse,
                                 half && (!autoGroup || size), weighted);
}

} // namespace qopt
