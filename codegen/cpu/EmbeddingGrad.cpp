// train.embedding_grad on the CPU.
//
//   for every block of rows of the table:         a task
//     table = 0                                   writes 4 V C bytes in all
//     for every place p, in order:
//       if its id is in the block:                reads 4 C bytes
//         table[id] += dy[p]
//
// Bound by writing the table. Every task looks at all ids, a few of which are
// its own, so that a row is summed in the order of p whoever runs the task.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/cpu/Families.h"
#include "qopt/codegen/cpu/Span.h"
#include "qopt/codegen/tile/Tasks.h"
#include "qopt/dialects/train/Train.h"

using namespace mlir;

namespace qopt::cpu {

/// Bytes of the table in a task: longer than looking at thousands of ids, and
/// in the second cache.
static constexpr int64_t taskBytes = 256 << 10;

static bool accepts(kernel::FuncOp kernel, const Target &) {
  auto op = onlyOp<train::EmbeddingGradOp>(kernel);
  return op && op.getType().getElementType().isF32();
}

static int64_t rowsOfTask(train::EmbeddingGradOp op) {
  return std::max<int64_t>(1, taskBytes / (op.getType().getDimSize(1) * 4));
}

static AffineExpr tasks(kernel::FuncOp kernel, const Target &) {
  auto op = onlyOp<train::EmbeddingGradOp>(kernel);
  int64_t count = llvm::divideCeil(op.getType().getDimSize(0), rowsOfTask(op));
  return getAffineConstantExpr(count, kernel.getContext());
}

static LogicalResult emit(Emitter &e) {
  auto op = onlyOp<train::EmbeddingGradOp>(e.kernel);
  int64_t vocabulary = op.getType().getDimSize(0);
  int64_t channels = op.getType().getDimSize(1);
  Math m{e.b, e.loc};
  Value table = e.pointer(op.getResult());
  Value places =
      e.size(productOf(e.b.getContext(), sizesOf(e.kernel, op.getIds())));
  Value first = e.mul(e.begin, rowsOfTask(op));
  Value last = least(e, e.mul(e.end, rowsOfTask(op)), e.constant(vocabulary));
  Span(e, e.mul(first, channels), e.mul(last, channels))
      .each([&](Value i, int64_t lanes) {
        e.store(m.real(0, lanesOf(e.f32(), lanes)), table, i);
      });
  Type idType = getElementTypeOrSelf(op.getIds());
  e.loop(e.constant(0), places, 1, [&](Value p) {
    Value id = e.load(idType, e.pointer(op.getIds()), p);
    if (!idType.isInteger(64))
      id = arith::ExtSIOp::create(e.b, e.loc, e.b.getI64Type(), id);
    auto compare = [&](arith::CmpIPredicate how, Value bound) {
      return arith::CmpIOp::create(e.b, e.loc, how, id, bound);
    };
    Value own = arith::AndIOp::create(e.b, e.loc,
                                      compare(arith::CmpIPredicate::sge, first),
                                      compare(arith::CmpIPredicate::slt, last));
    e.branch(own, [&] {
      Value to = e.mul(id, channels), from = e.mul(p, channels);
      Span(e, e.constant(0), e.constant(channels))
          .each([&](Value c, int64_t lanes) {
            Value dy = loadFloats(e, op.getDy(), e.add(from, c), lanes);
            Value sum = e.load(dy.getType(), table, e.add(to, c));
            e.store(m.add(sum, dy), table, e.add(to, c));
          });
    });
  });
  return success();
}

const KernelFamily embeddingGradFamily = {"embedding_grad", accepts, tasks,
                                          emit};

} // namespace qopt::cpu
