"""Writes a model with an input and an output of each type: types_model.py FILE.

Outputs equal inputs; their names hold characters that files should not. With
--clash, two outputs have one name as files.
"""

import sys

import onnx
from onnx import TensorProto, helper

kinds = {"f16": TensorProto.FLOAT16, "f32": TensorProto.FLOAT, "f64": TensorProto.DOUBLE,
         "bf16": TensorProto.BFLOAT16, "i8": TensorProto.INT8, "i16": TensorProto.INT16,
         "i32": TensorProto.INT32, "i64": TensorProto.INT64, "bool": TensorProto.BOOL}
nodes, inputs, outputs = [], [], []
for name, kind in kinds.items():
    nodes.append(helper.make_node("Cast", [name], [f"/{name}/wide"], to=TensorProto.DOUBLE))
    nodes.append(helper.make_node("Cast", [f"/{name}/wide"], [f"y/{name}:0"], to=kind))
    inputs.append(helper.make_tensor_value_info(name, kind, ["n", 3]))
    outputs.append(helper.make_tensor_value_info(f"y/{name}:0", kind, ["n", 3]))
if "--clash" in sys.argv:
    nodes.append(helper.make_node("Neg", ["f32"], ["y:f32/0"]))
    outputs.append(helper.make_tensor_value_info("y:f32/0", kinds["f32"], ["n", 3]))
graph = helper.make_graph(nodes, "types", inputs, outputs)
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
          sys.argv[1])
