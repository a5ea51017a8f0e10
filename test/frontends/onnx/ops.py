"""Small models of one group each, and whether qopt computes what ONNX Runtime does.

`ops.py FOLDER` writes each model, imports it with `qopt-generate`, runs the
program with `qopt-interpret` and compares. `ops.py FOLDER NAME` only writes one.
"""

import os
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto as T
from onnx import helper, numpy_helper

RNG = np.random.default_rng(7)
F = np.float32
MS = "com.microsoft"
BOUND = 1e-5  # of errors, relative to the largest element
CODES = {"float32": T.FLOAT, "int64": T.INT64, "int32": T.INT32, "bool": T.BOOL}


def randoms(*shape):
    return RNG.standard_normal(shape).astype(F)


def node(op, inputs, outputs="y", **attributes):
    return helper.make_node(op, inputs.split(","), outputs.split(","), **attributes)


def ints(*values):
    return np.array(values, np.int64)


# name: opset, nodes, inputs {name: (dims, value)}, constants {name: value}
CASES = {}


def case(name, nodes, inputs, constants=None, opset=17):
    CASES[name] = (opset, nodes, inputs, constants or {})


X = (["b", "s", 8], randoms(2, 3, 8))

case("linear", [node("MatMul", "x,w", "m"), node("Add", "m,c", "a"),
                node("Relu", "a", "r"), node("MatMul", "r,v", "y")],
     {"x": X}, {"w": randoms(8, 16), "c": randoms(16), "v": randoms(16, 5)})
case("gemm", [node("Gemm", "x,w,c", alpha=0.5, beta=2.0, transB=1)],
     {"x": (["n", 8], randoms(3, 8))}, {"w": randoms(6, 8), "c": randoms(6)})
case("gemm_both", [node("Gemm", "x,w", transA=1)],
     {"x": ([8, "n"], randoms(8, 3))}, {"w": randoms(8, 6)})
case("matmul", [node("Transpose", "x", "t", perm=[0, 2, 1]), node("MatMul", "x,t")],
     {"x": X})
# Heads split off by a computed shape, and repeated as exporters write it.
case("heads", [node("Shape", "x", "shape"), node("Gather", "shape,zero", "b"),
               node("Gather", "shape,one", "s"), node("Unsqueeze", "b,zeros", "bu"),
               node("Unsqueeze", "s,zeros", "su"), node("Concat", "bu,su,two,minus", "to", axis=0),
               node("Reshape", "x,to", "r"), node("Transpose", "r", "t", perm=[0, 2, 1, 3]),
               node("Unsqueeze", "t,axis2", "u"), node("Concat", "bu,two,three,su,minus", "like", axis=0),
               node("Shape", "like", "n"), node("ConstantOfShape", "n", "ones",
                                                value=numpy_helper.from_array(ints(1))),
               node("Equal", "like,minus", "unset"), node("Where", "unset,ones,like", "full"),
               node("Expand", "u,full", "e"), node("Concat", "bu,minus,su,four", "flat", axis=0),
               node("Reshape", "e,flat")],
     {"x": X}, {"zero": np.array(0, np.int64), "one": np.array(1, np.int64), "zeros": ints(0),
                "two": ints(2), "three": ints(3), "four": ints(4), "minus": ints(-1),
                "axis2": ints(2)})
case("reshape_zero", [node("Reshape", "x,to")], {"x": X}, {"to": ints(0, -1, 2, 4)})
case("flatten", [node("Flatten", "x", axis=2)], {"x": X})
case("views", [node("Slice", "x,from,upto,axes,steps", "a"), node("Split", "a", "p,q", axis=2),
               node("Concat", "q,p", "y", axis=-1)],
     {"x": X}, {"from": ints(0), "upto": ints(2**62), "axes": ints(-1), "steps": ints(2)})
case("slice_end", [node("Slice", "x,from,upto,axes")],
     {"x": X}, {"from": ints(-3), "upto": ints(-1), "axes": ints(2)})
case("tile", [node("Tile", "x,repeats")], {"x": X}, {"repeats": ints(1, 2, 3)})
case("squeeze", [node("Unsqueeze", "x,axes", "u"), node("Squeeze", "u,axes", "q"),
                 node("Neg", "q")], {"x": X}, {"axes": ints(0, 3)})
case("range_mask", [node("Shape", "x", "shape"), node("Gather", "shape,one", "s"),
                    node("Range", "zero,s,one", "i"), node("Unsqueeze", "i,front", "row"),
                    node("Unsqueeze", "i,back", "column"), node("LessOrEqual", "row,column", "keep"),
                    node("Where", "keep,nil,low")],
     {"x": X}, {"zero": np.array(0, np.int64), "one": np.array(1, np.int64),
                "front": ints(0), "back": ints(1), "nil": np.array(0, F), "low": np.array(-9, F)})
case("trilu", [node("MatMul", "x,w", "m"), node("Trilu", "m,k", upper=1)],
     {"x": X}, {"w": randoms(8, 5), "k": np.array(1, np.int64)})
case("gather", [node("Gather", "w,ids", "e"), node("Gather", "e,last", "y", axis=1)],
     {"ids": (["b", "s"], RNG.integers(0, 10, (2, 3)))},
     {"w": randoms(10, 6), "last": np.array(-1, np.int64)})
case("gather_elements", [node("GatherElements", "x,i", axis=2)],
     {"x": X, "i": (["b", "s", 4], RNG.integers(-8, 8, (2, 3, 4)))})
case("gather_nd", [node("GatherND", "x,i", batch_dims=1)],
     {"x": (["b", 5, 4], randoms(2, 5, 4)), "i": (["b", "k", 1], RNG.integers(0, 5, (2, 3, 1)))})
case("scatter_nd", [node("ScatterND", "x,i,u")],
     {"x": (["n", 4], randoms(5, 4)), "i": (["k", 1], ints(3, 0)[:, None]),
      "u": (["k", 4], randoms(2, 4))})
case("unary", [node("Abs", "x", "a"), node("Sqrt", "a", "b"), node("Exp", "b", "c"),
               node("Log", "c", "d"), node("Sin", "d", "e"), node("Cos", "e", "f"),
               node("Tanh", "f", "g"), node("Erf", "g", "h"), node("Sigmoid", "h", "i"),
               node("Reciprocal", "i", "j"), node("Floor", "x", "k"), node("Ceil", "x", "l"),
               node("Round", "x", "m"), node("Add", "j,k", "n"),
               node("Mul", "l,m", "o"), node("Sub", "n,o")], {"x": X})
case("binary", [node("Pow", "x,two", "p"), node("Div", "p,w", "d"), node("Max", "d,x,nil", "m"),
                node("Min", "m,w")],
     {"x": X}, {"two": np.array(2, F), "w": np.abs(randoms(3, 1)) + 1, "nil": np.array(0, F)})
case("integers", [node("Div", "i,three", "d"), node("Mod", "i,three", "m"), node("Mul", "d,m", "p"),
                  node("Cast", "p", "y", to=T.FLOAT)],
     {"i": (["n"], ints(7, 8, 100, 0))}, {"three": np.array(3, np.int64)})
case("logic", [node("Greater", "x,nil", "g"), node("Less", "x,one", "l"), node("And", "g,l", "a"),
               node("Not", "g", "n"), node("Or", "a,n", "o"), node("Xor", "o,g", "e"),
               node("Cast", "e", "y", to=T.INT64)],
     {"x": X}, {"nil": np.array(0, F), "one": np.array(1, F)})
case("reduce_axes", [node("ReduceMean", "x,axes", "m"), node("ReduceSum", "x,axes", "s", keepdims=1),
                     node("Add", "m,s")], {"x": X}, {"axes": ints(-1)}, opset=18)
case("reduce_attribute", [node("ReduceMean", "x", "m", axes=[-1], keepdims=0),
                          node("ReduceMax", "x", "n", axes=[2], keepdims=0),
                          node("ReduceMin", "x", "o", axes=[2], keepdims=0),
                          node("ReduceProd", "x", "p", axes=[2], keepdims=0),
                          node("Add", "m,n", "a"), node("Add", "o,p", "b"), node("Mul", "a,b")],
     {"x": X}, opset=13)
case("cumsum", [node("CumSum", "x,axis")], {"x": X}, {"axis": np.array(1, np.int64)})
case("cumsum_odd", [node("CumSum", "x,axis", exclusive=1, reverse=1)],
     {"x": X}, {"axis": np.array(2, np.int64)})
case("softmax", [node("Softmax", "x", axis=1)], {"x": X})
# Before opset 13 the dimensions behind the axis are one.
case("softmax_flat", [node("Softmax", "x", axis=1)], {"x": X}, opset=11)
case("norm", [node("RMSNormalization", "x,w", axis=-1, epsilon=1e-5)],
     {"x": X}, {"w": randoms(8)}, opset=23)
case("skip_norm", [node("SkipSimplifiedLayerNormalization", "x,k,w", "n,,,s", domain=MS, epsilon=1e-5),
                   node("Mul", "n,s")],
     {"x": X, "k": X}, {"w": randoms(8)})
case("quick_gelu", [node("QuickGelu", "x", domain=MS, alpha=1.5)], {"x": X})
case("fused_matmul", [node("FusedMatMul", "x,x", domain=MS, transB=1, alpha=0.25)], {"x": X})


def attention(name, kind, **attributes):
    length = ("s", 3) if attributes.get("is_causal") else ("t", 5)
    inputs = {"q": (["b", 4, "s", 8], randoms(2, 4, 3, 8))}
    for part in ["k", "v"]:
        inputs[part] = (["b", 2, length[0], 8], randoms(2, 2, length[1], 8))
    names = "q,k,v"
    if kind:
        mask = randoms(3, 5)
        mask = (["s", "t"], mask if kind == "float" else mask > -0.8)
        inputs["mask"] = mask
        names += ",mask"
    case(name, [node("Attention", names, **attributes)], inputs, opset=23)


attention("attention", None)
attention("attention_causal", None, is_causal=1, scale=0.3)
attention("attention_float", "float")
attention("attention_bool", "bool")
case("rotary", [node("RotaryEmbedding", "x,c,s,p", num_heads=2)],
     {"x": X, "p": (["b", "s"], RNG.integers(0, 16, (2, 3)))},
     {"c": randoms(16, 2), "s": randoms(16, 2)}, opset=23)
case("rotary_pairs", [node("RotaryEmbedding", "x,c,s,p", interleaved=1)],
     {"x": (["b", 2, "s", 4], randoms(2, 2, 3, 4)), "p": (["b", "s"], RNG.integers(0, 16, (2, 3)))},
     {"c": randoms(16, 2), "s": randoms(16, 2)}, opset=23)
# Four new positions behind a past of two.
case("group_query", [node("GroupQueryAttention", "q,k,v,pk,pv,last,total,c,s", "y,nk,nv", domain=MS,
                          num_heads=4, kv_num_heads=2, do_rotary=1)],
     {"q": (["b", "s", 64], randoms(1, 4, 64)), "k": (["b", "s", 32], randoms(1, 4, 32)),
      "v": (["b", "s", 32], randoms(1, 4, 32)),
      "pk": (["b", 2, "past", 16], randoms(1, 2, 2, 16)), "pv": (["b", 2, "past", 16], randoms(1, 2, 2, 16)),
      "last": (["b"], np.array([5], np.int32)), "total": ([], np.array(6, np.int32))},
     {"c": randoms(16, 8), "s": randoms(16, 8)})


def build(name):
    opset, nodes, inputs, constants = CASES[name]
    graph = helper.make_graph(
        nodes, name,
        [helper.make_tensor_value_info(n, CODES[str(v.dtype)], d) for n, (d, v) in inputs.items()],
        [onnx.ValueInfoProto(name="y")],
        [numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items()])
    # ONNX Runtime wants the result's type: ours and theirs infer it.
    model = helper.make_model(graph, ir_version=10, opset_imports=[
        helper.make_opsetid("", opset), helper.make_opsetid(MS, 1)])
    return model, {n: v for n, (_, v) in inputs.items()}


def check(folder, name):
    model, inputs = build(name)
    path = os.path.join(folder, name + ".onnx")
    onnx.save(model, path)
    try:
        want = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, inputs)[0]
    except Exception as error:
        return "ONNX Runtime: " + str(error)[:300]
    run = subprocess.run(["qopt-generate", "--import-only", path], capture_output=True, text=True)
    if run.returncode:
        return run.stderr
    program = os.path.join(folder, name + ".mlir")
    with open(program, "w") as file:
        file.write(run.stdout)
    command = ["qopt-interpret", program, "--output-dir", folder]
    for key, value in inputs.items():
        np.save(os.path.join(folder, key + ".in.npy"), value)
        command += ["--input", f"{key}={folder}/{key}.in.npy"]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        return run.stderr
    got = np.load(os.path.join(folder, "y.npy"))
    if got.shape != want.shape or got.dtype != want.dtype:
        return f"expected {want.dtype}{want.shape}, got {got.dtype}{got.shape}"
    error = np.abs(got.astype(float) - want).max() / max(np.abs(want.astype(float)).max(), 1e-9)
    return None if error <= BOUND else f"error {error:.1e}"


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    if len(sys.argv) > 2:
        onnx.save(build(sys.argv[2])[0], os.path.join(folder, sys.argv[2] + ".onnx"))
        return 0
    wrong = {name: why for name in CASES if (why := check(folder, name))}
    for name, why in wrong.items():
        print(f"{name}: {why}")
    print(f"{len(CASES) - len(wrong)} of {len(CASES)} groups agree")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
