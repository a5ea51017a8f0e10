"""mma.sync and ldmatrix of the simulator against NumPy: fragments.py FOLDER.

The rows and columns of a fragment are written here as the tables of the PTX ISA
have them ("Matrix Fragments for mma.m16n8k16 with floating point type", ...),
not as the simulator computes them.
"""

import sys

import numpy as np
from programs import Folder, kernel, load, module, store

folder = Folder(sys.argv[1])
numbers = np.random.default_rng(3)


def places_f16_k16(lane):
    group, thread = lane >> 2, lane % 4
    a = [(group if i < 2 or 4 <= i < 6 else group + 8,
          thread * 2 + (i & 1) + (0 if i < 4 else 8)) for i in range(8)]
    b = [(thread * 2 + (i & 1) + (0 if i < 2 else 8), group) for i in range(4)]
    return a, b


def places_f16_k8(lane):
    group, thread = lane >> 2, lane % 4
    a = [(group if i < 2 else group + 8, thread * 2 + (i & 1)) for i in range(4)]
    b = [(thread * 2 + i, group) for i in range(2)]
    return a, b


def places_tf32_k8(lane):
    group, thread = lane >> 2, lane % 4
    a = [(group if i in (0, 2) else group + 8, thread if i < 2 else thread + 4) for i in range(4)]
    b = [(thread + 4 * i, group) for i in range(2)]
    return a, b


def places_tf32_k4(lane):
    group, thread = lane >> 2, lane % 4
    return [(group, thread), (group + 8, thread)], [(thread, group)]


def places_s8_k32(lane):
    group, thread = lane >> 2, lane % 4
    a = [(group if i < 4 or 8 <= i < 12 else group + 8,
          thread * 4 + (i & 3) + (0 if i < 8 else 16)) for i in range(16)]
    b = [(thread * 4 + (i & 3) + (0 if i < 4 else 16), group) for i in range(8)]
    return a, b


def places_s8_k16(lane):
    group, thread = lane >> 2, lane % 4
    a = [(group if i < 4 else group + 8, thread * 4 + (i & 3)) for i in range(8)]
    b = [(thread * 4 + i, group) for i in range(4)]
    return a, b


def places_c(lane):
    group, thread = lane >> 2, lane % 4
    return [(group if i < 2 else group + 8, thread * 2 + (i & 1)) for i in range(4)]


def lay(matrix, places):
    """[lane, elements] of a fragment, elements as bits."""
    return np.array([[matrix[place] for place in places(lane)] for lane in range(32)], matrix.dtype)


def product(k, registers, factor, sums, types, overflow=""):
    """A kernel that multiplies the fragments x, w and adds z: (A registers, B registers) of
    `factor`."""
    body = ""
    names = {}
    for pointer, count, kind in (("x", registers[0], factor), ("w", registers[1], factor),
                                 ("z", 4, sums)):
        body += (f"  %{pointer}_n = llvm.mlir.constant({count} : i32) : i32\n"
                 f"  %{pointer}_t = llvm.mul %t, %{pointer}_n : i32\n")
        names[pointer] = []
        for i in range(count):
            name = f"{pointer}{i}"
            body += (f"  %{name}_b = llvm.getelementptr %{pointer}[{i}] : (!llvm.ptr) -> !llvm.ptr, {kind}\n"
                     f"  %{name}_p = llvm.getelementptr %{name}_b[%{pointer}_t] : (!llvm.ptr, i32) -> !llvm.ptr, {kind}\n"
                     f"  %{name} = llvm.load %{name}_p : !llvm.ptr -> {kind}\n")
            names[pointer].append(f"%{name}")
    x, w, z = (", ".join(names[pointer]) for pointer in "xwz")
    body += (f"  %d = nvvm.mma.sync A[{x}] B[{w}] C[{z}] {{layoutA = #nvvm.mma_layout<row>, "
             f"layoutB = #nvvm.mma_layout<col>, {types}{overflow}shape = #nvvm.shape<m = 16, n = 8, k = {k}>}} "
             f": ({factor}, {factor}, {sums}) -> !llvm.struct<({sums}, {sums}, {sums}, {sums})>\n")
    for i in range(4):
        body += f"  %d{i} = llvm.extractvalue %d[{i}] : !llvm.struct<({sums}, {sums}, {sums}, {sums})>\n"
        body += store(f"d{i}", "y", "z_t", sums, i)
    return module(kernel("product", ["x", "w", "z", "y"], body))


def types_of(a, b=None):
    return (f"multiplicandAPtxType = #nvvm.mma_type<{a}>, "
            f"multiplicandBPtxType = #nvvm.mma_type<{b or a}>, ")


def check(what, text, places, a, b, c, want, swap=False):
    """Within half a unit in the last place of f32 for each of the K sums."""
    frames = [lay(a, lambda lane: places(lane)[0]), lay(b, lambda lane: places(lane)[1]),
              lay(c, places_c)]
    if swap:  # lanes 5 and 6 change places
        frames[0][[5, 6]] = frames[0][[6, 5]]
    kind = "i32" if c.dtype == np.int32 else "f32"
    got = folder.run(text, "product", dict(zip("xwz", frames)), {"y": f"{kind}[32,4]"})["y"]
    result = np.zeros((16, 8), got.dtype)
    for lane in range(32):
        for i, place in enumerate(places_c(lane)):
            result[place] = got[lane, i]
    if kind == "i32":
        same = np.array_equal(result, want)
    else:
        size = np.abs(a.astype(np.float64)) @ np.abs(b.astype(np.float64)) + np.abs(c)
        same = (np.abs(result - want) <= size * (a.shape[1] + 1) * 2.0**-24).all()
    assert same != swap, f"{what}: {'a swapped lane is not seen' if swap else result - want}"


def float_factors(k, kind):
    a, b = numbers.standard_normal((16, k)), numbers.standard_normal((k, 8))
    c = numbers.standard_normal((16, 8)).astype(np.float32)
    if kind == "f16":
        a, b = a.astype(np.float16), b.astype(np.float16)
    else:  # the upper bits of f32
        mask = np.uint32(0xffff0000 if kind == "bf16" else 0xffffe000)
        a, b = ((m.astype(np.float32).view(np.uint32) & mask).view(np.float32) for m in (a, b))
    return a, b, c, a.astype(np.float64) @ b.astype(np.float64) + c


for k, places, registers in ((16, places_f16_k16, (4, 2)), (8, places_f16_k8, (2, 1))):
    a, b, c, want = float_factors(k, "f16")
    text = product(k, registers, "vector<2xf16>", "f32", "")
    check(f"f16 k{k}", text, places, a, b, c, want)
    check(f"f16 k{k}", text, places, a, b, c, want, swap=True)
    a, b, c, want = float_factors(k, "bf16")
    upper = [(m.view(np.uint32) >> 16).astype(np.int16) for m in (a, b)]
    text = product(k, registers, "i32", "f32", types_of("bf16"))
    frames = [lay(upper[0], lambda lane: places(lane)[0]), lay(upper[1], lambda lane: places(lane)[1])]
    got = folder.run(text, "product", {"x": frames[0], "w": frames[1], "z": lay(c, places_c)},
                     {"y": "f32[32,4]"})["y"]
    assert np.allclose(got, lay(want, places_c), rtol=0, atol=1e-5), f"bf16 k{k}"

for k, places, registers in ((8, places_tf32_k8, (4, 2)), (4, places_tf32_k4, (2, 1))):
    a, b, c, want = float_factors(k, "tf32")
    text = product(k, registers, "i32", "f32", types_of("tf32"))
    check(f"tf32 k{k}", text, places, a, b, c, want)
    # What lies below the 10 bits of a tf32 is not read.
    low = (a.view(np.uint32) | 0x1fff).view(np.float32)
    check(f"tf32 k{k}, low bits", text, places, low, b, c, want)

for k, places, registers in ((32, places_s8_k32, (4, 2)), (16, places_s8_k16, (2, 1))):
    for kinds in (("s8", "s8"), ("u8", "s8"), ("s8", "u8"), ("u8", "u8")):
        a, b = (numbers.integers(-128, 128, shape, np.int8) if kind == "s8" else
                numbers.integers(0, 256, shape, np.uint8)
                for kind, shape in zip(kinds, ((16, k), (k, 8))))
        c = numbers.integers(-10**6, 10**6, (16, 8), np.int32)
        c[3, 3], c[4, 4] = 2**31 - 1, -2**31  # the sums wrap
        exact = a.astype(np.int64) @ b.astype(np.int64) + c
        text = product(k, registers, "i32", "i32", types_of(*kinds),
                       "intOverflowBehavior = #nvvm.mma_int_overflow<wrapped>, ")
        check(f"{kinds} k{k}", text, places, a, b, c, exact.astype(np.int32))

# ldmatrix: four matrices of 8 x 8, one below the other in shared memory.
for transposed in (False, True):
    body = load("v", "x", "t", "vector<4xi32>") + (
        "  %s = llvm.mlir.addressof @shared : !llvm.ptr<3>\n"
        "  %p = llvm.getelementptr %s[%t] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, vector<4xi32>\n"
        "  llvm.store %v, %p : vector<4xi32>, !llvm.ptr<3>\n"
        "  %all = llvm.mlir.constant(-1 : i32) : i32\n"
        "  nvvm.bar.warp.sync %all : i32\n"
        "  %m = nvvm.ldmatrix %p {num = 4 : i32, layout = #nvvm.mma_layout<"
        + ("col" if transposed else "row") +
        ">, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, eltType = #nvvm.ld_st_matrix_elt_type<b16>}"
        " : (!llvm.ptr<3>) -> !llvm.struct<(i32, i32, i32, i32)>\n")
    for i in range(4):
        body += f"  %m{i} = llvm.extractvalue %m[{i}] : !llvm.struct<(i32, i32, i32, i32)>\n"
        body += store(f"m{i}", "y", "t", "i32", 32 * i)
    matrices = numbers.integers(-2**15, 2**15, (4, 8, 8), np.int16)
    got = folder.run(module(kernel("rows", ["x", "y"], body), shared=512), "rows",
                     {"x": matrices}, {"y": "i32[4,32]"})["y"].view(np.int16).reshape(4, 32, 2)
    want = matrices.transpose(0, 2, 1) if transposed else matrices
    assert np.array_equal(got, want.reshape(4, 32, 2)), f"ldmatrix, transposed {transposed}"
