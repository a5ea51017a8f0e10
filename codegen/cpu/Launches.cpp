// The table of what entries launch, see qopt_launch_info.

#include "qopt/codegen/cpu/Generate.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "qopt/codegen/tile/Emitter.h"
#include "qopt/codegen/tile/Traffic.h"

using namespace mlir;

namespace qopt::cpu {

/// Where the symbols of a kernel lie among the words of its launch, see
/// EntryWriter::writeLaunch.
static int64_t firstSymbol(kernel::FuncOp kernel) {
  int64_t pointers =
      llvm::count_if(kernel.getBlock().getArgumentTypes(),
                     [](Type type) { return isa<RankedTensorType>(type); });
  return pointers + int64_t(kernel.getResultValues().size()) +
         int64_t(kernel.getStates().size());
}

/// void traffic(const i64 *args, i64 *bytes)
static std::string writeTraffic(ModuleOp module, kernel::FuncOp kernel,
                                const Kernel &written, StringRef variant) {
  Location loc = kernel.getLoc();
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  Type i64 = b.getI64Type();
  std::string name =
      ("qopt_traffic_" + kernel.getSymName() + "__" + variant).str();
  auto type = LLVM::LLVMFunctionType::get(
      LLVM::LLVMVoidType::get(b.getContext()), {pointer, pointer});
  auto function =
      LLVM::LLVMFuncOp::create(b, loc, name, type, LLVM::Linkage::Internal);
  Block *body = function.addEntryBlock(b);
  b.setInsertionPointToEnd(body);
  auto at = [&](Value base, int64_t index) -> Value {
    return LLVM::GEPOp::create(b, loc, pointer, i64, base,
                               ArrayRef<LLVM::GEPArg>{int32_t(index)});
  };
  auto word = [&](int64_t index) -> Value {
    return LLVM::LoadOp::create(b, loc, i64, at(body->getArgument(0), index),
                                8);
  };
  int64_t first = firstSymbol(kernel), count = kernel.getNumSymbols();
  SmallVector<Value> symbols;
  for (int64_t i = 0; i < count; ++i)
    symbols.push_back(word(first + i));
  Value isFirst; // of the rounds, which share what the kernel moves
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIntOp::create(b, loc, value, 64);
  };
  if (written.rounds)
    isFirst = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                    word(first + count + 1), constant(0));
  tile::Traffic traffic = tile::trafficOf(kernel);
  for (auto [i, expr] :
       llvm::enumerate(ArrayRef{traffic.read, traffic.written})) {
    Value bytes = tile::writeExpr(b, loc, expr, symbols);
    if (isFirst)
      bytes = arith::SelectOp::create(b, loc, isFirst, bytes, constant(0));
    LLVM::StoreOp::create(b, loc, bytes, at(body->getArgument(1), i), 8);
  }
  LLVM::ReturnOp::create(b, loc, ValueRange());
  return name;
}

void describeLaunches(ModuleOp module, kernel::FuncOp kernel,
                      const Kernel &written, StringRef variant, bool isOnDevice,
                      std::vector<LaunchInfo> &launches) {
  std::string traffic = writeTraffic(module, kernel, written, variant);
  for (const Kernel::Launch &launch : written.launches) {
    launches.push_back({kernel.getSymName().str(), written.family.str(),
                        isOnDevice ? "" : launch.symbol, traffic});
    traffic.clear();
  }
}

} // namespace qopt::cpu
