// Kernels whose results are elementwise functions of views of the arguments.
//
//   for every row of the results:             a task
//     for every element of the row:
//       result = its element, see Element.h   reads what it needs, writes once
//
// Bound by memory, or by the latency of a launch. The loops are scalar; LLVM
// makes them vectors where the elements lie side by side. A nn.cache_append at
// the end writes behind the positions that the cache holds.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "qopt/codegen/cpu/Element.h"
#include "qopt/codegen/cpu/Families.h"
#include "qopt/dialects/nn/Nn.h"

using namespace mlir;

namespace qopt::cpu {

/// What is written, element by element: a result, or what a cache gets.
static Value written(Value result) {
  auto append = result.getDefiningOp<nn::CacheAppendOp>();
  return append ? append.getInput() : result;
}

static bool accepts(kernel::FuncOp kernel, const Target &) {
  for (Operation &op : kernel.getBlock().without_terminator())
    if (!isElementOp(&op) && !isa<nn::CacheAppendOp>(op))
      return false;
  return !kernel.getResultValues().empty();
}

static AffineExpr tasks(kernel::FuncOp kernel, const Target &) {
  auto maps =
      llvm::to_vector(kernel.getDims().getAsValueRange<AffineMapAttr>());
  nn::Dims dims(kernel.getBlock(), maps);
  AffineExpr rows = getAffineConstantExpr(1, kernel.getContext());
  ArrayRef<AffineExpr> sizes = dims.of(written(kernel.getResultValues()[0]));
  for (AffineExpr size : sizes.empty() ? sizes : sizes.drop_back())
    rows = rows * size;
  return rows;
}

/// Stores the element of a result at `indices`.
static void store(Emitter &e, Value result, Value value,
                  ArrayRef<Value> indices) {
  Value position = e.constant(0);
  if (auto append = result.getDefiningOp<nn::CacheAppendOp>()) {
    Value past = e.size(e.dims.ofIndex(append.getPast()));
    Value head = e.add(e.mul(indices[0], e.size(result, 1)), indices[1]);
    Value place = e.add(past, indices[2]);
    position = e.add(e.mul(head, e.headStride(result)),
                     e.add(e.mul(place, e.size(result, 3)), indices[3]));
  } else {
    for (auto [axis, index] : llvm::enumerate(indices))
      position = axis == 0
                     ? index
                     : e.add(e.mul(position, e.size(result, axis)), index);
  }
  Type element = cast<RankedTensorType>(result.getType()).getElementType();
  if (value.getType() != element)
    value = arith::TruncFOp::create(e.b, e.loc, element, value);
  e.store(value, e.pointer(result), position);
}

static LogicalResult emit(Emitter &e) {
  Elements elements(e);
  Value first = written(e.kernel.getResultValues()[0]);
  int64_t rank = cast<RankedTensorType>(first.getType()).getRank();
  e.loop(e.begin, e.end, 1, [&](Value row) {
    SmallVector<Value> indices = elements.rowIndices(first, row);
    auto element = [&](ArrayRef<Value> indices) {
      elements.forget();
      for (Value result : e.kernel.getResultValues())
        store(e, result, elements.at(written(result), indices), indices);
    };
    if (rank == 0)
      return element({});
    e.loop(e.constant(0), e.size(first, rank - 1), 1, [&](Value column) {
      indices.push_back(column);
      element(indices);
      indices.pop_back();
    });
  });
  return success();
}

const KernelFamily mapFamily = {"map", accepts, tasks, emit};

} // namespace qopt::cpu
