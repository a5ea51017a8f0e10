// nn.scatter_nd on the CPU.
//
//   result = input                                one task for all
//   for every index tuple u of indices [..., K]:  in order: the last one wins
//     result[indices[u], ...] = updates[u, ...]
//
// Masks of older exporters only: it is run once a step on a few kilobytes.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/cpu/Emitter.h"
#include "qopt/codegen/cpu/Families.h"
#include "qopt/dialects/nn/Nn.h"

using namespace mlir;

namespace qopt::cpu {

static nn::ScatterNdOp scatterOf(kernel::FuncOp kernel) {
  auto ops = kernel.getBlock().without_terminator();
  return llvm::hasSingleElement(ops) ? dyn_cast<nn::ScatterNdOp>(*ops.begin())
                                     : nullptr;
}

static bool accepts(kernel::FuncOp kernel, const Target &) {
  nn::ScatterNdOp op = scatterOf(kernel);
  return op && llvm::all_of(op->getOperands(), llvm::IsaPred<BlockArgument>);
}

static AffineExpr tasks(kernel::FuncOp kernel, const Target &) {
  return getAffineConstantExpr(1, kernel.getContext());
}

/// Product of some sizes.
static Value product(Emitter &e, ArrayRef<AffineExpr> sizes) {
  AffineExpr all = getAffineConstantExpr(1, e.b.getContext());
  for (AffineExpr size : sizes)
    all = all * size;
  return e.size(all);
}

static LogicalResult emit(Emitter &e) {
  nn::ScatterNdOp op = scatterOf(e.kernel);
  Value input = e.pointer(op.getInput()), result = e.pointer(op.getResult());
  Type element = cast<RankedTensorType>(op.getType()).getElementType();
  auto copy = [&](Value from, Value fromIndex, Value toIndex, Value count) {
    e.loop(e.constant(0), count, 1, [&](Value i) {
      e.store(e.load(element, from, e.add(fromIndex, i)), result,
              e.add(toIndex, i));
    });
  };
  ArrayRef<AffineExpr> sizes = e.dims.of(op.getInput());
  auto indexType = cast<RankedTensorType>(op.getIndices().getType());
  int64_t depth = indexType.getShape().back();
  Value block = product(e, sizes.drop_front(depth));
  e.loop(e.begin, e.end, 1, [&](Value) {
    copy(input, e.constant(0), e.constant(0), product(e, sizes));
    Value tuples = product(e, e.dims.of(op.getIndices()).drop_back());
    e.loop(e.constant(0), tuples, 1, [&](Value tuple) {
      Value place = e.constant(0);
      for (int64_t k = 0; k < depth; ++k) {
        Value index =
            e.load(indexType.getElementType(), e.pointer(op.getIndices()),
                   e.add(e.mul(tuple, depth), e.constant(k)));
        if (!index.getType().isInteger(64))
          index = arith::ExtSIOp::create(e.b, e.loc, e.b.getI64Type(), index);
        // Negative indices count from the end.
        Value size = e.size(sizes[k]);
        Value negative = arith::CmpIOp::create(
            e.b, e.loc, arith::CmpIPredicate::slt, index, e.constant(0));
        index = arith::SelectOp::create(e.b, e.loc, negative,
                                        e.add(index, size), index);
        place = e.add(e.mul(place, size), index);
      }
      copy(e.pointer(op.getUpdates()), e.mul(tuple, block), e.mul(place, block),
           block);
    });
  });
  return success();
}

const KernelFamily scatterFamily = {"scatter", accepts, tasks, emit};

} // namespace qopt::cpu
