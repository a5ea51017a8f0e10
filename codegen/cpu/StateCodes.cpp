// The 256 values of states in 8 bits, see StateCodes.h.

#include "qopt/codegen/cpu/StateCodes.h"

#include <cmath>

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/tile/Math.h"
#include "qopt/dialects/train/DynamicMap.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace qopt::cpu {

/// The largest float that is not nearer to `above` than to `below`.
static float lastOf(float below, float above) {
  auto isLower = [&](float x) {
    return double(x) - below <= double(above) - x;
  };
  float x = float((double(below) + above) / 2);
  while (!isLower(x))
    x = std::nextafterf(x, below);
  while (isLower(std::nextafterf(x, above)))
    x = std::nextafterf(x, above);
  return x;
}

/// The address of a constant array of the module, written once.
static Value tableOf(Emitter &e, StringRef name, ArrayRef<float> values) {
  auto module =
      e.b.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  auto pointer = LLVM::LLVMPointerType::get(e.b.getContext());
  if (!module.lookupSymbol(name)) {
    OpBuilder b(module.getBodyRegion());
    auto type = LLVM::LLVMArrayType::get(e.f32(), values.size());
    auto tensor = RankedTensorType::get(int64_t(values.size()), e.f32());
    LLVM::GlobalOp::create(b, e.loc, type, /*isConstant=*/true,
                           LLVM::Linkage::Internal, name,
                           DenseElementsAttr::get(tensor, values),
                           /*alignment=*/64);
  }
  return LLVM::AddressOfOp::create(e.b, e.loc, pointer, name);
}

StateCodes::StateCodes(Emitter &e, bool isUnsigned) : e(e) {
  std::vector<float> values = train::dynamicMap(isUnsigned), lasts;
  for (size_t i = 0; i + 1 < values.size(); ++i)
    lasts.push_back(lastOf(values[i], values[i + 1]));
  std::string name = isUnsigned ? "qopt_states_unsigned" : "qopt_states_signed";
  map = tableOf(e, name, values);
  bounds = tableOf(e, name + "_bounds", lasts);
}

Value StateCodes::look(Value table, Value index) {
  auto vector = dyn_cast<VectorType>(index.getType());
  if (!vector) {
    index = arith::ExtUIOp::create(e.b, e.loc, e.b.getI64Type(), index);
    return e.load(e.f32(), table, index);
  }
  auto pointer = LLVM::LLVMPointerType::get(e.b.getContext());
  Type wide = vector.cloneWith(std::nullopt, e.b.getI64Type());
  index = arith::ExtUIOp::create(e.b, e.loc, wide, index);
  Value places = LLVM::GEPOp::create(
      e.b, e.loc, VectorType::get(vector.getShape(), pointer), e.f32(), table,
      ArrayRef<LLVM::GEPArg>{index});
  auto values = VectorType::get(vector.getShape(), e.f32());
  auto bools = VectorType::get(vector.getShape(), e.b.getI1Type());
  Value all = arith::ConstantOp::create(e.b, e.loc,
                                        DenseElementsAttr::get(bools, true));
  return LLVM::masked_gather::create(e.b, e.loc, values, places, all,
                                     ValueRange{e.constant(0.0, values)},
                                     /*alignment=*/4);
}

Value StateCodes::values(Value codes) {
  Math m{e.b, e.loc};
  Type i32 = Math::with(codes.getType(), e.b.getI32Type());
  Value index = arith::ExtSIOp::create(e.b, e.loc, i32, codes);
  return look(map,
              arith::AddIOp::create(e.b, e.loc, index, m.integer(128, i32)));
}

/// Counts the bounds below a number, by halves.
Value StateCodes::codes(Value values) {
  Math m{e.b, e.loc};
  Type i32 = Math::with(values.getType(), e.b.getI32Type());
  Value count = m.integer(0, i32);
  for (int64_t half = 128; half >= 1; half /= 2) {
    Value next = arith::AddIOp::create(e.b, e.loc, count, m.integer(half, i32));
    Value last = arith::AddIOp::create(e.b, e.loc, next, m.integer(-1, i32));
    Value above =
        m.compare(arith::CmpFPredicate::OGT, values, look(bounds, last));
    count = m.select(above, next, count);
  }
  Value code = arith::AddIOp::create(e.b, e.loc, count, m.integer(-128, i32));
  return arith::TruncIOp::create(
      e.b, e.loc, Math::with(values.getType(), e.b.getI8Type()), code);
}

} // namespace qopt::cpu
