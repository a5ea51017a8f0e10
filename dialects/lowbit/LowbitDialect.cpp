// The lowbit dialect: registration and the scheme.

#include "qopt/dialects/lowbit/Lowbit.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace qopt::lowbit;

#include "qopt/dialects/lowbit/LowbitDialect.cpp.inc"
#include "qopt/dialects/lowbit/LowbitEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "qopt/dialects/lowbit/LowbitAttrs.cpp.inc"

void LowbitDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "qopt/dialects/lowbit/LowbitAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "qopt/dialects/lowbit/LowbitOps.cpp.inc"
      >();
}

LogicalResult SchemeAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 Method method, int64_t bits, Granularity per,
                                 int64_t group, int64_t clip, bool mse,
                                 bool half, bool weighted) {
  if (method == Method::ternary ? bits != 2 : bits < 2 || bits > 8)
    return emitError() << "expects 2 to 8 bits, 2 for ternary, got " << bits;
  if ((per == Granularity::group) != (group > 0))
    return emitError() << "expects a group of at least 1 per group, and none "
                          "otherwise, got "
                       << group;
  if (clip < 1 || clip > 100)
    return emitError() << "expects a clip of 1 to 100 %, got " << clip;
  bool clips = method == Method::sym || method == Method::asym;
  if (clip != 100 && !clips)
    return emitError() << "expects clip with sym and asym only, got it with "
                       << stringifyMethod(method);
  if (mse && (method == Method::ternary || clip != 100))
    return emitError() << "expects mse without clip, and not with ternary";
  if (weighted && !mse)
    return emitError() << "expects weighted with mse: it is how errors count";
  return success();
}

int64_t SchemeAttr::getCodeMin() const {
  return getMethod() == Method::ternary ? -1 : -(int64_t(1) << (getBits() - 1));
}

int64_t SchemeAttr::getCodeMax() const {
  return getMethod() == Method::ternary ? 1
                                        : (int64_t(1) << (getBits() - 1)) - 1;
}

int64_t SchemeAttr::getLevels() const {
  switch (getMethod()) {
  case Method::ternary:
    return 1;
  case Method::sym:
    return (int64_t(1) << (getBits() - 1)) - 1;
  default:
    return (int64_t(1) << getBits()) - 1;
  }
}

Type SchemeAttr::getScaleType() const {
  Builder builder(getContext());
  return getHalf() ? Type(builder.getF16Type()) : builder.getF32Type();
}

bool SchemeAttr::hasZeros() const {
  return getMethod() == Method::asym || getMethod() == Method::gptq_asym;
}

SmallVector<int64_t> SchemeAttr::getScaleShape(ArrayRef<int64_t> shape) const {
  int64_t groups =
      getPer() == Granularity::group ? shape.back() / getGroup() : int64_t(0);
  return getScaleSizes<int64_t>(shape, 1, groups);
}
