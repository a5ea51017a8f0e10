# Writes the layer of README.md as ONNX: y = silu(x W + b), W as exporters have it.
import sys
import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

weight = numpy.arange(32, dtype=numpy.float32).reshape(8, 4) / 32
bias = numpy.ones(4, numpy.float32)
nodes = [
    helper.make_node("MatMul", ["x", "proj.weight"], ["product"], "MatMul_0"),
    helper.make_node("Add", ["product", "proj.bias"], ["sum"], "Add_0"),
    helper.make_node("Sigmoid", ["sum"], ["gate"], "Sigmoid_0"),
    helper.make_node("Mul", ["sum", "gate"], ["y"], "Mul_0"),
]
graph = helper.make_graph(
    nodes, "layer",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", "seq", 8])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", "seq", 4])],
    [numpy_helper.from_array(weight, "proj.weight"), numpy_helper.from_array(bias, "proj.bias")])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
          sys.argv[1])
