// Kernels that take many tensors, some blocks of threads each: a tree of
// branches on the number of the block picks the pointers, for arguments of a
// kernel have no addresses. All threads of a block go the same way.

#include "qopt/codegen/cuda/BlockTensor.h"

using namespace mlir;

namespace qopt::cuda {

namespace {

struct Tree {
  Emitter &e;
  ArrayRef<int64_t> firsts;
  TypeRange types;
  function_ref<SmallVector<Value>(unsigned)> valuesOf;

  /// Of one of the parts [from, to).
  SmallVector<Value> choose(unsigned from, unsigned to) {
    if (to - from == 1)
      return valuesOf(from);
    unsigned middle = (from + to) / 2;
    auto branch = scf::IfOp::create(
        e.b, e.loc, types, e.less(e.block, e.constant(firsts[middle])),
        /*addThenBlock=*/true, /*addElseBlock=*/true);
    OpBuilder::InsertionGuard guard(e.b);
    e.b.setInsertionPointToEnd(branch.thenBlock());
    scf::YieldOp::create(e.b, e.loc, choose(from, middle));
    e.b.setInsertionPointToEnd(branch.elseBlock());
    scf::YieldOp::create(e.b, e.loc, choose(middle, to));
    return llvm::to_vector_of<Value>(branch.getResults());
  }
};

} // namespace

SmallVector<Value>
valuesOfBlock(Emitter &e, ArrayRef<int64_t> firsts, TypeRange types,
              function_ref<SmallVector<Value>(unsigned)> valuesOf) {
  return Tree{e, firsts, types, valuesOf}.choose(0, firsts.size());
}

} // namespace qopt::cuda
