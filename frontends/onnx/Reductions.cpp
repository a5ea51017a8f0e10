// Reductions, running sums, softmax.

#include "qopt/frontends/onnx/Importer.h"
#include "qopt/frontends/onnx/Node.h"

using namespace mlir;

namespace qopt::onnx {

template <nn::Reduction kind> static LogicalResult importReduce(Node &node) {
  if (!node.has(0))
    return node.invalid("expects an input");
  int64_t rank = node.rank(0);
  SmallVector<int64_t> axes;
  if (auto given = node.list("axes")) {
    axes = *given;
  } else if (node.has(1)) {
    auto known = node.constants(1);
    if (!known)
      return node.unsupported("axes that depend on data");
    axes = *known;
  }
  if (axes.empty()) {
    if (node.integer("noop_with_empty_axes", 0)) {
      node.set(0, node.input(0));
      return success();
    }
    axes = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  }
  if (failed(node.sortAxes(axes, rank)))
    return failure();
  bool keep = node.integer("keepdims", 1) != 0;
  const Exprs *known = node.integers(0);
  bool all = int64_t(axes.size()) == rank && rank == 1 && !keep;
  if (known && all && !known->empty() &&
      (kind == nn::Reduction::prod || kind == nn::Reduction::sum)) {
    AffineExpr result = known->front();
    for (AffineExpr value : llvm::drop_begin(*known))
      result = kind == nn::Reduction::prod ? result * value : result + value;
    Tensor tensor;
    tensor.type = node.type(0).clone(ArrayRef<int64_t>());
    tensor.integers = Exprs{simplified(result, node.importer.symbolCount())};
    node.set(0, std::move(tensor));
    return success();
  }
  node.set(0, node.create<nn::ReduceOp>(
                  nn::ReductionAttr::get(node.builder().getContext(), kind),
                  node.input(0), node.builder().getDenseI64ArrayAttr(axes),
                  keep ? node.builder().getUnitAttr() : UnitAttr()));
  return success();
}

static LogicalResult importCumSum(Node &node) {
  auto known = node.has(0) ? node.constants(1) : std::nullopt;
  if (!known || known->size() != 1)
    return node.unsupported("axis that depends on data");
  auto axis = node.axis(known->front(), node.rank(0));
  if (failed(axis))
    return failure();
  node.set(0, node.create<nn::CumsumOp>(node.type(0), node.input(0),
                                        uint64_t(*axis),
                                        node.integer("exclusive", 0) != 0,
                                        node.integer("reverse", 0) != 0));
  return success();
}

static LogicalResult importSoftmax(Node &node) {
  if (!node.has(0) || !isa<FloatType>(node.type(0).getElementType()))
    return node.invalid("expects floats");
  bool flattens = node.version() < 13; // the axes from `axis` on are one
  auto axis = node.axis(node.integer("axis", flattens ? 1 : -1), node.rank(0));
  if (failed(axis))
    return failure();
  Value x = node.input(0);
  if (flattens && *axis != node.rank(0) - 1) {
    Exprs dims = node.dims(0);
    Exprs rows(dims.begin(), dims.begin() + *axis);
    AffineExpr row = node.expr(1);
    for (AffineExpr size : llvm::drop_begin(dims, *axis))
      row = row * size;
    rows.push_back(simplified(row, node.importer.symbolCount()));
    x = node.reshape(x, rows);
    x = node.create<nn::SoftmaxOp>(x.getType(), x, uint64_t(*axis));
    node.set(0, node.reshape(x, dims));
    return success();
  }
  // The rows of a softmax are the last axis.
  SmallVector<int64_t> swap =
      llvm::to_vector(llvm::seq<int64_t>(0, node.rank(0)));
  std::swap(swap[*axis], swap.back());
  bool last = *axis == node.rank(0) - 1;
  if (!last)
    x = node.transpose(x, swap);
  x = node.create<nn::SoftmaxOp>(x.getType(), x, uint64_t(node.rank(0) - 1));
  node.set(0, last ? x : node.transpose(x, swap));
  return success();
}

// clang-format off
static const OpImport table[] = {
    // domain name          since until   import
    {"",      "CumSum",     11,   newest, importCumSum},
    {"",      "ReduceMax",  1,    newest, importReduce<nn::Reduction::max>},
    {"",      "ReduceMean", 1,    newest, importReduce<nn::Reduction::mean>},
    {"",      "ReduceMin",  1,    newest, importReduce<nn::Reduction::min>},
    {"",      "ReduceProd", 1,    newest, importReduce<nn::Reduction::prod>},
    {"",      "ReduceSum",  1,    newest, importReduce<nn::Reduction::sum>},
    {"",      "Softmax",    1,    newest, importSoftmax},
};
// clang-format on

const llvm::ArrayRef<OpImport> reductionOps = table;

} // namespace qopt::onnx
