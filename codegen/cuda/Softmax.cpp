// nn.softmax over the last axis, and nn.cross_entropy, on the GPU.
//
//   for every row x[0..C):                        a block
//     most = max(x)                               reads 4 C bytes
//     sum  = sum(e^(x - most))                    again, from a cache
//     softmax:        y[c] = e^(x[c] - most) / sum
//     cross_entropy:  y = log(sum) + most - x[target]
//
// Bound by memory. Threads take neighbours, turn by turn; what they have found
// is joined in an order that is fixed.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/cuda/Families.h"
#include "qopt/codegen/cuda/LogitRow.h"
#include "qopt/codegen/tile/Tasks.h"
#include "qopt/codegen/tile/Transcendental.h"
#include "qopt/dialects/nn/Nn.h"

using namespace mlir;

namespace qopt::cuda {

static constexpr int64_t softmaxThreads = 256;

static Operation *find(kernel::FuncOp kernel) {
  if (auto softmax = onlyOp<nn::SoftmaxOp>(kernel))
    return softmax;
  return onlyOp<nn::CrossEntropyOp>(kernel);
}

static bool accepts(kernel::FuncOp kernel) {
  Operation *op = find(kernel);
  if (!op)
    return false;
  auto type = cast<RankedTensorType>(op->getOperand(0).getType());
  auto softmax = dyn_cast<nn::SoftmaxOp>(op);
  return !type.getElementType().isF64() &&
         (!softmax || int64_t(softmax.getAxis()) == type.getRank() - 1);
}

static void write(Emitter &e) {
  Operation *op = find(e.kernel);
  Value y = op->getResult(0);
  Math m{e.b, e.loc};
  LogitRow row = LogitRow::of(e, op->getOperand(0), e.block);
  Value most = row.largest(), sum = row.sum(most);
  if (auto loss = dyn_cast<nn::CrossEntropyOp>(op)) {
    e.branch(e.equal(e.thread, e.constant(0)), [&] {
      Value target = loadIndex(e, loss.getTargets(), e.block);
      Value log = emitTranscendental(e.b, e.loc, Transcendental::Log, sum);
      storeFloat(e, m.add(log, m.sub(most, row.at(target))), y, e.block);
    });
    return;
  }
  Value inverse = m.div(e.constant(1.0, e.f32()), sum);
  e.loop(e.thread, row.size, e.threads, [&](Value c) {
    Value weight = emitExp(e.b, e.loc, m.sub(row.at(c), most));
    storeFloat(e, m.mul(weight, inverse), y, e.add(row.start, c));
  });
}

static Phases phases(kernel::FuncOp kernel) {
  return {{{rowsOf(kernel, find(kernel)->getOperand(0)), softmaxThreads,
            [](Emitter &e) {
              write(e);
              return success();
            }}},
          {},
          {}};
}

const KernelFamily softmaxFamily = {"softmax", accepts, phases};

} // namespace qopt::cuda
