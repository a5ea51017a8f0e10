// Ops that read or write elements at computed places.

#include "qopt/frontends/onnx/Importer.h"
#include "qopt/frontends/onnx/Node.h"

using namespace mlir;

namespace qopt::onnx {

static LogicalResult importGather(Node &node) {
  if (failed(node.expectInputs(2)))
    return failure();
  auto axis = node.axis(node.integer("axis", 0), node.rank(0));
  if (failed(axis))
    return failure();
  if (!node.type(1).getElementType().isSignlessInteger())
    return node.invalid("expects integers as indices");
  auto places = node.constants(1);
  if (places) {
    auto size = dyn_cast<AffineConstantExpr>(node.dims(0)[*axis]);
    for (int64_t &place : *places) {
      if (place < 0 && size)
        place += size.getValue();
      if (size && (place < 0 || place >= size.getValue()))
        return node.invalid("reads element " + Twine(place) + " of " +
                            Twine(size.getValue()));
    }
  }
  if (places && node.tensor(0).isKnown() && node.rank(0) == 1) {
    node.setElements(*places, node.type(1).getShape());
    return success();
  }
  // One place: a slice, which every pass understands.
  if (places && places->size() == 1 && node.rank(1) <= 1 &&
      places->front() >= 0) {
    Value value = node.slice(node.input(0), *axis, node.expr(places->front()),
                             node.expr(1));
    if (node.rank(1) == 0) {
      Exprs dims = node.dims(value);
      dims.erase(dims.begin() + *axis);
      value = node.reshape(value, dims);
    }
    node.set(0, value);
    return success();
  }
  bool isTable = *axis == 0 && node.rank(0) == 2 && node.isParameter(0) &&
                 isa<FloatType>(node.type(0).getElementType());
  if (isTable)
    node.set(0, node.create<nn::EmbeddingOp>(node.input(1), node.input(0)));
  else
    node.set(0, node.create<nn::GatherOp>(node.input(0), node.input(1),
                                          uint64_t(*axis)));
  return success();
}

static LogicalResult importGatherNd(Node &node) {
  if (failed(node.expectInputs(2)))
    return failure();
  int64_t batch = node.integer("batch_dims", 0);
  RankedTensorType indices = node.type(1);
  bool valid = indices.getRank() > 0 &&
               indices.getElementType().isSignlessInteger() &&
               !indices.isDynamicDim(indices.getRank() - 1) && batch >= 0 &&
               batch < indices.getRank();
  int64_t depth = valid ? indices.getShape().back() : 0;
  if (!valid || depth < 1 || batch + depth > node.rank(0))
    return node.invalid("has indices that do not fit its data");
  node.set(0, node.create<nn::GatherNdOp>(node.input(0), node.input(1),
                                          uint64_t(batch)));
  return success();
}

static LogicalResult importGatherElements(Node &node) {
  if (failed(node.expectInputs(2)))
    return failure();
  auto axis = node.axis(node.integer("axis", 0), node.rank(0));
  if (failed(axis) || node.rank(0) != node.rank(1) ||
      !node.type(1).getElementType().isSignlessInteger())
    return node.invalid("expects indices of the rank of its data");
  node.set(0, node.create<nn::GatherElementsOp>(node.input(0), node.input(1),
                                                uint64_t(*axis)));
  return success();
}

static LogicalResult importScatterNd(Node &node) {
  if (failed(node.expectInputs(3)))
    return failure();
  if (std::string how = node.text("reduction", "none"); how != "none")
    return node.unsupported("reduction " + how);
  node.set(0, node.create<nn::ScatterNdOp>(node.type(0), node.input(0),
                                           node.input(1), node.input(2)));
  return success();
}

// clang-format off
static const OpImport table[] = {
    // domain  name          since  until   import
    {"",      "Gather",         1,   newest, importGather},
    {"",      "GatherElements", 11,  newest, importGatherElements},
    {"",      "GatherND",       11,  newest, importGatherNd},
    {"",      "ScatterND",      11,  newest, importScatterNd},
};
// clang-format on

const llvm::ArrayRef<OpImport> gatherOps = table;

} // namespace qopt::onnx
