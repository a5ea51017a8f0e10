"""Weights of few bits: whether qopt reads the codes that ONNX Runtime reads.

`low_bits.py FOLDER` works like ops.py. Inputs are the rows of an identity, so
that a result is the weight itself: another code would be off by 1 / 255 at least.
"""

import sys

import ml_dtypes
import numpy as np
from onnx import helper, numpy_helper

import ops
from ops import MS, case, node, randoms

ops.CASES.clear()
ops.BOUND = 1e-6  # ONNX Runtime fuses: the weights are rounded otherwise
RNG = np.random.default_rng(11)
F = np.float32


def scales(*shape, dtype=F):
    return (0.01 + 0.02 * RNG.random(shape)).astype(dtype)


def packed(values, bits):
    """Low bits first, each row in whole bytes."""
    rows = values.reshape(-1, values.shape[-1]).astype(np.int64)
    stream = (rows[:, :, None] >> np.arange(bits) & 1).reshape(rows.shape[0], -1)
    data = np.packbits(stream.astype(np.uint8), axis=1, bitorder="little")
    return data.reshape(*values.shape[:-1], -1)


def nbits(name, n, k, bits, block, zeros=None, bias=False, order=False, dtype=F, **attributes):
    """A MatMulNBits of an [n, k] weight; zeros: None, "packed" or "float"."""
    count = -(-k // block)
    codes = RNG.integers(0, 2**bits, (n, count, block))
    constants = {"w": packed(codes, bits), "s": scales(n, count, dtype=dtype)}
    inputs = ["x", "w", "s", "", "", ""]
    if zeros == "packed":
        constants["z"] = packed(RNG.integers(0, 2**bits, (n, count)), bits)
    elif zeros == "float":
        constants["z"] = (2 ** (bits - 1) + RNG.random((n, count))).astype(dtype)
    if zeros:
        inputs[3] = "z"
    if order:
        constants["g"] = (np.arange(k) // block).astype(np.int32)
        inputs[4] = "g"
    if bias:
        constants["c"] = randoms(n).astype(dtype)
        inputs[5] = "c"
    while not inputs[-1]:
        inputs.pop()
    case(name, [helper.make_node("MatMulNBits", inputs, ["y"], domain=MS, K=k, N=n, bits=bits,
                                 block_size=block, **attributes)],
         {"x": (["m", k], np.eye(k, dtype=dtype))}, constants)


for bits in (2, 4, 8):
    nbits(f"nbits{bits}", 6, 64, bits, 32)
    nbits(f"nbits{bits}_zeros", 6, 96, bits, 16, zeros="packed")
nbits("nbits_one_block", 6, 64, 4, 128, zeros="packed")
nbits("nbits_tail", 6, 112, 4, 32, zeros="packed")
nbits("nbits_large", 40, 512, 4, 256, zeros="packed", bias=True)
nbits("nbits_bias", 7, 48, 4, 16, bias=True, accuracy_level=1)
nbits("nbits_float_zeros", 6, 64, 4, 32, zeros="float")
nbits("nbits_order", 6, 64, 4, 32, order=True)

IDS = (["b", "s"], np.array([[3, 0, 4], [9, 9, 1]]))


def gather(name, bits, zeros, kind=np.uint8, block=16, channels=48):
    count = -(-channels // block)
    low = 0 if kind in (np.uint8, ml_dtypes.uint4) else -(2 ** (bits - 1))
    codes = RNG.integers(low, low + 2**bits, (10, channels))
    points = RNG.integers(low, low + 2**bits, (10, count))
    store = (lambda v: packed(v, bits)) if kind == np.uint8 else (lambda v: v.astype(kind))
    constants = {"t": store(codes), "s": scales(10, count)}
    if zeros:
        constants["z"] = store(points)
    case(name, [node("GatherBlockQuantized", "t,i,s" + (",z" if zeros else ""), domain=MS,
                     bits=bits, block_size=block, quantize_axis=1)],
         {"i": IDS}, constants, opset=21)


gather("gather_bytes", 8, False)
gather("gather_bytes_zeros", 8, True)
gather("gather_4", 4, False)
gather("gather_4_zeros", 4, True)
gather("gather_uint4", 4, False, ml_dtypes.uint4)
gather("gather_uint4_zeros", 4, True, ml_dtypes.uint4)
gather("gather_int4", 4, True, ml_dtypes.int4)

KINDS = {"int8": np.int8, "uint8": np.uint8, "int4": ml_dtypes.int4, "uint4": ml_dtypes.uint4}


def dequantized(name, kind, per, zeros, consumer, axis=None, shape=(64, 24)):
    """A weight of codes under `consumer`; per: "tensor", "axis" or "block"."""
    bits = 4 if kind.endswith("4") else 8
    low = 0 if kind.startswith("u") else -(2 ** (bits - 1))
    axis = (0 if consumer == "gemm" else 1) if axis is None else axis
    if consumer != "matmul":
        shape = (24, 64)
    sizes = {"tensor": (), "axis": (shape[axis],)}.get(per)
    attributes = {} if per == "tensor" else {"axis": axis}
    if per == "block":
        attributes = {"axis": axis, "block_size": 16}
        sizes = tuple(-(-s // 16) if i == axis else s for i, s in enumerate(shape))
    draw = lambda size: np.asarray(RNG.integers(low, low + 2**bits, size)).astype(KINDS[kind])
    constants = {"w": draw(shape), "s": scales(*sizes)}
    if zeros:
        constants["z"] = draw(sizes) if zeros is True else np.zeros(sizes, KINDS[kind])
    nodes = [node("DequantizeLinear", "w,s" + (",z" if zeros else ""), "d", **attributes)]
    inputs = {"x": (["m", 64], np.eye(64, dtype=F))}
    if consumer == "gemm":
        nodes.append(node("Gemm", "x,d", transB=1))
    elif consumer == "transposed":
        nodes += [node("Transpose", "d", "t", perm=[1, 0]), node("MatMul", "x,t")]
    elif consumer == "gather":
        nodes.append(node("Gather", "d,i"))
        inputs = {"i": IDS}
    else:
        nodes.append(node("MatMul", "x,d"))
    case(name, nodes, inputs, constants, opset=21)


for kind in KINDS:
    for per in ("tensor", "axis", "block"):
        dequantized(f"matmul_{kind}_{per}", kind, per, kind.startswith("u"), "matmul",
                    axis=0 if per == "block" else 1)
    dequantized(f"gemm_{kind}", kind, "axis", True, "gemm")
    dequantized(f"transposed_{kind}", kind, "block", False, "transposed", axis=1)
    dequantized(f"gather_rows_{kind}", kind, "axis", "none", "gather", axis=0)
dequantized("matmul_int4_odd", "int4", "axis", False, "matmul", shape=(64, 7))
dequantized("matmul_uint4_tail", "uint4", "block", True, "matmul", axis=0, shape=(64, 9))
dequantized("gather_tensor", "uint8", "tensor", True, "gather")

# Activations: codes of a range that is known before the run.
for kind, zero in (("uint8", 131), ("int8", 0), ("int8", -5)):
    case(f"activations_{kind}_{zero}",
         [node("QuantizeLinear", "x,s,z", "q"), node("DequantizeLinear", "q,s,z")],
         {"x": (["m", 8], randoms(5, 8))},
         {"s": np.array(0.0173, F), "z": np.array(zero, kind)})
case("activations_axis", [node("QuantizeLinear", "x,s", "q"), node("DequantizeLinear", "q,s")],
     {"x": (["m", 8], np.abs(randoms(5, 8)))}, {"s": scales(8)})
# A bias of int32, and a gain of bytes.
case("vectors", [node("DequantizeLinear", "c,s", "b", axis=0), node("DequantizeLinear", "g,t,z", "h"),
                 node("Mul", "x,h", "m"), node("Add", "m,b")],
     {"x": (["m", 8], randoms(5, 8))},
     {"c": RNG.integers(-2000, 2000, 8).astype(np.int32), "s": scales(8),
      "g": RNG.integers(0, 256, 8).astype(np.uint8), "t": np.array(0.01, F),
      "z": np.array(120, np.uint8)})

if __name__ == "__main__":
    sys.exit(ops.main())
