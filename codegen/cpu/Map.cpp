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
#include "qopt/codegen/cpu/Emitter.h"
#include "qopt/codegen/cpu/Families.h"
#include "qopt/codegen/tile/MapElement.h"
#include "qopt/dialects/nn/Nn.h"

using namespace mlir;

namespace qopt::cpu {

static bool accepts(kernel::FuncOp kernel, const Target &) {
  return isMap(kernel);
}

static AffineExpr tasks(kernel::FuncOp kernel, const Target &) {
  auto maps =
      llvm::to_vector(kernel.getDims().getAsValueRange<AffineMapAttr>());
  nn::Dims dims(kernel.getBlock(), maps);
  AffineExpr rows = getAffineConstantExpr(1, kernel.getContext());
  ArrayRef<AffineExpr> sizes = dims.of(writtenBy(kernel.getResultValues()[0]));
  for (AffineExpr size : sizes.empty() ? sizes : sizes.drop_back())
    rows = rows * size;
  return rows;
}

static LogicalResult emit(Emitter &e) {
  Elements elements(e);
  Value first = writtenBy(e.kernel.getResultValues()[0]);
  int64_t rank = cast<RankedTensorType>(first.getType()).getRank();
  e.loop(e.begin, e.end, 1, [&](Value row) {
    SmallVector<Value> indices = elements.rowIndices(first, row);
    auto element = [&](ArrayRef<Value> indices) {
      elements.forget();
      for (Value result : e.kernel.getResultValues())
        storeElement(e, result, elements.at(writtenBy(result), indices),
                     indices);
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
