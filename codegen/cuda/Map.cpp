// Kernels whose results are elementwise functions of views of the arguments.
//
//   for every element of the results:         a thread
//     result = its element, see tile/Element.h
//
// Bound by memory, or by the latency of a launch. Neighbours are neighbours in
// memory: what a warp reads and writes are whole lines where the views allow. A
// nn.cache_append at the end writes behind the positions that the cache holds.

#include "qopt/codegen/cuda/Emitter.h"
#include "qopt/codegen/cuda/Families.h"
#include "qopt/codegen/tile/MapElement.h"
#include "qopt/codegen/tile/Tasks.h"

using namespace mlir;

namespace qopt::cuda {

/// Of a block.
static constexpr int64_t mapThreads = 256;

static bool accepts(kernel::FuncOp kernel) { return isMap(kernel); }

static LogicalResult emit(Emitter &e) {
  Value first = writtenBy(e.kernel.getResultValues()[0]);
  Value count = e.size(productOf(e.b.getContext(), e.dims.of(first)));
  Value position = e.add(e.mul(e.block, mapThreads), e.thread);
  e.branch(e.less(position, count), [&] {
    Elements elements(e);
    SmallVector<Value> indices = elements.indicesAt(first, position);
    for (Value result : e.kernel.getResultValues())
      storeElement(e, result, elements.at(writtenBy(result), indices), indices);
  });
  return success();
}

static Phases phases(kernel::FuncOp kernel) {
  AffineExpr count = elementsOf(kernel, writtenBy(kernel.getResultValues()[0]));
  return {{{count.ceilDiv(mapThreads), mapThreads, emit}}, {}, {}};
}

const KernelFamily mapFamily = {"map", accepts, phases};

} // namespace qopt::cuda
