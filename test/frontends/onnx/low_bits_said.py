"""Models with weights of few bits that are refused, or taken with a remark.

`low_bits_said.py FOLDER NAME` writes one and imports it.
"""

import os
import subprocess
import sys

import numpy as np
import onnx
from onnx import helper, numpy_helper

K, N = 64, 4
W = np.zeros((N, 2, 16), np.uint8)
S = np.full((N, 2), 0.5, np.float32)
ORDER = np.arange(K, dtype=np.int32)[::-1] // 32
MODELS = {}


def model(name, *nodes, opset=21, **constants):
    MODELS[name] = (nodes, opset, constants)


def nbits(inputs="x,w,s", **attributes):
    given = {"K": K, "N": N, "bits": 4, "block_size": 32, **attributes}
    return helper.make_node("MatMulNBits", inputs.split(","), ["y"], name="n",
                            domain="com.microsoft", **given)


model("bits", nbits(bits=5), w=W, s=S)
model("block", nbits(block_size=24), w=W, s=S)
model("bytes", nbits(), w=W[:, :1], s=S)
model("scales", nbits(), w=W, s=S[:1])
model("zeros", nbits("x,w,s,z"), w=W, s=S, z=np.zeros(3, np.uint8))
model("order", nbits("x,w,s,,g"), w=W, s=S, g=np.ascontiguousarray(ORDER))
model("prepacked", nbits(weight_prepacked=1), w=W, s=S)
model("activations", nbits(accuracy_level=4), w=W, s=S)
model("floats", nbits("x,w,s,z"), w=W, s=S, z=S)
model("other", helper.make_node("Cast", ["w"], ["y"], name="n", to=1), w=W)
model("dequantize", helper.make_node("DequantizeLinear", ["w", "s"], ["y"], name="n", axis=1),
      w=W[:, 0], s=S[0])
model("static", helper.make_node("QuantizeLinear", ["x", "s"], ["q"], name="q"),
      helper.make_node("DequantizeLinear", ["q", "s"], ["y"], name="n"), s=S[0, 0])
model("vector", helper.make_node("DequantizeLinear", ["w", "s"], ["d"], name="n"),
      helper.make_node("Add", ["x", "d"], ["y"]), w=np.zeros(K, np.uint8), s=S[0, 0])

folder, name = sys.argv[1:]
nodes, opset, constants = MODELS[name]
graph = helper.make_graph(
    nodes, name, [helper.make_tensor_value_info("x", 1, ["b", K])], [onnx.ValueInfoProto(name="y")],
    [numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items()])
os.makedirs(folder, exist_ok=True)
path = os.path.join(folder, name + ".onnx")
onnx.save(helper.make_model(graph, ir_version=10, opset_imports=[
    helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]), path)
sys.exit(subprocess.run(["qopt-generate", "--import-only", path]).returncode)
