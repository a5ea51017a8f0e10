// Gives what a program changes and keeps a place of its own.
//
// Variables are the mutable globals with a value: trained parameters, states
// of optimizers, sums of gradients. Kernels write them where they lie, so a
// store is legal only where nobody reads the old value any more, and where its
// kernel reads each element before, and only where, it writes it.

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Pass/Pass.h"
#include "qopt/dialects/kernel/Kernel.h"
#include "qopt/dialects/lowbit/Lowbit.h"
#include "qopt/dialects/nn/Nn.h"
#include "qopt/dialects/train/Train.h"
#include "qopt/passes/Passes.h"
#include "qopt/passes/kernel/Variables.h"

using namespace mlir;
using ml_program::GlobalLoadOp;
using ml_program::GlobalOp;
using ml_program::GlobalStoreOp;

namespace qopt {

#define GEN_PASS_DEF_PLACEVARIABLES
#include "qopt/passes/Passes.h.inc"

/// Variables begin at multiples of a cache line.
static constexpr int64_t alignment = 64;

/// Whether a context begins with zeros there, which no file need hold.
static bool isZero(GlobalOp global) {
  auto dense = dyn_cast_or_null<DenseElementsAttr>(global.getValueAttr());
  if (!dense || !dense.isSplat())
    return false;
  if (isa<FloatType>(dense.getElementType()))
    return dense.getSplatValue<APFloat>().bitcastToAPInt().isZero();
  return dense.getSplatValue<APInt>().isZero();
}

static int64_t bytesOf(GlobalOp global) {
  return llvm::alignTo(kernel::LayoutAttr::get(global.getContext(), 0)
                           .bytesOf(cast<RankedTensorType>(global.getType())),
                       alignment);
}

int64_t Variables::offsetOf(GlobalOp global) {
  return global->getAttrOfType<IntegerAttr>(kernel::KernelDialect::offsetAttr)
      .getInt();
}

Variables Variables::of(ModuleOp program) {
  Variables variables;
  for (auto global : program.getOps<GlobalOp>()) {
    if (!global->hasAttr(kernel::KernelDialect::offsetAttr) ||
        global->hasAttr(mappedAttr))
      continue;
    variables.globals.push_back(global);
    int64_t end = offsetOf(global) + bytesOf(global);
    variables.bytes = std::max(variables.bytes, end);
    if (!isZero(global))
      variables.initialBytes = std::max(variables.initialBytes, end);
  }
  llvm::sort(variables.globals,
             [](GlobalOp a, GlobalOp b) { return offsetOf(a) < offsetOf(b); });
  return variables;
}

/// Whether the op reads an element of `operand` before, and only where, it
/// writes one of its results.
static bool readsInPlace(Operation *op, Value operand) {
  auto type = cast<RankedTensorType>(operand.getType());
  bool sameShape = llvm::all_of(op->getResultTypes(), [&](Type result) {
    return cast<RankedTensorType>(result).getShape() == type.getShape();
  });
  // Blocks of codes are read whole before they are written.
  if (isa<train::DecodeStateOp, train::EncodeStateOp>(op))
    return true;
  return sameShape &&
         isa<train::SgdOp, train::AdamwOp, train::StochasticRoundOp, nn::AddOp,
             nn::SubOp, nn::MulOp, nn::DivOp, nn::CastOp, nn::SelectOp>(op);
}

/// Whether `reader`, or who reads what it passes on where it lies, comes behind
/// `launch`.
static bool isReadBehind(Operation *launch, Operation *reader) {
  if (isa<nn::ReshapeOp, train::ChooseOp>(reader))
    return llvm::any_of(reader->getUsers(), [&](Operation *user) {
      return isReadBehind(launch, user);
    });
  return launch->isBeforeInBlock(reader);
}

/// Whether all that reads `argument` in the kernel does so in place.
static bool isReadInPlace(Value argument) {
  SmallVector<Value> open{argument};
  DenseSet<Value> seen;
  while (!open.empty()) {
    Value value = open.pop_back_val();
    if (!seen.insert(value).second)
      continue;
    for (Operation *user : value.getUsers()) {
      if (isa<kernel::ReturnOp>(user))
        continue;
      if (!readsInPlace(user, value))
        return false;
      llvm::append_range(open, user->getResults());
    }
  }
  return true;
}

namespace {

struct PlaceVariables final : impl::PlaceVariablesBase<PlaceVariables> {
  void runOnOperation() override {
    ModuleOp program = getOperation();
    SymbolTable table(program);
    for (auto entry : program.getOps<func::FuncOp>())
      for (auto store : entry.getOps<GlobalStoreOp>())
        if (failed(check(store, table)))
          return signalPassFailure();

    // What begins with zeros lies behind what does not.
    SmallVector<GlobalOp> variables, zeros;
    for (auto global : program.getOps<GlobalOp>())
      if (global.getIsMutable() && global.getValue())
        (isZero(global) ? zeros : variables).push_back(global);
    variables.append(zeros);
    Builder b(&getContext());
    int64_t offset = 0;
    for (GlobalOp global : variables) {
      auto type = dyn_cast<RankedTensorType>(global.getType());
      if (!type || !type.hasStaticShape() ||
          !type.getElementType().isIntOrFloat()) {
        global.emitError("expects a variable to be a tensor of numbers of "
                         "static shape, got ")
            << global.getType();
        return signalPassFailure();
      }
      global->setAttr(kernel::KernelDialect::offsetAttr,
                      b.getI64IntegerAttr(offset));
      offset += bytesOf(global);
    }
    int64_t mapped = llvm::alignTo(offset, mappedAlignment);
    for (auto global : program.getOps<GlobalOp>())
      if (auto at = global->getAttrOfType<IntegerAttr>(mappedAttr))
        global->setAttr(kernel::KernelDialect::offsetAttr,
                        b.getI64IntegerAttr(mapped + at.getInt()));
  }

  LogicalResult check(GlobalStoreOp store, SymbolTable &table) {
    auto launch = store.getValue().getDefiningOp<kernel::LaunchOp>();
    if (!launch || !store.getValue().hasOneUse())
      return store.emitOpError("expects the result of a launch that nothing "
                               "else reads");
    auto kernel = table.lookup<kernel::FuncOp>(launch.getKernel());
    for (auto load : launch->getBlock()->getOps<GlobalLoadOp>()) {
      if (load.getGlobal() != store.getGlobal())
        continue;
      for (OpOperand &use : load->getUses()) {
        Operation *reader = use.getOwner();
        bool isLater = isReadBehind(launch, reader);
        bool isMixed =
            reader == launch && !isReadInPlace(kernel.getBlock().getArgument(
                                    use.getOperandNumber()));
        if (isLater || isMixed)
          return store.emitOpError("overwrites what ")
                 << (isLater ? "is read behind it" : "its kernel still reads");
      }
    }
    return success();
  }
};

} // namespace
} // namespace qopt
