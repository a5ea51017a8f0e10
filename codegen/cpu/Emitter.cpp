// What the kernel families write their tile programs with.

#include "qopt/codegen/cpu/Emitter.h"

using namespace mlir;

namespace qopt::cpu {

Emitter::Emitter(ModuleOp module, kernel::FuncOp kernel, StringRef symbol,
                 const Target &target)
    : tile::Emitter(kernel), target(target) {
  b.setInsertionPointToEnd(module.getBody());
  MLIRContext *context = b.getContext();
  auto pointer = LLVM::LLVMPointerType::get(context);
  Type i64 = b.getI64Type();
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context),
                                          {pointer, i64, i64, pointer});
  auto function =
      LLVM::LLVMFuncOp::create(b, loc, symbol, type, LLVM::Linkage::Internal);
  entry = function.addEntryBlock(b);
  arguments = entry->getArgument(0);
  begin = entry->getArgument(1);
  end = entry->getArgument(2);
  scratch = entry->getArgument(3);
  b.setInsertionPointToEnd(entry);
  auto terminator = LLVM::ReturnOp::create(b, loc, ValueRange());
  b.setInsertionPoint(terminator);

  bind([&](Type type) { return argument(argumentCount++, type); });
}

Value Emitter::argument(int64_t position, Type type) {
  Value address = offset(arguments, constant(position), b.getI64Type());
  return LLVM::LoadOp::create(b, loc, type, address, 8);
}

Value Emitter::workspace() {
  if (!workspaceAddress)
    workspaceAddress = atTop([&] {
      return argument(argumentCount,
                      LLVM::LLVMPointerType::get(b.getContext()));
    });
  return workspaceAddress;
}

Value Emitter::round() {
  if (!roundNumber)
    roundNumber =
        atTop([&] { return argument(argumentCount + 1, b.getI64Type()); });
  return roundNumber;
}

int64_t Emitter::positionOf(Value tensor) {
  auto isTensor = [](BlockArgument argument) {
    return isa<RankedTensorType>(argument.getType());
  };
  auto arguments = kernel.getBlock().getArguments();
  if (auto argument = dyn_cast<BlockArgument>(tensor))
    return llvm::count_if(arguments.take_front(argument.getArgNumber()),
                          isTensor);
  auto results = kernel.getResultValues();
  return llvm::count_if(arguments, isTensor) +
         (llvm::find(results, tensor) - results.begin());
}

Value Emitter::pointerAt(Value position) {
  Value address = offset(arguments, position, b.getI64Type());
  return LLVM::LoadOp::create(
      b, loc, LLVM::LLVMPointerType::get(b.getContext()), address, 8);
}

Value Emitter::constants(StringRef name, DenseElementsAttr values) {
  auto module = entry->getParentOp()->getParentOfType<ModuleOp>();
  if (!module.lookupSymbol(name)) {
    OpBuilder builder(module.getBodyRegion());
    auto type = LLVM::LLVMArrayType::get(values.getElementType(),
                                         values.getNumElements());
    LLVM::GlobalOp::create(builder, loc, type, /*isConstant=*/true,
                           LLVM::Linkage::Internal, name, values,
                           /*alignment=*/64);
  }
  return LLVM::AddressOfOp::create(
      b, loc, LLVM::LLVMPointerType::get(b.getContext()), name);
}

std::string Emitter::nameOf(StringRef what) {
  auto function = cast<LLVM::LLVMFuncOp>(entry->getParentOp());
  return (function.getSymName() + "_" + what).str();
}

} // namespace qopt::cpu
