// The nn dialect: registration, attributes, constants.

#include "qopt/dialects/nn/Nn.h"

#include <cmath>

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace qopt::nn;

#include "qopt/dialects/nn/NnDialect.cpp.inc"
#include "qopt/dialects/nn/NnEnums.cpp.inc"

/// A double with all its digits.
static ParseResult parseDeviation(AsmParser &parser, FloatAttr &value) {
  double number;
  if (parser.parseFloat(number))
    return failure();
  value = parser.getBuilder().getF64FloatAttr(number);
  return success();
}

static void printDeviation(AsmPrinter &printer, FloatAttr value) {
  printer.printFloat(value.getValue());
}

LogicalResult RandomAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 Type type, StringRef name, uint64_t seed,
                                 FloatAttr deviation) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape() ||
      !isa<FloatType>(tensor.getElementType()))
    return emitError() << "expects a float tensor of static shape, got "
                       << type;
  double size = deviation.getValueAsDouble();
  if (!(size > 0) || std::isinf(size))
    return emitError() << "expects a finite deviation above 0, got "
                       << std::to_string(size);
  return success();
}

#define GET_ATTRDEF_CLASSES
#include "qopt/dialects/nn/NnAttrs.cpp.inc"

void NnDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "qopt/dialects/nn/NnAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "qopt/dialects/nn/NnOps.cpp.inc"
      >();
}

Operation *NnDialect::materializeConstant(OpBuilder &builder, Attribute value,
                                          Type type, Location loc) {
  return arith::ConstantOp::materialize(builder, value, type, loc);
}
