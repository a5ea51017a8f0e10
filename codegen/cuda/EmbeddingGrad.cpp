// train.embedding_grad on the GPU.
//
//   for every word v:                           a block
//     for every place p, in order:              reads 8 bytes
//       if id[p] = v: dtable[v] += dy[p]        a thread some channels
//
// Every element is written once, in an order that is that of the places. The
// ids stay in a cache: 50 000 words and 2048 places are 100 million looks, a
// few milliseconds.

#include "qopt/codegen/cuda/Families.h"
#include "qopt/codegen/cuda/Turns.h"
#include "qopt/codegen/tile/MapElement.h"
#include "qopt/codegen/tile/Tasks.h"
#include "qopt/dialects/train/Train.h"

using namespace mlir;

namespace qopt::cuda {

static constexpr int64_t mostThreads = 256;

static bool accepts(kernel::FuncOp kernel) {
  auto op = onlyOp<train::EmbeddingGradOp>(kernel);
  return op && !getElementTypeOrSelf(op.getDy()).isF64() &&
         !getElementTypeOrSelf(op.getResult()).isF64();
}

static LogicalResult emit(Emitter &e) {
  auto op = onlyOp<train::EmbeddingGradOp>(e.kernel);
  Math m{e.b, e.loc};
  int64_t channels =
      cast<RankedTensorType>(op.getResult().getType()).getDimSize(1);
  Value places = e.size(elementsOf(e.kernel, op.getIds()));
  e.loop(e.thread, e.constant(channels), e.threads, [&](Value c) {
    Value sum =
        e.loop(e.constant(0), places, 1, e.constant(0.0, e.f32()),
               [&](Value p, ValueRange sum) {
                 Value isIt = e.equal(loadIndex(e, op.getIds(), p), e.block);
                 return SmallVector<Value>{e.choose(
                     isIt, e.f32(),
                     [&] {
                       Value at = e.add(e.mul(p, channels), c);
                       return m.add(sum[0], loadFloat(e, op.getDy(), at));
                     },
                     [&] { return sum[0]; })};
               })[0];
    storeFloat(e, sum, op.getResult(), e.add(e.mul(e.block, channels), c));
  });
  return success();
}

static Phases phases(kernel::FuncOp kernel) {
  auto op = onlyOp<train::EmbeddingGradOp>(kernel);
  auto type = cast<RankedTensorType>(op.getResult().getType());
  int64_t threads = std::min<int64_t>(
      mostThreads,
      llvm::alignTo(std::max<int64_t>(1, type.getDimSize(1)), warpSize));
  AffineExpr words =
      getAffineConstantExpr(type.getDimSize(0), kernel.getContext());
  return {{{words, threads, emit}}, {}, {}};
}

const KernelFamily embeddingGradFamily = {"embedding_grad", accepts, phases};

} // namespace qopt::cuda
