// Computing layers again instead of keeping what they computed.
//
// A layer's gradient reads most of what the layer computed. Kept for all
// layers, that is most of the memory of a step. But between two layers only the
// residual stream is alive: it is kept, and a layer's ops are copied to where
// its gradient begins. The copies compute the same bits.

#include "qopt/passes/train/Backward.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace qopt::train {

/// What depends on the data of a step. What does not, such as the transpose of
/// a parameter, or a parameter that is rounded as far as lambda says, is there
/// all the time.
static DenseSet<Value> dataAmong(ArrayRef<Operation *> forward) {
  DenseSet<Value> data;
  auto isData = [&](Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    // Other arguments are lambda, rates and the like.
    bool isGiven = isa<BlockArgument>(value) && type &&
                   (type.getRank() >= 2 || type.getElementType().isInteger());
    return isGiven || data.contains(value);
  };
  for (Operation *op : forward)
    if (llvm::any_of(op->getOperands(), isData))
      data.insert_range(op->getResults());
  return data;
}

Segments::Segments(ArrayRef<Operation *> forward, const Backward &backward,
                   int64_t sums)
    : forward(forward) {
  if (sums == 0)
    return;
  DenseMap<Operation *, size_t> places;
  for (auto [i, op] : llvm::enumerate(forward))
    places[op] = i;
  DenseSet<Value> data = dataAmong(forward);
  size_t furthest = 0; // the last op that reads what an earlier op gave
  SmallVector<size_t> all;
  for (auto [i, op] : llvm::enumerate(forward)) {
    size_t last = 0;
    for (Value result : op->getResults())
      if (backward.wants(result) && data.contains(result))
        for (Operation *user : result.getUsers())
          last = std::max(last, places.lookup(user));
    bool alone = furthest <= i;
    furthest = std::max(furthest, last);
    if (alone && last > i && isa<nn::AddOp, nn::EmbeddingOp>(op))
      all.push_back(i);
  }
  for (size_t i = 0; i < all.size(); i += sums)
    kept.push_back(all[i]);
}

/// Copies what is computed from `kept.back()` on, up to the one kept after it.
void Segments::enter(size_t i, Backward &backward) {
  // The last segment's gradient begins as soon as it is computed.
  while (!kept.empty() && i <= kept.back())
    end = kept.pop_back_val();
  if (kept.empty() || end == 0 || entered == end)
    return;
  entered = end;
  OpBuilder &builder = backward.builder;
  Value first = forward[kept.back()]->getResult(0);
  Value after = backward.of(forward[end]->getResult(0));
  Value again = RecomputeOp::create(builder, first.getLoc(), first.getType(),
                                    first, after);
  backward.setCopy(first, again);
  IRMapping mapping;
  mapping.map(first, again);
  for (Operation *op : forward.slice(kept.back() + 1, end - kept.back())) {
    bool depends = llvm::any_of(op->getOperands(), [&](Value operand) {
      return mapping.contains(operand);
    });
    if (!depends || !isPure(op))
      continue;
    Operation *copy = builder.clone(*op, mapping);
    for (auto [from, to] : llvm::zip(op->getResults(), copy->getResults()))
      backward.setCopy(from, to);
    copies[op] = copy;
    inOrder.push_back(copy);
  }
}

void Segments::finish() {
  for (Operation *copy : llvm::reverse(inOrder))
    if (copy->use_empty())
      copy->erase();
}

} // namespace qopt::train
