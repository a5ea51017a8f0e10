// Matrix products. A product with a parameter is a linear layer, whose weight
// is [N, C] whatever the file says: it is transposed where that is needed.

#include "qopt/frontends/onnx/Importer.h"
#include "qopt/frontends/onnx/Node.h"

using namespace mlir;

namespace qopt::onnx {

/// x times the parameter `weight`, which is [C, N], or [N, C] if transposed.
static Value linear(Node &node, Value x, Value weight, bool transposed,
                    Value bias = {}) {
  if (!transposed)
    weight = node.transpose(weight, {1, 0});
  Exprs dims = node.dims(x);
  dims.back() = node.dims(weight)[0];
  Type element = cast<RankedTensorType>(x.getType()).getElementType();
  return node.create<nn::LinearOp>(node.typeOf(dims, element), x, weight, bias,
                                   DenseI64ArrayAttr());
}

static LogicalResult checkProduct(Node &node) {
  if (!node.has(0) || !node.has(1))
    return node.invalid("expects two matrices");
  if (node.rank(0) < 1 || node.rank(1) < 1)
    return node.invalid("expects matrices, got a scalar");
  Type element = node.type(0).getElementType();
  if (!isa<FloatType>(element))
    return node.unsupported("product of integers");
  if (element != node.type(1).getElementType())
    return node.invalid("has operands of different element types");
  return success();
}

/// The product; null after an error.
static FailureOr<Value> multiply(Node &node, bool transposeLhs,
                                 bool transposeRhs, double alpha) {
  if (failed(checkProduct(node)))
    return failure();
  Exprs a = node.dims(0), b = node.dims(1);
  if (a.size() < 2 || b.size() < 2)
    return node.unsupported("product with a vector");
  if (transposeLhs)
    std::swap(a[a.size() - 1], a[a.size() - 2]);
  if (transposeRhs)
    std::swap(b[b.size() - 1], b[b.size() - 2]);
  if (!node.unify(a.back(), b[b.size() - 2])) {
    std::string text;
    llvm::raw_string_ostream(text) << a.back() << " and " << b[b.size() - 2];
    return node.invalid("multiplies matrices that do not fit: inner sizes " +
                        text);
  }
  auto batch = node.broadcastDims(Exprs(a.begin(), a.end() - 2),
                                  Exprs(b.begin(), b.end() - 2));
  if (failed(batch))
    return failure();
  Value product;
  bool staticWeight =
      node.rank(1) == 2 && node.type(1).hasStaticShape() && node.isParameter(1);
  if (staticWeight && !transposeLhs && node.type(1).getNumElements() > 0)
    product = linear(node, node.input(0), node.input(1), transposeRhs);
  else
    product = node.create<nn::MatmulOp>(node.input(0), node.input(1),
                                        transposeLhs, transposeRhs);
  if (alpha != 1)
    product = node.create<nn::MulOp>(
        product, node.scalar(alpha, node.type(0).getElementType()));
  return product;
}

static LogicalResult setProduct(Node &node, FailureOr<Value> product) {
  if (failed(product))
    return failure();
  node.set(0, *product);
  return success();
}

static LogicalResult importMatMul(Node &node) {
  return setProduct(node, multiply(node, false, false, 1));
}

static LogicalResult importFusedMatMul(Node &node) {
  if (node.integer("transBatchA", 0) || node.integer("transBatchB", 0))
    return node.unsupported("transBatchA or transBatchB");
  return setProduct(node, multiply(node, node.integer("transA", 0) != 0,
                                   node.integer("transB", 0) != 0,
                                   node.real("alpha", 1)));
}

static LogicalResult importGemm(Node &node) {
  if (failed(checkProduct(node)))
    return failure();
  if (node.rank(0) != 2 || node.rank(1) != 2)
    return node.invalid("expects two matrices");
  double beta = node.real("beta", 1);
  FailureOr<Value> given =
      multiply(node, node.integer("transA", 0) != 0,
               node.integer("transB", 0) != 0, node.real("alpha", 1));
  if (failed(given) || !node.has(2) || beta == 0)
    return setProduct(node, given);
  Value product = *given;
  if (node.type(2).getElementType() != node.type(0).getElementType())
    return node.invalid("has operands of different element types");
  Value bias = node.input(2);
  if (beta != 1)
    bias = node.create<nn::MulOp>(
        bias, node.scalar(beta, node.type(0).getElementType()));
  if (failed(node.broadcastDims(node.dims(product), node.dims(bias))))
    return failure();
  node.set(0, node.create<nn::AddOp>(product, bias));
  return success();
}

// clang-format off
static const OpImport table[] = {
    // domain         name           since until   import
    {"",              "Gemm",        7,    newest, importGemm},
    {"",              "MatMul",      1,    newest, importMatMul},
    {"com.microsoft", "FusedMatMul", 1,    newest, importFusedMatMul},
};
// clang-format on

const llvm::ArrayRef<OpImport> linearOps = table;

} // namespace qopt::onnx
