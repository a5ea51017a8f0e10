// Adds nodes to an ONNX graph, named as PyTorch's exporter names them.

#ifndef QOPT_FRONTENDS_GGUF_GRAPHBUILDER_H
#define QOPT_FRONTENDS_GGUF_GRAPHBUILDER_H

#include <string>
#include <vector>

#include "qopt/frontends/onnx/Protobuf.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"

namespace qopt::gguf {

/// Where a value comes from: the name of an input, initializer or result.
using Name = std::string;

/// Builds a graph scope by scope: a node is "/model/layers.0/mlp/Mul_1", its
/// result "/model/layers.0/mlp/Mul_1_output_0".
class GraphBuilder {
public:
  explicit GraphBuilder(::onnx::GraphProto &graph) : graph(graph) {}

  /// The module that the next nodes belong to, "/model/norm" say.
  void enter(std::string module) { scope = std::move(module); }

  /// A node of one result, which is called `result` if that is given.
  Name add(llvm::StringRef op, llvm::ArrayRef<Name> inputs, Name result = {});
  Name cast(const Name &input, ::onnx::TensorProto::DataType type);
  Name concat(llvm::ArrayRef<Name> inputs, int64_t axis, Name result = {});
  Name gather(const Name &table, const Name &indices);
  Name transpose(const Name &input, llvm::ArrayRef<int64_t> order);
  Name softmax(const Name &input);
  Name reduceMean(const Name &input); ///< of the last axis, which is kept
  Name unsqueeze(const Name &input, llvm::ArrayRef<int64_t> axes);
  Name slice(const Name &input, int64_t begin, int64_t end, int64_t axis);
  Name size(const Name &input, int64_t axis); ///< of one axis, a scalar

  Name integer(int64_t value); ///< a scalar
  Name integers(llvm::ArrayRef<int64_t> values);
  Name real(float value); ///< a scalar
  Name reals(llvm::ArrayRef<float> values, llvm::ArrayRef<int64_t> shape);

private:
  ::onnx::NodeProto &start(llvm::StringRef op, llvm::ArrayRef<Name> inputs,
                           Name result = {});
  Name constant(llvm::ArrayRef<int64_t> shape,
                ::onnx::TensorProto::DataType type, llvm::StringRef bytes);

  ::onnx::GraphProto &graph;
  std::string scope;
  llvm::StringMap<unsigned> counts; ///< of the nodes of each scope and op
};

} // namespace qopt::gguf

#endif // QOPT_FRONTENDS_GGUF_GRAPHBUILDER_H
