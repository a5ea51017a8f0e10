// Adds nodes to an ONNX graph, named as PyTorch's exporter names them.

#include "qopt/frontends/gguf/GraphBuilder.h"

namespace qopt::gguf {

using ::onnx::AttributeProto;
using ::onnx::NodeProto;
using ::onnx::TensorProto;

static AttributeProto &addAttribute(NodeProto &node, const char *name,
                                    AttributeProto::AttributeType type) {
  AttributeProto &attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(type);
  return attribute;
}

static void addInteger(NodeProto &node, const char *name, int64_t value) {
  addAttribute(node, name, AttributeProto::INT).set_i(value);
}

NodeProto &GraphBuilder::start(llvm::StringRef op, llvm::ArrayRef<Name> inputs,
                               Name result) {
  std::string name = scope + "/" + op.str();
  if (unsigned count = counts[name]++)
    name += "_" + std::to_string(count);
  NodeProto &node = *graph.add_node();
  node.set_name(name);
  node.set_op_type(op.str());
  for (const Name &input : inputs)
    node.add_input(input);
  node.add_output(result.empty() ? name + "_output_0" : result);
  return node;
}

Name GraphBuilder::add(llvm::StringRef op, llvm::ArrayRef<Name> inputs,
                       Name result) {
  return start(op, inputs, std::move(result)).output(0);
}

Name GraphBuilder::cast(const Name &input, TensorProto::DataType type) {
  NodeProto &node = start("Cast", {input});
  addInteger(node, "to", type);
  return node.output(0);
}

Name GraphBuilder::concat(llvm::ArrayRef<Name> inputs, int64_t axis,
                          Name result) {
  NodeProto &node = start("Concat", inputs, std::move(result));
  addInteger(node, "axis", axis);
  return node.output(0);
}

Name GraphBuilder::gather(const Name &table, const Name &indices) {
  NodeProto &node = start("Gather", {table, indices});
  addInteger(node, "axis", 0);
  return node.output(0);
}

Name GraphBuilder::transpose(const Name &input, llvm::ArrayRef<int64_t> order) {
  NodeProto &node = start("Transpose", {input});
  AttributeProto &attribute = addAttribute(node, "perm", AttributeProto::INTS);
  for (int64_t axis : order)
    attribute.add_ints(axis);
  return node.output(0);
}

Name GraphBuilder::softmax(const Name &input) {
  NodeProto &node = start("Softmax", {input});
  addInteger(node, "axis", -1);
  return node.output(0);
}

Name GraphBuilder::reduceMean(const Name &input) {
  Name axes = integers({-1});
  NodeProto &node = start("ReduceMean", {input, axes});
  addInteger(node, "keepdims", 1);
  return node.output(0);
}

Name GraphBuilder::unsqueeze(const Name &input, llvm::ArrayRef<int64_t> axes) {
  return add("Unsqueeze", {input, integers(axes)});
}

Name GraphBuilder::slice(const Name &input, int64_t begin, int64_t end,
                         int64_t axis) {
  return add("Slice", {input, integers({begin}), integers({end}),
                       integers({axis}), integers({1})});
}

Name GraphBuilder::size(const Name &input, int64_t axis) {
  Name shape = add("Shape", {input});
  return gather(shape, integer(axis));
}

Name GraphBuilder::constant(llvm::ArrayRef<int64_t> shape,
                            TensorProto::DataType type, llvm::StringRef bytes) {
  NodeProto &node = start("Constant", {});
  TensorProto &tensor =
      *addAttribute(node, "value", AttributeProto::TENSOR).mutable_t();
  for (int64_t size : shape)
    tensor.add_dims(size);
  tensor.set_data_type(type);
  tensor.set_raw_data(bytes.str());
  return node.output(0);
}

template <typename T> static llvm::StringRef bytesOf(llvm::ArrayRef<T> values) {
  return {reinterpret_cast<const char *>(values.data()),
          values.size() * sizeof(T)};
}

Name GraphBuilder::integer(int64_t value) {
  return constant({}, TensorProto::INT64, bytesOf<int64_t>(value));
}

Name GraphBuilder::integers(llvm::ArrayRef<int64_t> values) {
  return constant({int64_t(values.size())}, TensorProto::INT64,
                  bytesOf(values));
}

Name GraphBuilder::real(float value) {
  return constant({}, TensorProto::FLOAT, bytesOf<float>(value));
}

Name GraphBuilder::reals(llvm::ArrayRef<float> values,
                         llvm::ArrayRef<int64_t> shape) {
  return constant(shape, TensorProto::FLOAT, bytesOf(values));
}

} // namespace qopt::gguf
