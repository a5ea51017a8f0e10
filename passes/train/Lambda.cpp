// The lambda of each layer, an input of a step.
//
// Whatever is rounded for training is rounded as far as the lambda of its layer
// says: embeddings with the first layer, the head with the last. A norm that a
// recipe has put where none was comes as gradually, so that a run begins with
// what the model computes.

#include "qopt/passes/train/Lambda.h"

#include "mlir/IR/TypeUtilities.h"
#include "qopt/dialects/lowbit/Lowbit.h"
#include "qopt/dialects/nn/Nn.h"
#include "qopt/dialects/train/Train.h"
#include "qopt/passes/norm/Norm.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace qopt::train {

namespace {

/// Which layer an op belongs to, counted by attentions.
class LayerNumbers {
public:
  explicit LayerNumbers(func::FuncOp function) {
    for (auto attention : function.getOps<nn::AttentionOp>()) {
      followBack(attention, attentions.size());
      attentions.push_back(attention);
    }
  }

  int64_t count() const { return std::max<int64_t>(1, attentions.size()); }

  /// Products that an attention reads are of its layer, others of the layer
  /// whose attention stands before them.
  int64_t of(Operation *op) const {
    if (auto found = feeding.find(op); found != feeding.end())
      return found->second;
    int64_t before = llvm::count_if(attentions, [&](Operation *attention) {
      return attention->isBeforeInBlock(op);
    });
    return std::max<int64_t>(0, before - 1);
  }

private:
  void followBack(Operation *attention, int64_t layer) {
    llvm::SetVector<Operation *> open;
    open.insert(attention);
    for (size_t i = 0; i < open.size(); ++i)
      for (Value operand : open[i]->getOperands()) {
        Operation *op = operand.getDefiningOp();
        if (!op)
          continue;
        if (isa<nn::LinearOp>(op))
          feeding.try_emplace(op, layer);
        else
          open.insert(op);
      }
  }

  SmallVector<Operation *> attentions;
  DenseMap<Operation *, int64_t> feeding;
};

} // namespace

/// The layer that multiplies what the op gives.
static Operation *readerOf(Operation *op) {
  Operation *reader = op;
  while (!reader->use_empty()) {
    Operation *user = *reader->user_begin();
    // Of several readers the first in the program.
    for (Operation *other : reader->getUsers())
      if (other->isBeforeInBlock(user))
        user = other;
    reader = user;
    if (isa<nn::LinearOp, nn::EmbeddingOp, ClassifierLossOp>(reader))
      break;
  }
  return reader;
}

/// y = lambda < 1 ? x + lambda (norm(x) - x) : norm(x)
static void mix(nn::RmsNormOp norm, Value lambda) {
  OpBuilder builder(norm->getContext());
  builder.setInsertionPointAfter(norm);
  Location loc = norm.getLoc();
  Value x = norm.getInput(), n = norm.getResult();
  auto type = cast<RankedTensorType>(lambda.getType());
  Value one = arith::ConstantOp::create(
      builder, loc, DenseElementsAttr::get(type, builder.getF32FloatAttr(1)));
  Value isWhole =
      nn::CompareOp::create(builder, loc, nn::Predicate::ge, lambda, one);
  if (getElementTypeOrSelf(n) != type.getElementType())
    lambda = nn::CastOp::create(builder, loc,
                                type.clone(getElementTypeOrSelf(n)), lambda);
  Value difference = nn::SubOp::create(builder, loc, n, x);
  Value part = nn::MulOp::create(builder, loc, difference, lambda);
  Value some = nn::AddOp::create(builder, loc, x, part);
  Value mixed = nn::SelectOp::create(builder, loc, isWhole, n, some);
  n.replaceUsesWithIf(mixed, [&](OpOperand &use) {
    return use.getOwner() != difference.getDefiningOp() &&
           use.getOwner() != mixed.getDefiningOp();
  });
}

void addLambda(func::FuncOp step, AddArgument argument) {
  SmallVector<Operation *> sites;
  step.walk([&](Operation *op) {
    auto rounded = dyn_cast<lowbit::FakeQuantizeOp>(op);
    if ((rounded && !rounded.getLambda()) || op->hasAttr(gradualAttr))
      sites.push_back(op);
  });
  if (sites.empty())
    return;
  LayerNumbers layers(step);
  OpBuilder builder(step.getContext());
  Location loc = step.getLoc();
  auto all = RankedTensorType::get({layers.count()}, builder.getF32Type());
  Value lambda = argument("lambda", all);
  SmallVector<Value> ofLayer(layers.count());
  for (Operation *site : sites) {
    int64_t layer = layers.of(readerOf(site));
    Value &own = ofLayer[layer];
    if (!own) {
      builder.setInsertionPointToStart(&step.getBody().front());
      Value start = arith::ConstantIndexOp::create(builder, loc, layer);
      own = nn::SliceOp::create(builder, loc, all.clone(ArrayRef<int64_t>{1}),
                                lambda, start, Value(), 0);
      own = nn::ReshapeOp::create(builder, loc, all.clone(ArrayRef<int64_t>{}),
                                  own, ValueRange());
    }
    if (auto rounded = dyn_cast<lowbit::FakeQuantizeOp>(site))
      rounded.getLambdaMutable().assign(own);
    else
      mix(cast<nn::RmsNormOp>(site), own);
  }
}

} // namespace qopt::train
