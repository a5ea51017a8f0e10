"""Writes models that the importer must refuse into the folder that is given."""

import os
import sys

import onnx
from onnx import TensorProto as T
from onnx import helper


def save(name, nodes, inputs, tensors=(), functions=(), opset=17):
    graph = helper.make_graph(
        nodes, name,
        [helper.make_tensor_value_info(n, T.FLOAT, d) for n, d in inputs.items()],
        [onnx.ValueInfoProto(name="y")], list(tensors))
    model = helper.make_model(
        graph, functions=list(functions),
        opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("nowhere", 1)])
    onnx.save(model, os.path.join(sys.argv[1], name + ".onnx"))


node = helper.make_node
x = {"x": ["b", 4]}

save("ops", [node("Conv", ["x", "x"], ["c"], name="first"),
             node("Neg", ["c"], ["n"], name="waits"),
             node("Add", ["x", "x"], ["d"], name="second", domain="nowhere"),
             node("Add", ["n", "d"], ["y"], name="waits too")], x)

head = lambda size: ["b", 2, size, 8]
save("causal", [node("Attention", ["q", "k", "v"], ["y"], name="attention", is_causal=1)],
     {"q": head("s"), "k": head("t"), "v": head("t")}, opset=23)

save("cycle", [node("Add", ["x", "q"], ["p"], name="a"),
               node("Neg", ["p"], ["q"], name="b"), node("Neg", ["q"], ["y"])], x)

outside = onnx.TensorProto(name="w", data_type=T.FLOAT, dims=[4, 4],
                           data_location=T.EXTERNAL)
outside.external_data.add(key="location", value="../w.bin")
save("outside", [node("MatMul", ["x", "w"], ["y"])], x, [outside])

short = onnx.TensorProto(name="w", data_type=T.FLOAT, dims=[4, 4], raw_data=bytes(16))
save("short", [node("MatMul", ["x", "w"], ["y"])], x, [short])

itself = helper.make_function(
    "nowhere", "F", ["a"], ["b"], [node("F", ["a"], ["b"], domain="nowhere")],
    [helper.make_opsetid("nowhere", 1)])
save("itself", [node("F", ["x"], ["y"], domain="nowhere")], x, functions=[itself])
