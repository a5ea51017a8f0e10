// The meaning of sizes: index arithmetic, and tensors made from sizes.

#include <functional>

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "qopt/codegen/interpreter/Elements.h"
#include "qopt/dialects/nn/Nn.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace qopt::interpreter {

using Integer = std::optional<int64_t>;

/// `compute` gives nothing where there is no result.
template <typename OpT>
static void addArith(Interpreter &interpreter,
                     Integer (*compute)(int64_t, int64_t)) {
  interpreter.add<OpT>([=](OpT op, Frame &frame) -> LogicalResult {
    if (!op.getType().isIntOrIndex())
      return op.emitOpError("expects integers, got ") << op.getType();
    Integer value = compute(frame.index(op.getLhs()), frame.index(op.getRhs()));
    if (!value)
      return op.emitOpError("divides by 0, or overflows");
    frame.set(op.getResult(), Tensor::ofIndex(*value));
    return success();
  });
}

static bool divides(int64_t x, int64_t y) {
  return y != 0 && !(y == -1 && x == std::numeric_limits<int64_t>::min());
}

static void addArithmetic(Interpreter &interpreter) {
  addArith<arith::AddIOp>(interpreter, [](int64_t x, int64_t y) -> Integer {
    return uint64_t(x) + y;
  });
  addArith<arith::SubIOp>(interpreter, [](int64_t x, int64_t y) -> Integer {
    return uint64_t(x) - y;
  });
  addArith<arith::MulIOp>(interpreter, [](int64_t x, int64_t y) -> Integer {
    return uint64_t(x) * y;
  });
  addArith<arith::DivSIOp>(interpreter, [](int64_t x, int64_t y) -> Integer {
    return divides(x, y) ? Integer(x / y) : Integer();
  });
  addArith<arith::FloorDivSIOp>(
      interpreter, [](int64_t x, int64_t y) -> Integer {
        return divides(x, y) ? Integer(llvm::divideFloorSigned(x, y))
                             : Integer();
      });
  addArith<arith::CeilDivSIOp>(
      interpreter, [](int64_t x, int64_t y) -> Integer {
        return divides(x, y) ? Integer(llvm::divideCeilSigned(x, y))
                             : Integer();
      });
  addArith<arith::RemSIOp>(interpreter, [](int64_t x, int64_t y) -> Integer {
    return divides(x, y) ? Integer(x % y) : Integer();
  });
  addArith<arith::MaxSIOp>(interpreter, [](int64_t x, int64_t y) -> Integer {
    return std::max(x, y);
  });
  addArith<arith::MinSIOp>(interpreter, [](int64_t x, int64_t y) -> Integer {
    return std::min(x, y);
  });
}

static LogicalResult evalDim(tensor::DimOp op, Frame &frame) {
  ArrayRef<int64_t> shape = frame[op.getSource()].shape;
  int64_t axis = frame.index(op.getIndex());
  if (axis < 0 || axis >= int64_t(shape.size()))
    return op.emitOpError("expects an axis below ")
           << shape.size() << ", got " << axis;
  frame.set(op.getResult(), Tensor::ofIndex(shape[axis]));
  return success();
}

static LogicalResult evalFromIndex(nn::FromIndexOp op, Frame &frame) {
  frame.set(op.getResult(), frame[op.getIndex()]);
  return success();
}

static LogicalResult evalIota(nn::IotaOp op, Frame &frame) {
  auto type = cast<RankedTensorType>(op.getType());
  int64_t size = op.getSize() ? frame.index(op.getSize()) : type.getDimSize(0);
  if (size < 0)
    return op.emitOpError("expects a size of at least 0, got ") << size;
  Tensor result = Tensor::of(type.getElementType(), size);
  for (auto [i, element] : llvm::enumerate(result.data))
    element = i;
  for (auto [i, element] : llvm::enumerate(result.integers))
    element = i;
  frame.set(op.getResult(), std::move(result));
  return success();
}

void addIndices(Interpreter &interpreter) {
  addArithmetic(interpreter);
  interpreter.add(evalDim);
  interpreter.add(evalFromIndex);
  interpreter.add(evalIota);
}

} // namespace qopt::interpreter
