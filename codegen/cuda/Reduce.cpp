// Reductions of many elements to one, on the GPU.
//
//   for every element of the results:          a block
//     sum = elements, turn by turn, joined     reads what the operands are of
//     result = what is made of it
//
// One thread would wait for memory at each of them. The order of a sum depends
// on the number of threads alone. What is reduced is an elementwise function of
// views, see tile/Element.h, and so is what is made of it.

#include "qopt/codegen/cuda/Families.h"
#include "qopt/codegen/cuda/Turns.h"
#include "qopt/codegen/tile/Elementwise.h"
#include "qopt/codegen/tile/MapElement.h"
#include "qopt/codegen/tile/Tasks.h"
#include "qopt/dialects/nn/Nn.h"

using namespace mlir;

namespace qopt::cuda {

/// Of a block.
static constexpr int64_t reduceThreads = 256;
/// Elements from which on a row is worth a block of its own.
static constexpr int64_t longRow = 2 * reduceThreads;

/// The only nn.reduce of a kernel; null if there is none, or more.
static nn::ReduceOp onlyReduce(kernel::FuncOp kernel) {
  nn::ReduceOp found;
  for (auto reduce : kernel.getBlock().getOps<nn::ReduceOp>()) {
    if (found)
      return nullptr;
    found = reduce;
  }
  return found;
}

/// Whether all threads of a block come to the reduction together: nothing
/// behind it loops or branches.
static bool isStraightBehind(Value value) {
  return llvm::all_of(value.getUsers(), [](Operation *user) {
    if (isa<kernel::ReturnOp>(user))
      return true;
    return (isElementwise(user) || isa<nn::ReshapeOp, nn::BroadcastOp>(user)) &&
           llvm::all_of(user->getResults(), isStraightBehind);
  });
}

/// Whether the reduction gives one element, or each of long rows.
static bool isLong(nn::ReduceOp reduce) {
  auto input = cast<RankedTensorType>(reduce.getInput().getType());
  int64_t first = input.getRank() - int64_t(reduce.getAxes().size());
  int64_t left = 1, gone = 1;
  bool isTrailing = true;
  for (int64_t axis = 0; axis < input.getRank(); ++axis) {
    bool isGone = llvm::is_contained(reduce.getAxes(), axis);
    isTrailing &= isGone == (axis >= first);
    int64_t &product = isGone ? gone : left;
    product = product < 0 || input.isDynamicDim(axis)
                  ? -1
                  : product * input.getDimSize(axis);
  }
  return left == 1 || (isTrailing && gone >= longRow);
}

static bool accepts(kernel::FuncOp kernel) {
  nn::ReduceOp reduce = onlyReduce(kernel);
  if (!reduce || !isMap(kernel) || !kernel.getStates().empty() ||
      !isLong(reduce) || !isStraightBehind(reduce.getResult()))
    return false;
  // Words that lanes give one another; floats of 16 bits are f32 in registers.
  Type element = getElementTypeOrSelf(reduce.getType());
  bool isMean = reduce.getKind() == nn::Reduction::mean;
  if (!isa<FloatType>(element) && !isMean &&
      element.getIntOrFloatBitWidth() < 32)
    return false;
  // Each block makes one element of each result.
  AffineExpr count = elementsOf(kernel, reduce.getResult());
  return llvm::all_of(kernel.getResultValues(), [&](Value result) {
    return elementsOf(kernel, result) == count;
  });
}

static LogicalResult emit(Emitter &e) {
  Elements elements(e);
  elements.joinBy([&](Value count, Value neutral, Elements::Join join,
                      function_ref<Value(Value)> of) {
    return joinTurns(e, count, neutral, join, of);
  });
  Value isFirst = e.equal(e.thread, e.constant(0));
  for (Value result : e.kernel.getResultValues()) {
    auto place = elements.indicesAt(result, e.block);
    Value value = elements.at(result, place);
    e.branch(isFirst, [&] { storeElement(e, result, value, place); });
  }
  return success();
}

static Phases phases(kernel::FuncOp kernel) {
  AffineExpr count = elementsOf(kernel, kernel.getResultValues()[0]);
  return {{{count, reduceThreads, emit}}, {}, {}};
}

const KernelFamily reduceFamily = {"reduce", accepts, phases};

} // namespace qopt::cuda
