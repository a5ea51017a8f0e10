// Gives the head a matrix of its own where it shares the embedding's table.

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "qopt/passes/Passes.h"
#include "qopt/passes/Weights.h"

using namespace mlir;
using namespace qopt::nn;
using ml_program::GlobalLoadOp;
using ml_program::GlobalOp;

namespace qopt {

#define GEN_PASS_DEF_UNTIE
#include "qopt/passes/Passes.h.inc"

static remark::RemarkOpts remarkNamed(StringRef name) {
  return remark::RemarkOpts::name(name).category("qopt-untie");
}

/// A copy of the table under another name, for the head.
static GlobalOp copyTable(GlobalOp table, SymbolTable &symbols) {
  OpBuilder builder(table->getContext());
  builder.setInsertionPointAfter(table);
  auto copy = cast<GlobalOp>(builder.clone(*table));
  copy.setSymName(symbols.lookup("lm_head.weight")
                      ? (table.getSymName() + ".head").str()
                      : "lm_head.weight");
  symbols.insert(copy); // picks another name on a clash
  auto role = [&](GlobalOp global, Role role) {
    global->setAttr(NnDialect::roleAttr,
                    RoleAttr::get(builder.getContext(), role));
  };
  role(table, Role::embedding);
  role(copy, Role::head);
  return copy;
}

/// The chain of `value` on another parameter.
static Value copyChain(OpBuilder &builder, Value value, GlobalOp parameter) {
  Operation *op = value.getDefiningOp();
  if (isa<GlobalLoadOp>(op))
    return GlobalLoadOp::create(builder, op->getLoc(), value.getType(),
                                SymbolRefAttr::get(parameter));
  IRMapping mapping;
  mapping.map(op->getOperand(0),
              copyChain(builder, op->getOperand(0), parameter));
  return builder.clone(*op, mapping)->getResult(0);
}

namespace {

struct Untie final : impl::UntieBase<Untie> {
  using UntieBase::UntieBase;

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    llvm::MapVector<GlobalOp, SmallVector<LinearOp>> readers;
    getOperation().walk([&](LinearOp linear) {
      GlobalOp table = getParameter(linear.getWeight(), symbols);
      if (table && isWeight(linear.getWeight(), symbols) &&
          isTied(linear.getWeight(), symbols))
        readers[table].push_back(linear);
    });
    for (auto &[table, linears] : readers) {
      if (!isa<ElementsAttr, WeightAttr>(table.getValueAttr())) {
        for (LinearOp linear : linears)
          remark::missed(linear.getLoc(), remarkNamed("kept"))
              << "the table has no value to copy";
        continue;
      }
      GlobalOp copy = copyTable(table, symbols);
      for (LinearOp linear : linears) {
        OpBuilder builder(linear);
        linear.getWeightMutable().assign(
            copyChain(builder, linear.getWeight(), copy));
        remark::passed(linear.getLoc(), remarkNamed("untied"))
            << copy.getSymName();
      }
    }
  }
};

} // namespace
} // namespace qopt
