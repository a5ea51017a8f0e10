"""Writes a Llama with random weights: `tiny_llama.py OUT.onnx [options]`.

With --past it has the inputs and outputs of an export that keeps keys and
values, without it those of one that does not. Same options, same bytes.
"""

import argparse

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper


class Graph:
    """Nodes and constants, each result named after its node."""

    def __init__(self, dtype, seed):
        self.nodes, self.tensors = [], []
        self.dtype, self.rng = dtype, np.random.default_rng(seed)

    def op(self, kind, *inputs, outputs=1, **attributes):
        names = [self.keep(x) if not isinstance(x, str) else x for x in inputs]
        results = [f"{kind}_{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, names, results, name=results[0][:-2], **attributes))
        return results[0] if outputs == 1 else results

    def keep(self, value, name=None):
        name = name or f"constant_{len(self.tensors)}"
        self.tensors.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def weight(self, name, *shape, mean=0.0, scale=None):
        scale = shape[-2] ** -0.5 if scale is None else scale
        value = mean + scale * self.rng.standard_normal(shape)
        return self.keep(value.astype(self.dtype), name)

    def number(self, value):
        return np.array(value, self.dtype)


def ints(*values):
    return np.array(values, np.int64)


def norm(g, x, name, size):
    x32 = g.op("Cast", x, to=T.FLOAT)
    mean = g.op("ReduceMean", g.op("Pow", x32, np.float32(2)), axes=[-1])
    root = g.op("Sqrt", g.op("Add", mean, np.float32(1e-5)))
    y = g.op("Div", x32, root)
    if g.dtype != np.float32:
        y = g.op("Cast", y, to=T.FLOAT16)
    return g.op("Mul", g.weight(name, size, mean=1.0, scale=0.1), y)


def rotate(g, x, cos, sin, half):
    low = g.op("Slice", x, ints(0), ints(half), ints(3))
    high = g.op("Slice", x, ints(half), ints(2**62), ints(3))
    turned = g.op("Concat", g.op("Neg", high), low, axis=-1)
    return g.op("Add", g.op("Mul", x, cos), g.op("Mul", turned, sin))


def angles(g, positions, size, code):
    """cos and sin of every position, [B, 1, T, D]."""
    inverse = (10000.0 ** (-np.arange(0, size, 2) / size)).astype(np.float32)
    p = g.op("Cast", g.op("Unsqueeze", positions, ints(-1)), to=T.FLOAT)
    turns = g.op("Mul", p, inverse.reshape(1, 1, -1))
    both = g.op("Unsqueeze", g.op("Concat", turns, turns, axis=-1), ints(1))
    return [g.op("Cast", g.op(kind, both), to=code) for kind in ("Cos", "Sin")]


def attention_bias(g, mask, positions, code, lowest):
    """0 where a token may look, else the lowest number: [B, 1, T, S]."""
    total = g.op("Squeeze", g.op("Slice", g.op("Shape", mask), ints(1), ints(2)), ints(0))
    keys = g.op("Range", np.int64(0), total, np.int64(1))
    rows = g.op("Unsqueeze", positions, ints(1, 3))
    seen = g.op("LessOrEqual", g.op("Unsqueeze", keys, ints(0, 1, 2)), rows)
    real = g.op("Cast", g.op("Unsqueeze", mask, ints(1, 2)), to=T.BOOL)
    return g.op("Where", g.op("And", seen, real), g.number(0), g.number(lowest))


def attention(g, x, layer, a, cos, sin, bias, past):
    size = a.hidden // a.heads
    name = f"model.layers.{layer}.self_attn."

    def heads(what, count):
        y = g.op("MatMul", x, g.weight(f"{name}{what}_proj.weight", a.hidden, count * size))
        return g.op("Transpose", g.op("Reshape", y, ints(0, 0, count, size)), perm=[0, 2, 1, 3])

    q = rotate(g, heads("q", a.heads), cos, sin, size // 2)
    k = rotate(g, heads("k", a.kv_heads), cos, sin, size // 2)
    v = heads("v", a.kv_heads)
    if past:
        k = g.op("Concat", past[0], k, axis=2)
        v = g.op("Concat", past[1], v, axis=2)
        g.presents += [k, v]
    repeat = a.heads // a.kv_heads
    if repeat > 1:  # [B, H, S, D] with each head several times in a row
        k, v = (g.op("Reshape", g.op("Expand", g.op("Unsqueeze", t, ints(2)), ints(1, 1, repeat, 1, 1)),
                     ints(0, a.heads, -1, size)) for t in (k, v))
    scores = g.op("MatMul", q, g.op("Transpose", k, perm=[0, 1, 3, 2]))
    scores = g.op("Add", g.op("Mul", scores, g.number(size**-0.5)), bias)
    y = g.op("MatMul", g.op("Softmax", scores, axis=-1), v)
    y = g.op("Reshape", g.op("Transpose", y, perm=[0, 2, 1, 3]), ints(0, 0, a.hidden))
    return g.op("MatMul", y, g.weight(name + "o_proj.weight", a.hidden, a.hidden))


def mlp(g, x, layer, a):
    def linear(value, what, n, m):
        return g.op("MatMul", value, g.weight(f"model.layers.{layer}.mlp.{what}_proj.weight", n, m))

    gate = linear(x, "gate", a.hidden, a.inner)
    y = g.op("Mul", g.op("Mul", gate, g.op("Sigmoid", gate)), linear(x, "up", a.hidden, a.inner))
    return linear(y, "down", a.inner, a.hidden)


def head(g, a):
    """The weight of the head; `tied` ones hold the numbers of the table, once or twice."""
    table = "model.embed_tokens.weight"
    tied = getattr(a, "tied", "no")
    if tied == "no":
        return g.weight("lm_head.weight", a.hidden, a.vocabulary, scale=2 * a.hidden**-0.5)
    if tied == "once":
        return g.op("Transpose", table, perm=[1, 0])
    values = next(numpy_helper.to_array(t) for t in g.tensors if t.name == table)
    return g.keep(np.ascontiguousarray(values.T), "lm_head.weight")


def build(a, graph=None):
    """The model; its weights are those that `graph` makes."""
    dtype, code = (np.float16, T.FLOAT16) if a.f16 else (np.float32, T.FLOAT)
    g = graph or Graph(dtype, a.seed)
    g.presents = []
    value = helper.make_tensor_value_info
    total = "past + sequence" if a.past else "sequence"
    inputs = [value("input_ids", T.INT64, ["batch", "sequence"]),
              value("attention_mask", T.INT64, ["batch", total])]
    positions = "position_ids"
    if a.past:
        inputs.append(value(positions, T.INT64, ["batch", "sequence"]))
    else:
        length = g.op("Squeeze", g.op("Slice", g.op("Shape", "input_ids"), ints(1), ints(2)), ints(0))
        positions = g.op("Unsqueeze", g.op("Range", np.int64(0), length, np.int64(1)), ints(0))
    x = g.op("Gather", g.weight("model.embed_tokens.weight", a.vocabulary, a.hidden, scale=1), "input_ids")
    cos, sin = angles(g, positions, a.hidden // a.heads, code)
    bias = attention_bias(g, "attention_mask", positions, code, np.finfo(dtype).min)
    for layer in range(a.layers):
        past = [f"past_key_values.{layer}.{what}" for what in ("key", "value")] if a.past else None
        for name in past or []:
            inputs.append(value(name, code, ["batch", a.kv_heads, "past", a.hidden // a.heads]))
        y = norm(g, x, f"model.layers.{layer}.input_layernorm.weight", a.hidden)
        x = g.op("Add", x, attention(g, y, layer, a, cos, sin, bias, past))
        y = norm(g, x, f"model.layers.{layer}.post_attention_layernorm.weight", a.hidden)
        x = g.op("Add", x, mlp(g, y, layer, a))
    logits = g.op("MatMul", norm(g, x, "model.norm.weight", a.hidden),
                  head(g, a))
    outputs = [("logits", logits, ["batch", "sequence", a.vocabulary])]
    for i, present in enumerate(g.presents):
        name = f"present.{i // 2}.{'value' if i % 2 else 'key'}"
        outputs.append((name, present, ["batch", a.kv_heads, total, a.hidden // a.heads]))
    # What is another node's input keeps its name there.
    for name, source, _ in outputs:
        g.nodes.append(helper.make_node("Identity", [source], [name], name=name))
    graph = helper.make_graph(
        g.nodes, "tiny_llama", inputs,
        [value(name, code, dims) for name, _, dims in outputs], g.tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out")
    parser.add_argument("--past", action="store_true", help="keys and values in and out")
    parser.add_argument("--f16", action="store_true", help="weights and activations in f16")
    parser.add_argument("--tied", choices=["no", "once", "twice"], default="no",
                        help="the head is the table: as one tensor, or stored again")
    for name, default in [("layers", 2), ("hidden", 32), ("inner", 48), ("heads", 4),
                          ("kv-heads", 2), ("vocabulary", 97), ("seed", 0)]:
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args()
    model = build(arguments)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, arguments.out)


if __name__ == "__main__":
    main()
