"""Conversions between types against NumPy: conversions.py FOLDER."""

import sys

import numpy as np
from programs import Folder, kernel, load, module, store

folder = Folder(sys.argv[1])
numbers = np.random.default_rng(11)
threads = 256
numpy_of = {"f16": np.float16, "f32": np.float32, "f64": np.float64, "i8": np.int8, "i16": np.int16,
            "i32": np.int32, "i64": np.int64}


def run(op, source, target, values, registers=None):
    """%r = op of %a, for each value."""
    body = load("a", "x", "t", source) + f"  %r = llvm.{op} %a : {source} to {target}\n"
    body += store("r", "y", "t", target)
    kind, count = registers or (target, 1)
    shape = f"{kind}[{threads},{count}]" if count > 1 else f"{kind}[{threads}]"
    return folder.run(module(kernel("convert", ["x", "y"], body, threads)), "convert",
                      {"x": values}, {"y": shape})["y"]


def floats(kind):
    spread = numbers.standard_normal(threads - 16) * np.exp2(numbers.integers(-20, 40, threads - 16))
    edges = [0, -0.0, 0.5, 1.5, -2.5, 127.5, 128, -129, 2.0**31, -2.0**31, 2.0**63, 2.0**64, np.nan,
             np.inf, -np.inf, 65519.99]
    with np.errstate(all="ignore"):
        return np.concatenate([edges, spread]).astype(numpy_of[kind])


def saturated(values, bits, signed):
    """As PTX's cvt: to 32 or 64 bits, the nearest integer; then cut."""
    wide = 64 if bits == 64 else 32
    low, high = (-2**(wide - 1), 2**(wide - 1) - 1) if signed else (0, 2**wide - 1)
    result = []
    for value in values.astype(np.float64):
        whole = 0 if np.isnan(value) else high if value >= high else low if value <= low else int(value)
        result.append(whole % 2**bits)
    return np.array(result, f"u{bits // 8}")


def same(what, want, got):
    want, got = want.view(f"u{want.itemsize}"), got.view(f"u{got.itemsize}")
    wrong = want != got
    assert not wrong.any(), f"{what}: element {np.argmax(wrong)}: {want[wrong][0]:x} is {got[wrong][0]:x}"


with np.errstate(all="ignore"):
    for source in ("f16", "f32", "f64"):
        values = floats(source)
        for target in ("f16", "f32", "f64"):
            bits = np.dtype(numpy_of[target]).itemsize
            if bits != values.itemsize:
                want = values.astype(numpy_of[target])
                got = run("fpext" if bits > values.itemsize else "fptrunc", source, target, values)
                number = ~np.isnan(want)
                same(f"{source} to {target}", want[number], got[number])
                assert np.isnan(got[~number]).all()
        for target in ("i8", "i16", "i32", "i64"):
            bits = int(target[1:])
            same(f"{source} to {target}", saturated(values, bits, True),
                 run("fptosi", source, target, values))
            same(f"{source} to u{bits}", saturated(values, bits, False),
                 run("fptoui", source, target, values))

    # bf16, which NumPy lacks: its upper half, rounded to even.
    values = floats("f32")
    got = run("fptrunc", "f32", "bf16", values).astype(np.float32)
    raw = values.view(np.uint32).astype(np.uint64)
    want = ((raw + 0x7fff + (raw >> 16 & 1)) >> 16 << 16).astype(np.uint32).view(np.float32)
    number = ~np.isnan(values)
    same("f32 to bf16", want[number], got[number])
    halfway = np.full(threads, 1 + 2.0**-8 + 2.0**-40)  # rounds twice if it goes by f32
    assert (run("fptrunc", "f64", "bf16", halfway) == 1 + 2.0**-7).all()

    for source in ("i8", "i16", "i32", "i64"):
        info = np.iinfo(numpy_of[source])
        values = numbers.integers(info.min, info.max, threads, numpy_of[source], endpoint=True)
        values[:3] = info.min, info.max, 0
        unsigned = values.view(f"u{values.itemsize}")
        for target in ("f32", "f64"):
            same(f"{source} to {target}", values.astype(numpy_of[target]),
                 run("sitofp", source, target, values))
            same(f"u{source} to {target}", unsigned.astype(numpy_of[target]),
                 run("uitofp", source, target, values))
        for target in ("i8", "i16", "i32", "i64"):
            size = np.dtype(numpy_of[target]).itemsize
            if size > values.itemsize:
                same(f"{source} to {target}", values.astype(numpy_of[target]),
                     run("sext", source, target, values))
                same(f"{source} to {target}", unsigned.astype(f"u{size}"),
                     run("zext", source, target, values))
            elif size < values.itemsize:
                same(f"{source} to {target}", values.astype(numpy_of[target]),
                     run("trunc", source, target, values))

# Bits seen as several or fewer numbers.
words = numbers.integers(-2**63, 2**63, threads, np.int64)
same("i64 in bytes", words.view(np.int8).reshape(threads, 8),
     run("bitcast", "i64", "vector<8xi8>", words, ("i8", 8)))
same("bytes in i64", words, run("bitcast", "vector<8xi8>", "i64", words.view(np.int8).reshape(-1, 8)))
same("i32 in i16", words.view(np.int16).reshape(-1, 4)[:, :2].copy(),
     run("bitcast", "i32", "vector<2xi16>", words.view(np.int32)[::2].copy(), ("i16", 2)))
same("i64 in i32", words.view(np.int32).reshape(-1, 2),
     run("bitcast", "i64", "vector<2xi32>", words, ("i32", 2)))
