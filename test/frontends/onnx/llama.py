"""One small Llama in many spellings: does qopt see its layers in each, and do
the numbers agree with ONNX Runtime?

`llama.py FOLDER` writes, runs and compares each spelling; `llama.py FOLDER NAME`
only writes one.
"""

import collections
import os
import re
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto as T
from onnx import helper, numpy_helper

F = np.float32
MS = "com.microsoft"
C, H, G, D, M, V, L, EPS = 32, 4, 2, 8, 48, 41, 2, 1e-5  # G key and value heads
PAST = 3


class Graph:
    """Nodes and initializers, with names made up on the way."""

    def __init__(self, how):
        self.how, self.nodes, self.weights, self.count = how, [], [], 0
        self.rng = np.random.default_rng(3)

    def op(self, kind, *inputs, outputs=1, domain="", **attributes):
        names = [self.fresh() for _ in range(outputs)]
        label = "" if self.how.get("unnamed") else f"/layer {self.count}/{kind}:<é>"
        self.nodes.append(helper.make_node(kind, list(inputs), names, label,
                                           domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def fresh(self):
        self.count += 1
        return f"t{self.count}"

    def constant(self, value, name=None):
        value = np.asarray(value)
        name = name or self.fresh()
        if self.how.get("constants"):
            self.nodes.append(helper.make_node(
                "Constant", [], [name], value=numpy_helper.from_array(value)))
        else:
            self.weights.append(numpy_helper.from_array(value, name))
        return name

    def ints(self, *values):
        return self.constant(np.array(values, np.int64))

    def number(self, value):
        return self.constant(np.array(value, F))

    def matrix(self, name, rows, columns):
        return (self.rng.standard_normal((rows, columns)) / np.sqrt(rows)).astype(F)

    def axes(self, kind, x, *axes):
        if self.how["opset"] < 13:
            return self.op(kind, x, axes=list(axes))
        return self.op(kind, x, self.ints(*axes))


def norm(g, x, name):
    gain = g.constant((1 + 0.2 * g.rng.standard_normal(C)).astype(F), name)
    how = g.how["norm"]
    if how == "RMSNormalization":
        return g.op(how, x, gain, epsilon=EPS, axis=-1)
    square = g.op("Pow", x, g.number(2)) if how == "pow" else g.op("Mul", x, x)
    if g.how["opset"] < 18:
        mean = g.op("ReduceMean", square, axes=[-1], keepdims=1)
    else:
        mean = g.op("ReduceMean", square, g.ints(-1), keepdims=1)
    root = g.op("Sqrt", g.op("Add", mean, g.number(EPS)))
    if how == "reciprocal":
        return g.op("Mul", g.op("Mul", x, g.op("Reciprocal", root)), gain)
    if how == "inverse":
        return g.op("Mul", g.op("Mul", x, g.op("Div", g.number(1), root)), gain)
    return g.op("Mul", gain, g.op("Div", x, root))


def linear(g, x, name, rows, columns, bias=False):
    weight = g.matrix(name, rows, columns)
    shift = (0.1 * g.rng.standard_normal(columns)).astype(F) if bias else None
    how = g.how["linear"]
    if how == "gemm":
        flat = g.op("Reshape", x, g.ints(-1, rows))
        inputs = [flat, g.constant(weight.T.copy(), name)]
        if bias:
            inputs.append(g.constant(shift, name + ".bias"))
        y = g.op("Gemm", *inputs, transB=1)
        shape = g.op("Concat", g.op("Slice", g.op("Shape", x), g.ints(0), g.ints(2)),
                     g.ints(columns), axis=0)
        return g.op("Reshape", y, shape)
    if how == "transpose":
        w = g.op("Transpose", g.constant(weight.T.copy(), name), perm=[1, 0])
    else:
        w = g.constant(weight, name)
    y = g.op("MatMul", x, w)
    return g.op("Add", g.constant(shift, name + ".bias"), y) if bias else y


def heads(g, x, count):
    return g.op("Transpose", g.op("Reshape", x, g.ints(0, 0, count, D)), perm=[0, 2, 1, 3])


def qkv(g, x, name):
    bias = g.how.get("bias", False)
    sizes = [H * D, G * D, G * D]
    if not g.how.get("fused"):
        return [linear(g, x, f"{name}.{part}_proj.weight", C, size, bias)
                for part, size in zip("qkv", sizes)]
    y = linear(g, x, name + ".qkv_proj.weight", C, sum(sizes), bias)
    if g.how["fused"] == "split":
        return g.op("Split", y, g.ints(*sizes), outputs=3, axis=-1)
    ends = np.cumsum([0] + sizes)
    return [g.op("Slice", y, g.ints(a), g.ints(b), g.ints(-1)) for a, b in zip(ends, ends[1:])]


FREQUENCIES = 1 / 10000 ** (np.arange(0, D, 2) / D)
ANGLES = np.arange(64)[:, None] * FREQUENCIES[None]


def tables(g):
    """cos and sin for rope(): [B, T, D], or caches."""
    how = g.how["rope"]
    if how in ("op", "contrib"):
        return g.constant(np.cos(ANGLES).astype(F), "cos"), g.constant(np.sin(ANGLES).astype(F), "sin")
    if how in ("table", "pairs table"):
        wide = np.repeat(ANGLES, 2, 1) if how == "pairs table" else np.tile(ANGLES, (1, 2))
        return [g.op("Gather", g.constant(f(wide).astype(F), n), "position_ids")
                for f, n in ((np.cos, "cos"), (np.sin, "sin"))]
    where = g.op("Cast", g.axes("Unsqueeze", "position_ids", 2), to=T.FLOAT)
    angle = g.op("Mul", where, g.constant(FREQUENCIES.astype(F)[None, None]))
    if how == "pairs":
        return [g.op(f, angle) for f in ("Cos", "Sin")]
    both = g.op("Concat", angle, angle, axis=-1)
    return [g.op(f, both) for f in ("Cos", "Sin")]


def part(g, x, start, end, step=1):
    return g.op("Slice", x, g.ints(start), g.ints(end), g.ints(-1), g.ints(step))


def rope(g, x, cos, sin):
    how = g.how["rope"]
    if how == "op":
        return g.op("RotaryEmbedding", x, cos, sin, "position_ids")
    if how == "contrib":
        return g.op("RotaryEmbedding", x, "position_ids", cos, sin, domain=MS)
    cos, sin = (g.axes("Unsqueeze", t, 1) for t in (cos, sin))
    if how == "pairs":  # complex numbers, (even, odd)
        even, odd = part(g, x, 0, D, 2), part(g, x, 1, D, 2)
        first = g.op("Sub", g.op("Mul", even, cos), g.op("Mul", odd, sin))
        second = g.op("Add", g.op("Mul", even, sin), g.op("Mul", odd, cos))
        both = g.op("Concat", *(g.axes("Unsqueeze", y, 4) for y in (first, second)), axis=-1)
        return g.op("Reshape", both, g.ints(0, 0, 0, D))
    if how == "pairs table":
        even, odd = part(g, x, 0, D, 2), part(g, x, 1, D, 2)
        both = g.op("Concat", *(g.axes("Unsqueeze", y, 4) for y in (g.op("Neg", odd), even)), axis=-1)
        turned = g.op("Reshape", both, g.ints(0, 0, 0, D))
    elif g.how.get("split"):
        first, second = g.op("Split", x, g.ints(D // 2, D // 2), outputs=2, axis=-1)
        turned = g.op("Concat", g.op("Neg", second), first, axis=-1)
    else:
        first, second = part(g, x, 0, D // 2), part(g, x, D // 2, 2**62)
        turned = g.op("Concat", g.op("Neg", second), first, axis=-1)
    return g.op("Add", g.op("Mul", x, cos), g.op("Mul", turned, sin))


def size(g, x, axis):
    return g.op("Gather", g.op("Shape", x), g.ints(axis))


def causal_mask(g):
    """[B, 1, T, S], bool or a float to add."""
    how = g.how["mask"]
    seen = size(g, "attention_mask", 1)
    start = g.op("Sub", seen, size(g, "input_ids", 1))
    scalar = lambda x: g.axes("Squeeze", x, 0)
    keys = g.op("Range", g.constant(np.int64(0)), scalar(seen), g.constant(np.int64(1)))
    queries = g.op("Range", scalar(start), scalar(seen), g.constant(np.int64(1)))
    there = g.axes("Unsqueeze", "attention_mask", 1, 2)
    if how == "added":
        future = g.op("Greater", keys, g.axes("Unsqueeze", queries, 1))
        low = g.op("Mul", g.op("Cast", future, to=T.FLOAT), g.number(-3.4e38))
        hidden = g.op("Mul", g.op("Sub", g.number(1), g.op("Cast", there, to=T.FLOAT)),
                      g.number(-3.4e38))
        return g.op("Max", g.op("Add", low, hidden), g.number(-3.4e38))
    past = g.op("Not", g.op("Greater", keys, g.axes("Unsqueeze", queries, 1)))
    visible = g.op("And", past, g.op("Cast", there, to=T.BOOL))
    if how == "bool":
        return visible
    return g.op("Where", visible, g.number(0), g.number(-np.inf))


def repeated(g, x):
    """Keys or values [B, G, S, D] for each of the H query heads."""
    if H == G:
        return x
    apart = g.axes("Unsqueeze", x, 2)
    if g.how.get("repeat") == "tile":
        wide = g.op("Tile", apart, g.ints(1, 1, H // G, 1, 1))
    elif g.how.get("repeat") == "concat":
        wide = g.op("Concat", *[apart] * (H // G), axis=2)
    else:
        shape = g.op("Concat", size(g, x, 0), g.ints(G, H // G), size(g, x, 2), g.ints(D), axis=0)
        wide = g.op("Expand", apart, shape)
    shape = g.op("Concat", size(g, x, 0), g.ints(H, -1, D), axis=0)
    return g.op("Reshape", wide, shape)


def attention(g, q, k, v, mask):
    if g.how.get("attention") == "op":
        return g.op("Attention", q, k, v, mask)
    scores = g.op("MatMul", q, g.op("Transpose", repeated(g, k), perm=[0, 1, 3, 2]))
    scores = g.op("Div", scores, g.number(np.sqrt(D)))
    if g.how["mask"] == "bool":
        scores = g.op("Where", mask, scores, g.number(-1e9))
    else:
        scores = g.op("Add", scores, mask)
    weights = g.op("Softmax", scores, axis=3 if g.how["opset"] < 13 else -1)
    return g.op("MatMul", weights, repeated(g, v))


def swiglu(g, x, name):
    if g.how.get("fused"):
        both = linear(g, x, name + ".gate_up_proj.weight", C, 2 * M)
        gate, up = g.op("Split", both, g.ints(M, M), outputs=2, axis=-1)
    else:
        gate = linear(g, x, name + ".gate_proj.weight", C, M)
        up = linear(g, x, name + ".up_proj.weight", C, M)
    if g.how.get("silu") == "op":
        gated = g.op("Mul", g.op("Swish", gate), up)
    elif g.how.get("silu") == "up first":
        gated = g.op("Mul", g.op("Mul", up, g.op("Sigmoid", gate)), gate)
    else:
        gated = g.op("Mul", g.op("Mul", gate, g.op("Sigmoid", gate)), up)
    return linear(g, gated, name + ".down_proj.weight", M, C)


def build(how):
    how = dict(dict(opset=17, norm="pow", linear="matmul", rope="halves", mask="where"), **how)
    g = Graph(how)
    outputs = ["logits"]
    table = g.constant(g.rng.standard_normal((V, C)).astype(F), "embed.weight")
    x = g.op("Gather", table, "input_ids")
    cos, sin = tables(g)
    mask = causal_mask(g)
    for layer in range(L):
        name = f"layers.{layer}"
        q, k, v = qkv(g, norm(g, x, name + ".norm"), name + ".attn")
        q, k, v = heads(g, q, H), heads(g, k, G), heads(g, v, G)
        q, k = rope(g, q, cos, sin), rope(g, k, cos, sin)
        k = g.op("Concat", f"past_key_values.{layer}.key", k, axis=2)
        v = g.op("Concat", f"past_key_values.{layer}.value", v, axis=2)
        for what, value in (("key", k), ("value", v)):
            g.nodes.append(helper.make_node("Identity", [value], [f"present.{layer}.{what}"]))
            outputs.append(f"present.{layer}.{what}")
        y = g.op("Transpose", attention(g, q, k, v, mask), perm=[0, 2, 1, 3])
        y = g.op("Reshape", y, g.ints(0, 0, C))
        x = g.op("Add", x, linear(g, y, name + ".attn.o_proj.weight", C, C))
        x = g.op("Add", swiglu(g, norm(g, x, name + ".post_norm"), name + ".mlp"), x)
    y = norm(g, x, "norm")
    if how.get("tied"):
        y = g.op("MatMul", y, g.op("Transpose", table, perm=[1, 0]))
    else:
        y = linear(g, y, "lm_head.weight", C, V)
    g.nodes.append(helper.make_node("Identity", [y], ["logits"]))
    return wrap(g, outputs)


def wrap(g, outputs):
    inputs = {"input_ids": (T.INT64, ["b", "s"]), "attention_mask": (T.INT64, ["b", "total"]),
              "position_ids": (T.INT64, ["b", "s"])}
    for layer in range(L):
        for what in ("key", "value"):
            inputs[f"past_key_values.{layer}.{what}"] = (T.FLOAT, ["b", G, "p", D])
    listed = [helper.make_tensor_value_info(n, t, d) for n, (t, d) in inputs.items()]
    if g.how.get("listed"):  # as IR version 3 wanted it
        listed += [helper.make_tensor_value_info(w.name, w.data_type, w.dims) for w in g.weights]
    opsets = [helper.make_opsetid("", g.how["opset"]), helper.make_opsetid(MS, 1)]
    functions, nodes = [], g.nodes
    if g.how.get("function"):  # everything behind a function behind a function
        names = list(inputs) + [w.name for w in g.weights]
        inner = helper.make_function("local", "Inner", names, outputs, g.nodes, opsets)
        call = helper.make_node("Inner", names, outputs, domain="local")
        outer = helper.make_function("local", "Outer", names, outputs, [call],
                                     opsets + [helper.make_opsetid("local", 1)])
        functions, opsets = [inner, outer], opsets + [helper.make_opsetid("local", 1)]
        nodes = [helper.make_node("Outer", names, outputs, domain="local")]
    graph = helper.make_graph(nodes, "llama", listed, [onnx.ValueInfoProto(name=n) for n in outputs],
                              g.weights)
    return helper.make_model(graph, ir_version=10, opset_imports=opsets, functions=functions)


SPELLINGS = {
    "plain": {}, "opset11": dict(opset=11), "opset13": dict(opset=13, norm="inverse"),
    "opset18": dict(opset=18, norm="reciprocal", mask="bool"),
    "opset21": dict(opset=21, norm="mul", mask="added", tied=True),
    "gemm": dict(linear="gemm"), "gemm_bias": dict(linear="gemm", bias=True, rope="pairs"),
    "transposed": dict(linear="transpose", bias=True), "fused": dict(fused="split", bias=True),
    "fused_slices": dict(fused="slice", silu="up first", repeat="concat"),
    "table": dict(rope="table", repeat="tile"), "pairs_table": dict(rope="pairs table"),
    "pairs": dict(rope="pairs"), "split": dict(split=True, bias=True),
    "contrib_rope": dict(rope="contrib"),
    "ops": dict(opset=23, norm="RMSNormalization", rope="op", attention="op", mask="bool"),
    "swish": dict(opset=24, norm="mul", attention="op", mask="where", silu="op"),
    "constants": dict(constants=True, unnamed=True), "listed": dict(listed=True),
    "function": dict(function=True, tied=True),
}


def cases():
    rng = np.random.default_rng(5)
    for batch, tokens, past, pad in ((2, 5, PAST, 2), (1, 1, PAST, 0), (1, 4, 0, 0)):
        mask = np.ones((batch, past + tokens), np.int64)
        mask[-1, :pad] = 0
        feeds = {"input_ids": rng.integers(0, V, (batch, tokens)), "attention_mask": mask,
                 "position_ids": np.maximum(mask.cumsum(1) - 1, 0)[:, past:]}
        for layer in range(L):
            for what in ("key", "value"):
                feeds[f"past_key_values.{layer}.{what}"] = rng.standard_normal(
                    (batch, G, past, D)).astype(F)
        yield feeds


def write(folder, name):
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "model.onnx")
    onnx.save(build(SPELLINGS[name]), path)
    return path


def check(folder, name):
    path = write(folder, name)
    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except Exception as error:
        return "ONNX Runtime: " + str(error)[:300]
    for number, feeds in enumerate(cases()):
        case = os.path.join(folder, "cases", str(number))
        os.makedirs(case, exist_ok=True)
        results = zip((o.name for o in session.get_outputs()), session.run(None, feeds))
        for kind, values in (("in", feeds.items()), ("out", results)):
            for key, value in values:
                np.save(os.path.join(case, f"{kind}_{key.replace('.', '_')}.npy"), value)
    run = subprocess.run(["qopt", "-q", path, "--stop-after=raise", "--elide-weights", "-o", "-"],
                         capture_output=True, text=True)
    counts = collections.Counter()
    for line in run.stdout.splitlines():
        if op := re.search(r"= nn\.(\w+)", line):
            splits = re.search(r"splits \[([\d, ]+)\]", line)
            counts[op[1]] += len(splits[1].split(",")) if splits else 1
            counts["general mask"] += " mask %" in line
    want = {"rms_norm": 2 * L + 1, "linear": 7 * L + 1, "rope": 2 * L, "attention": L,
            "swiglu": L, "general mask": 0}
    wrong = [f"{counts[k]} {k}, expects {n}" for k, n in want.items() if counts[k] != n]
    if run.returncode or wrong:
        return run.stderr or "after raise: " + "; ".join(wrong)
    run = subprocess.run(["qopt", "-q", folder, f"--compare={folder}/cases", "--tolerance=1e-4",
                          "--emit=obj", "-o", os.path.join(folder, "model.o")],
                         capture_output=True, text=True)
    return run.stderr if run.returncode else None


def main():
    if len(sys.argv) > 2:
        write(sys.argv[1], sys.argv[2])
        return 0
    wrong = {n: why for n in SPELLINGS if (why := check(os.path.join(sys.argv[1], n), n))}
    for name, why in wrong.items():
        print(f"{name}: {why}")
    print(f"{len(SPELLINGS) - len(wrong)} of {len(SPELLINGS)} spellings are recognised and agree")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
