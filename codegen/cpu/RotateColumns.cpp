// A lowbit.hadamard alone, along an axis that is not the last, on the CPU.
//
//   [.., A, inner]: n rows of a block, W columns of them: a task
//     x = [n, W] in the scratch                reads 4 n W bytes
//     x = Q^T x, vectors along the columns
//     y = x                                    writes 4 n W bytes
//
// The columns of a task fill about half of a first cache. Columns behind the
// last one stay in the scratch: what is computed there is never read.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/cpu/Epilogue.h"
#include "qopt/codegen/cpu/Families.h"
#include "qopt/codegen/cpu/Rotation.h"
#include "qopt/runtime/abi.h"

using namespace mlir;

namespace qopt::cpu {

/// Floats of a task.
static constexpr int64_t floatsOfTask = 4096;

static lowbit::HadamardOp rotationOf(kernel::FuncOp kernel) {
  auto ops = kernel.getBlock().without_terminator();
  return llvm::hasSingleElement(ops)
             ? dyn_cast<lowbit::HadamardOp>(*ops.begin())
             : nullptr;
}

static bool accepts(kernel::FuncOp kernel, const Target &target) {
  lowbit::HadamardOp op = rotationOf(kernel);
  return op && canRotate(op) && isa<BlockArgument>(op.getInput()) &&
         int64_t(op.getAxis()) + 1 < op.getInput().getType().getRank() &&
         sizeOf(op) * target.vectorBytes <= int64_t(QOPT_SCRATCH_BYTES);
}

namespace {

/// Sizes in the kernel's symbols: [outer, blocks, n, inner].
struct Columns {
  Columns(kernel::FuncOp kernel, const Target &target)
      : op(rotationOf(kernel)), n(sizeOf(op)) {
    AffineMap map = cast<AffineMapAttr>(kernel.getDims()[0]).getValue();
    int64_t lanes = target.vectorBytes / 4, axis = op.getAxis();
    outer = inner = getAffineConstantExpr(1, kernel.getContext());
    for (auto [i, size] : llvm::enumerate(map.getResults()))
      if (int64_t(i) < axis)
        outer = outer * size;
      else if (int64_t(i) > axis)
        inner = inner * size;
    outer = outer * (op.getInput().getType().getDimSize(axis) / n);
    width = std::max<int64_t>(1, floatsOfTask / n / lanes) * lanes;
    if (auto known = dyn_cast<AffineConstantExpr>(inner))
      width = std::min<int64_t>(
          width, llvm::alignTo(std::max<int64_t>(1, known.getValue()), lanes));
  }

  lowbit::HadamardOp op;
  int64_t n;               ///< rows that are rotated at a time
  int64_t width;           ///< columns of a task, whole vectors
  AffineExpr outer, inner; ///< blocks of rows; columns
};

} // namespace

static AffineExpr tasks(kernel::FuncOp kernel, const Target &target) {
  Columns columns(kernel, target);
  return columns.outer * columns.inner.ceilDiv(columns.width);
}

static LogicalResult emit(Emitter &e) {
  Columns columns(e.kernel, e.target);
  auto op = columns.op;
  Type element = op.getInput().getType().getElementType();
  int64_t width = columns.width, lanes = e.lanes();
  Value inner = e.size(columns.inner);
  Value perBlock = e.size(columns.inner.ceilDiv(width));
  Value source = e.pointer(op.getInput()), target = e.pointer(op.getResult());
  e.loop(e.begin, e.end, 1, [&](Value task) {
    Value block = arith::DivUIOp::create(e.b, e.loc, task, perBlock);
    Value from =
        e.mul(arith::RemUIOp::create(e.b, e.loc, task, perBlock), width);
    Value left = arith::SubIOp::create(e.b, e.loc, inner, from);
    Value count = arith::MinUIOp::create(e.b, e.loc, left, e.constant(width));
    Value rest = arith::RemUIOp::create(e.b, e.loc, count, e.constant(lanes));
    Value whole = arith::SubIOp::create(e.b, e.loc, count, rest);
    Value first = e.add(e.mul(e.mul(block, columns.n), inner), from);
    // move(index in the tensor, in the scratch, lanes) for all.
    auto each = [&](llvm::function_ref<void(Value, Value, int64_t)> move) {
      e.loop(e.constant(0), e.constant(columns.n), 1, [&](Value row) {
        Value there = e.add(first, e.mul(row, inner));
        Value here = e.mul(row, width);
        e.loop(e.constant(0), whole, lanes,
               [&](Value c) { move(e.add(there, c), e.add(here, c), lanes); });
        e.loop(whole, count, 1,
               [&](Value c) { move(e.add(there, c), e.add(here, c), 1); });
      });
    };
    each([&](Value there, Value here, int64_t lanes) {
      e.store(loadVector(e, lanes, source, there, element, lanes), e.scratch,
              here);
    });
    writeRotation(e, op, e.scratch, columns.n * width, width);
    each([&](Value there, Value here, int64_t lanes) {
      Value y = e.load(e.vector(lanes), e.scratch, here);
      if (element != e.f32())
        y = arith::TruncFOp::create(e.b, e.loc, e.vector(lanes, element), y);
      storeVector(e, y, target, there, lanes);
    });
  });
  return success();
}

const KernelFamily rotateColumnsFamily = {"rotate_columns", accepts, tasks,
                                          emit};

} // namespace qopt::cpu
