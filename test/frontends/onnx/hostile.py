"""Models that no exporter writes: `hostile.py FOLDER COMMAND...`.

COMMAND is run on each of them, within 10 s and 1 GB. It must accept the file, or
refuse it with exit status 1 and an error; what it says is printed.
"""

import os
import resource
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper

SECONDS, BYTES = 10, 1 << 30
LOWEST, HIGHEST = -(1 << 63), (1 << 63) - 1
node = helper.make_node


def ints(*values):
    return np.array(values, np.int64)


def model(nodes, inputs=None, opset=17, functions=(), kind=T.FLOAT, **constants):
    graph = helper.make_graph(
        nodes, "hostile",
        [helper.make_tensor_value_info(n, kind, d)
         for n, d in (inputs or {"x": ["b", 4]}).items()],
        [onnx.ValueInfoProto(name="y")],
        [numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items()])
    return helper.make_model(graph, functions=list(functions), opset_imports=[
        helper.make_opsetid("", opset), helper.make_opsetid("local", 1)])


def chain(count, kinds, twice=False, first="x"):
    """count ops behind each other, from x to y."""
    names = [first] + [f"t{i}" for i in range(count - 1)] + ["y"]
    return [node(kinds[i % len(kinds)], [a] * (2 if twice else 1), [b])
            for i, (a, b) in enumerate(zip(names, names[1:]))]


def one(kind, *inputs, **attributes):
    return [node(kind, list(inputs), ["y"], **attributes)]


def bomb():
    """Functions that call the next one twice: 2^31 nodes."""
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    body = lambda i: [node(f"F{i + 1}", ["a"], ["c"], domain="local"),
                      node(f"F{i + 1}", ["c"], ["b"], domain="local")]
    return [helper.make_function("local", f"F{i}", ["a"], ["b"],
                                 body(i) if i < 30 else [node("Neg", ["a"], ["b"])], opsets)
            for i in range(31)]


def squared_scores():
    return ([node("Reshape", ["x", "s"], ["q"]), node("Transpose", ["q"], ["k"], perm=[0, 1, 3, 2]),
             node("MatMul", ["q", "k"], ["c0"])]
            + [node("Add", [f"c{i}"] * 2, [f"c{i + 1}"]) for i in range(80)]
            + [node("Softmax", ["c80"], ["p"], axis=3), node("MatMul", ["p", "q"], ["y"])])


def squared_sizes():
    return [node("Shape", ["x"], ["t"])] + chain(70, ["Mul"], twice=True, first="t")


MODELS = {
    "expand": lambda: model(one("Expand", "x", "s"), s=ints(1 << 20, 1 << 30, 1, 4)),
    "fill": lambda: model(one("ConstantOfShape", "s"), s=ints(1 << 31, 1 << 31)),
    "fill_negative": lambda: model(one("ConstantOfShape", "s"), s=ints(-5, -3)),
    "tile": lambda: model(one("Tile", "x", "s"), s=ints(1 << 40, 1 << 40)),
    "range": lambda: model(one("Range", "a", "b", "c"), a=np.int64(LOWEST), b=np.int64(HIGHEST),
                           c=np.int64(1)),
    "range_empty": lambda: model(one("Range", "a", "a", "a"), a=ints()),
    "slice": lambda: model(one("Slice", "x", "a", "b", "c", "d"), a=ints(LOWEST),
                           b=ints(HIGHEST), c=ints(1), d=ints(LOWEST)),
    "split": lambda: model([node("Split", ["x", "s"], ["y", "z"], axis=0)], s=ints(-1, 3)),
    "reshape": lambda: model(one("Reshape", "x", "s"), s=ints(-1, 1 << 62, 1 << 62)),
    "gather": lambda: model(one("Gather", "w", "i"), w=np.ones((4, 4), np.float32),
                            i=ints(1 << 62, LOWEST)),
    "empty": lambda: model(one("MatMul", "x", "w"), inputs={"x": ["b", 0]},
                           w=np.ones((0, 5), np.float32)),
    "large_input": lambda: model(one("Neg", "x"), inputs={"x": [1 << 40, 1 << 40]}),
    "rank": lambda: model(one("Neg", "x"), inputs={"x": [1] * 5000}),
    "unsqueeze": lambda: model(one("Unsqueeze", "x", "a"), a=ints(*range(60))),
    "inputs": lambda: model(one("Neg", "x0"), inputs={f"x{i}": ["b"] for i in range(20000)}),
    "operands": lambda: model([node("Concat", ["x"] * 100000, ["y"], axis=0)]),
    "nodes": lambda: model(chain(100000, ["Neg", "Abs"])),
    "long": lambda: model(chain(10000, ["Neg", "Abs"])),
    "squares": lambda: model(chain(200, ["Mul"], twice=True)),
    "scores": lambda: model(squared_scores(), inputs={"x": ["b", "s", 8]}, s=ints(0, 1, -1, 8)),
    "sizes": lambda: model(squared_sizes()),
    "bomb": lambda: model([node("F0", ["x"], ["y"], domain="local")], functions=bomb()),
    "strings": lambda: model(one("Neg", "x"), kind=T.STRING),
    "f8": lambda: model(one("Neg", "x"), kind=T.FLOAT8E4M3FN),
}


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))


def main():
    folder, command, failures = sys.argv[1], sys.argv[2:], 0
    os.makedirs(folder, exist_ok=True)
    bounded = None if os.environ.get("QOPT_NO_MEMORY_LIMIT") else limit
    for name, make in MODELS.items():
        path = os.path.join(folder, name + ".onnx")
        onnx.save(make(), path)
        try:
            run = subprocess.run(command + [path], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE, timeout=SECONDS, preexec_fn=bounded)
            code, text = run.returncode, run.stderr.decode(errors="replace")
        except subprocess.TimeoutExpired:
            code, text = "timeout", ""
        failures += not (code == 0 or (code == 1 and "error" in text))
        said = [line for line in text.splitlines() if "error" in line]
        print(f"{name}: {code}", said[0].split("error: ")[-1] if said else "")
    print(f"{failures} failures")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
