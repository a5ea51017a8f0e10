// What an importer rule sees: one ONNX node, its inputs and where its results
// go. A rule is a function and a line in a table, in the file of its group.

#ifndef QOPT_FRONTENDS_ONNX_NODE_H
#define QOPT_FRONTENDS_ONNX_NODE_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "qopt/dialects/nn/Dims.h"
#include "qopt/dialects/nn/Nn.h"
#include "qopt/frontends/onnx/Protobuf.h"

namespace qopt::onnx {

class Importer;
using Exprs = llvm::SmallVector<mlir::AffineExpr>;

/// Integers that MLIR tensors do not say: unsigned ones, and those of fewer
/// than 8 bits. They stay the bytes of the file, and `lowbit.unpack` reads
/// them.
struct Packed {
  unsigned bits = 8;
  bool isSigned = false;
  llvm::SmallVector<int64_t> shape; ///< of the integers, not of the bytes
};

/// A value of the model. What is known of its elements at import is kept
/// beside it, and the value is only written when someone needs it.
struct Tensor {
  mlir::RankedTensorType type;
  mlir::Value value; ///< null while only the contents are known
  /// Integers and bools as expressions of the function's symbols, row-major.
  std::optional<Exprs> integers;
  /// Floats that are known exactly.
  std::optional<std::vector<double>> reals;
  std::optional<Packed> packed = {}; ///< then `type` is that of the bytes

  bool isKnown() const { return integers || reals; }
};

/// Elements of one tensor, and its axes.
constexpr int64_t maxElements = int64_t(1) << 40, maxRank = 32;
/// Known contents are kept up to this many elements.
constexpr int64_t maxContents = 64;

class Node {
public:
  Node(Importer &importer, const ::onnx::NodeProto &proto,
       llvm::StringMap<Tensor> &scope, mlir::Location loc, int opset)
      : importer(importer), proto(proto), scope(scope), location(loc),
        opset(opset) {}

  // The node itself.
  mlir::Location loc() { return location; }
  llvm::StringRef name() { return proto.op_type(); }
  int version() { return opset; } ///< of the op's domain
  /// An error at the node, e.g. `unsupported axis 1, expects 2`.
  mlir::InFlightDiagnostic unsupported(const llvm::Twine &what);
  mlir::InFlightDiagnostic invalid(const llvm::Twine &what);

  // Inputs.
  int inputs() { return proto.input_size(); }
  bool has(int index);
  /// An error unless the first `count` inputs are there.
  llvm::LogicalResult expectInputs(int count);
  Tensor &tensor(int index);    ///< must be there
  mlir::Value input(int index); ///< written if it was not yet
  mlir::RankedTensorType type(int index) { return tensor(index).type; }
  int64_t rank(int index) { return type(index).getRank(); }
  Exprs dims(int index);
  /// Known integers of an input, or null.
  const Exprs *integers(int index);
  /// The same if all are constants.
  std::optional<llvm::SmallVector<int64_t>> constants(int index);
  std::optional<double> real(int index); ///< of a known scalar

  // Attributes; `ref_attr_name` of functions is resolved before.
  const ::onnx::AttributeProto *attribute(llvm::StringRef name);
  int64_t integer(llvm::StringRef name, int64_t absent);
  double real(llvm::StringRef name, double absent);
  std::string text(llvm::StringRef name, llvm::StringRef absent);
  std::optional<llvm::SmallVector<int64_t>> list(llvm::StringRef name);
  /// An axis, counted from the front; failure, with an error, if outside.
  mlir::FailureOr<int64_t> axis(int64_t axis, int64_t rank);
  /// The same for each of several, which are then in order, none of them twice.
  llvm::LogicalResult sortAxes(llvm::MutableArrayRef<int64_t> axes,
                               int64_t rank);

  // Results.
  bool wants(int index);
  void set(int index, mlir::Value value);
  void set(int index, Tensor tensor);
  /// Result 0: the known elements of input 0 at `places`, of this shape.
  void setElements(llvm::ArrayRef<int64_t> places,
                   llvm::ArrayRef<int64_t> shape);
  int outputs() { return proto.output_size(); }

  // Writing.
  mlir::OpBuilder &builder();
  nn::Dims &dimensions();
  template <typename OpT, typename... Args> OpT create(Args &&...args) {
    auto op = OpT::create(builder(), loc(), std::forward<Args>(args)...);
    dimensions().add(op);
    return op;
  }
  mlir::Value index(mlir::AffineExpr expr); ///< an index
  mlir::Value scalar(double value, mlir::Type element);
  mlir::AffineExpr expr(int64_t value);
  mlir::RankedTensorType typeOf(const Exprs &dims, mlir::Type element);
  /// The sizes of the dynamic dimensions.
  llvm::SmallVector<mlir::Value> sizes(const Exprs &dims);
  /// An error unless a tensor may have these sizes: none is negative, and their
  /// product is one that memory could hold.
  llvm::LogicalResult checkSizes(const Exprs &dims);
  mlir::Value reshape(mlir::Value value, const Exprs &dims);
  mlir::Value transpose(mlir::Value value, llvm::ArrayRef<int64_t> permutation);
  mlir::Value broadcast(mlir::Value value, const Exprs &dims);
  mlir::Value slice(mlir::Value value, int64_t axis, mlir::AffineExpr start,
                    mlir::AffineExpr size, int64_t step = 1);
  mlir::Value concat(mlir::ValueRange values, int64_t axis);
  mlir::Value cast(mlir::Value value, mlir::Type element);
  Exprs dims(mlir::Value value);
  /// The same size, as far as can be told: learns that a free symbol equals
  /// the other side. False if they differ.
  bool unify(mlir::AffineExpr a, mlir::AffineExpr b);
  /// The common shape of tensors after broadcasting.
  mlir::FailureOr<Exprs> broadcastDims(const Exprs &a, const Exprs &b);
  /// Whether the value is a parameter or made of parameters only.
  bool isParameter(int index);

  Importer &importer;
  const ::onnx::NodeProto &proto;

private:
  llvm::StringMap<Tensor> &scope;
  mlir::Location location;
  int opset;
};

/// The newest opset that the tables know.
constexpr int newest = 26;

/// A rule: which nodes, and what becomes of them.
struct OpImport {
  llvm::StringLiteral domain; ///< "" is ai.onnx
  llvm::StringLiteral name;
  int since, until; ///< opsets of the domain, inclusive
  llvm::LogicalResult (*import)(Node &);
};

/// All tables.
llvm::ArrayRef<llvm::ArrayRef<OpImport>> tables();

extern const llvm::ArrayRef<OpImport> attentionOps, constantOps, elementwiseOps,
    gatherOps, linearOps, lowBitOps, normOps, reductionOps, reshapeOps,
    shapeOps, viewOps;

/// The MLIR type of an ONNX element type; null if there is none.
mlir::Type elementType(mlir::MLIRContext *context, int32_t onnxType);

/// Simplified, so that equal sums and products are equal expressions.
mlir::AffineExpr simplified(mlir::AffineExpr expr, unsigned symbols);

} // namespace qopt::onnx

#endif // QOPT_FRONTENDS_ONNX_NODE_H
