// Builds the function of a model, node by node.

#ifndef QOPT_FRONTENDS_ONNX_IMPORTER_H
#define QOPT_FRONTENDS_ONNX_IMPORTER_H

#include "mlir/IR/BuiltinOps.h"
#include "qopt/frontends/onnx/ModelFile.h"
#include "qopt/frontends/onnx/Node.h"
#include "llvm/ADT/StringSet.h"

namespace qopt::onnx {

/// What two runs over a model know of each other: free sizes that turned out
/// to be equal to others.
struct Equalities {
  llvm::StringMap<std::string> renamed; ///< symbol -> sum of symbols
  bool learned = false;                 ///< in this run
};

class Importer {
public:
  Importer(const ModelFile &file, mlir::ModuleOp module,
           Equalities &equalities);

  llvm::LogicalResult run();

  // For rules, through Node.
  mlir::OpBuilder builder;
  std::unique_ptr<nn::Dims> dims;
  mlir::Value index(mlir::AffineExpr expr);
  mlir::AffineExpr symbol(llvm::StringRef name);
  unsigned symbolCount() const { return symbols.size(); }
  bool learn(mlir::AffineExpr a, mlir::AffineExpr b);
  mlir::Value write(Tensor &tensor, mlir::Location loc);
  mlir::FailureOr<Tensor> constant(const ::onnx::TensorProto &proto,
                                   llvm::StringRef name, mlir::Location loc);
  /// The integers of a parameter, of at most 64 bits; none if it is no such.
  std::optional<std::vector<int64_t>> contents(mlir::Value parameter);
  /// Said once for all nodes of which it is true.
  void remark(mlir::Location loc, llvm::StringRef text);
  void emitRemarks();
  int errors = 0;

private:
  using Scope = llvm::StringMap<Tensor>;

  llvm::LogicalResult readOpsets();
  void nameParameters();
  llvm::LogicalResult readInitializers();
  llvm::LogicalResult readInputs();
  llvm::LogicalResult importNodes(
      const google::protobuf::RepeatedPtrField<::onnx::NodeProto> &nodes,
      Scope &scope, const llvm::StringMap<int> &opsets, int depth);
  llvm::LogicalResult importNode(const ::onnx::NodeProto &node, Scope &scope,
                                 const llvm::StringMap<int> &opsets, int depth);
  llvm::LogicalResult expand(const ::onnx::FunctionProto &function,
                             const ::onnx::NodeProto &node, Scope &scope,
                             int depth);
  llvm::LogicalResult finish();
  mlir::AffineExpr inputSize(const ::onnx::TensorShapeProto::Dimension &size,
                             llvm::StringRef input, int axis);
  mlir::FailureOr<llvm::SmallVector<mlir::AffineExpr>>
  sizesOf(const ::onnx::ValueInfoProto &input);
  std::optional<mlir::AffineExpr> maskLength(const ::onnx::ValueInfoProto &mask,
                                             int axis);
  mlir::AffineExpr parseSum(llvm::StringRef text, int depth = 0);
  mlir::Location locationOf(llvm::StringRef node);
  mlir::Value load(llvm::StringRef name, mlir::RankedTensorType type,
                   mlir::Attribute value, mlir::Location loc);
  std::string scopedName(llvm::StringRef name) const;

  const ModelFile &file;
  mlir::ModuleOp module;
  Equalities &equalities;
  mlir::MLIRContext *context;
  mlir::SymbolTable globals;
  mlir::func::FuncOp function;
  llvm::SmallVector<std::string> symbols;
  llvm::StringMap<int> opsets;
  llvm::StringMap<std::string> scopeNames; ///< of initializers, by consumer
  llvm::StringSet<> initializers;
  Scope top;
  llvm::DenseMap<mlir::AffineExpr, mlir::Value> indices;
  mlir::Operation *prologueEnd = nullptr; ///< sizes are written before it
  int64_t imported = 0;
  struct Remark {
    mlir::Location loc; ///< the first node
    std::string text;
    int nodes;
  };
  llvm::SmallVector<Remark> remarks;
};

} // namespace qopt::onnx

#endif // QOPT_FRONTENDS_ONNX_IMPORTER_H
