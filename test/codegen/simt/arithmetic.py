"""Operations of the simulator against NumPy: arithmetic.py FOLDER."""

import sys

import numpy as np
from programs import Folder, kernel, load, module, store

folder = Folder(sys.argv[1])
numbers = np.random.default_rng(7)
threads = 256


def check(what, want, got):
    want, got = np.asarray(want), np.asarray(got)
    same = (want == got) | ((want != want) & (got != got))
    if want.dtype.kind == "f":
        same &= np.isnan(want) | (np.signbit(want) == np.signbit(got))
    assert same.all(), f"{what}: element {np.argmin(same)}: {want[~same][0]} is {got[~same][0]}"


def edges(kind):
    info = np.iinfo(kind)
    some = np.array([0, 1, 2, 3, -1, -2, 7, info.max, info.min, info.max - 1], kind)
    return np.concatenate([some, numbers.integers(info.min, info.max, threads - len(some),
                                                  dtype=kind, endpoint=True)])


def run(name, kind, result, ops, a, b, extra=""):
    """Runs operations, each a text of %a, %b and its result type; gives a row for each."""
    body = load("a", "x", "t", kind) + load("b", "w", "t", kind) + extra
    for i, op in enumerate(ops):
        body += f"  %r{i} = {op}\n" + store(f"r{i}", "y", "t", result, i * threads)
    text = module(kernel(name, ["x", "w", "y"], body, threads))
    return folder.run(text, name, {"x": a, "w": b}, {"y": f"{result}[{len(ops)},{threads}]"})["y"]


def integers(bits):
    signed, unsigned = np.dtype(f"i{bits // 8}"), np.dtype(f"u{bits // 8}")
    kind = f"i{bits}"
    a = edges(signed)
    b = np.roll(edges(signed), 5)
    b[b == 0] = 3
    shifts = (b.view(unsigned) % bits).astype(unsigned)
    ua, ub = a.view(unsigned), b.view(unsigned)
    with np.errstate(all="ignore"):
        wide = a.astype(object), b.astype(object)
        quotients = [int(x / y) if bits < 32 else (abs(x) // abs(y)) * (1 if (x < 0) == (y < 0) else -1)
                     for x, y in zip(*wide)]
        quotients = np.array([q % 2**bits for q in quotients], unsigned).view(signed)
        cases = [
            (f"llvm.add %a, %b : {kind}", a + b),
            (f"llvm.sub %a, %b : {kind}", a - b),
            (f"llvm.mul %a, %b : {kind}", a * b),
            (f"llvm.and %a, %b : {kind}", a & b),
            (f"llvm.or %a, %b : {kind}", a | b),
            (f"llvm.xor %a, %b : {kind}", a ^ b),
            (f"llvm.shl %a, %s : {kind}", ua << shifts),
            (f"llvm.lshr %a, %s : {kind}", ua >> shifts),
            (f"llvm.ashr %a, %s : {kind}", a >> shifts.view(signed)),
            (f"llvm.sdiv %a, %b : {kind}", quotients),
            (f"llvm.srem %a, %b : {kind}", a - quotients * b),
            (f"llvm.udiv %a, %b : {kind}", ua // ub),
            (f"llvm.urem %a, %b : {kind}", ua % ub),
            (f"llvm.intr.smax(%a, %b) : ({kind}, {kind}) -> {kind}", np.maximum(a, b)),
            (f"llvm.intr.smin(%a, %b) : ({kind}, {kind}) -> {kind}", np.minimum(a, b)),
            (f"llvm.intr.umax(%a, %b) : ({kind}, {kind}) -> {kind}", np.maximum(ua, ub)),
            (f"llvm.intr.umin(%a, %b) : ({kind}, {kind}) -> {kind}", np.minimum(ua, ub)),
            (f"llvm.intr.ctpop(%a) : ({kind}) -> {kind}", [bin(x).count("1") for x in ua.tolist()]),
            (f'"llvm.intr.ctlz"(%a) <{{is_zero_poison = false}}> : ({kind}) -> {kind}',
             [bits - x.bit_length() for x in ua.tolist()]),
            (f'"llvm.intr.cttz"(%a) <{{is_zero_poison = false}}> : ({kind}) -> {kind}',
             [bits if x == 0 else (x & -x).bit_length() - 1 for x in ua.tolist()]),
            (f'"llvm.intr.abs"(%a) <{{is_int_min_poison = false}}> : ({kind}) -> {kind}', np.abs(a)),
            (f"llvm.intr.fshl(%a, %b, %s) : ({kind}, {kind}, {kind}) -> {kind}",
             [((x << bits | y) << s >> bits) % 2**bits
              for x, y, s in zip(ua.tolist(), ub.tolist(), shifts.tolist())]),
            (f"llvm.intr.fshr(%a, %b, %s) : ({kind}, {kind}, {kind}) -> {kind}",
             [((x << bits | y) >> s) % 2**bits
              for x, y, s in zip(ua.tolist(), ub.tolist(), shifts.tolist())]),
        ]
    extra = (f"  %bits = llvm.mlir.constant({bits} : {kind}) : {kind}\n"
             f"  %s = llvm.urem %b, %bits : {kind}\n")
    got = run(f"i{bits}", kind, kind, [op for op, _ in cases], a, b, extra)
    for (op, want), row in zip(cases, got):
        rows = want.tolist() if isinstance(want, np.ndarray) else want
        check(op, np.array([x % 2**bits for x in rows], unsigned), row.view(unsigned))

    b[::3] = a[::3]
    orders = {"eq": a == b, "ne": a != b, "slt": a < b, "sle": a <= b, "sgt": a > b, "sge": a >= b,
              "ult": ua < ub, "ule": ua <= ub, "ugt": ua > ub, "uge": ua >= ub}
    got = run(f"compare{bits}", kind, "i1",
              [f'llvm.icmp "{order}" %a, %b : {kind}' for order in orders], a, b)
    for order, row in zip(orders, got):
        check(f"icmp {order} of i{bits}", orders[order], row)


def floats(kind, numpy):
    info = np.finfo(numpy)
    special = np.array([0.0, -0.0, 1, -1, 0.5, 1.5, 2.5, -2.5, np.inf, -np.inf, np.nan,
                        info.max, info.tiny, info.tiny / 2, info.eps, 3], numpy)
    a = np.concatenate([special, (numbers.standard_normal(threads - 16) * 8).astype(numpy)])
    b = np.roll(a, 3)
    with np.errstate(all="ignore"):
        nan = np.isnan(a) | np.isnan(b)
        order = (a < b) | ((a == b) & np.signbit(a))
        cases = [
            (f"llvm.fadd %a, %b : {kind}", a + b),
            (f"llvm.fsub %a, %b : {kind}", a - b),
            (f"llvm.fmul %a, %b : {kind}", a * b),
            (f"llvm.fdiv %a, %b : {kind}", a / b),
            (f"llvm.fneg %a : {kind}", -a),
            (f"llvm.intr.fabs(%a) : ({kind}) -> {kind}", np.abs(a)),
            (f"llvm.intr.sqrt(%a) : ({kind}) -> {kind}", np.sqrt(a)),
            (f"llvm.intr.floor(%a) : ({kind}) -> {kind}", np.floor(a)),
            (f"llvm.intr.ceil(%a) : ({kind}) -> {kind}", np.ceil(a)),
            (f"llvm.intr.trunc(%a) : ({kind}) -> {kind}", np.trunc(a)),
            (f"llvm.intr.roundeven(%a) : ({kind}) -> {kind}", np.rint(a)),
            (f"llvm.intr.rint(%a) : ({kind}) -> {kind}", np.rint(a)),
            (f"llvm.intr.copysign(%a, %b) : ({kind}, {kind}) -> {kind}", np.copysign(a, b)),
            (f"llvm.intr.maximum(%a, %b) : ({kind}, {kind}) -> {kind}", np.where(nan, np.nan, np.where(order, b, a))),
            (f"llvm.intr.minimum(%a, %b) : ({kind}, {kind}) -> {kind}", np.where(nan, np.nan, np.where(order, a, b))),
            (f"llvm.intr.maxnum(%a, %b) : ({kind}, {kind}) -> {kind}",
             np.where(np.isnan(a), b, np.where(np.isnan(b), a, np.where(order, b, a)))),
            (f"llvm.intr.minnum(%a, %b) : ({kind}, {kind}) -> {kind}",
             np.where(np.isnan(a), b, np.where(np.isnan(b), a, np.where(order, a, b)))),
        ]
        if kind == "f16":  # one product and one sum, rounded once
            c = a.astype(np.float64)
            for name in ("fma", "fmuladd"):
                cases.append((f"llvm.intr.{name}(%a, %b, %a) : ({kind}, {kind}, {kind}) -> {kind}",
                              (c * b.astype(np.float64) + c).astype(np.float16)))
    got = run(kind, kind, kind, [op for op, _ in cases], a, b)
    for (op, want), row in zip(cases, got):
        check(op, want, row)
    unordered = np.isnan(a) | np.isnan(b)
    orders = {"oeq": a == b, "olt": a < b, "ole": a <= b, "ogt": a > b, "oge": a >= b,
              "one": (a != b) & ~unordered, "ord": ~unordered, "uno": unordered,
              "ueq": (a == b) | unordered, "ult": ~(a >= b), "ule": ~(a > b), "ugt": ~(a <= b),
              "uge": ~(a < b), "une": a != b}
    got = run(f"compare_{kind}", kind, "i1",
              [f'llvm.fcmp "{order}" %a, %b : {kind}' for order in orders], a, b)
    for order, row in zip(orders, got):
        check(f"fcmp {order} of {kind}", orders[order], row)


for width in (8, 16, 32, 64):
    integers(width)
for kind, numpy in (("f16", np.float16), ("f32", np.float32), ("f64", np.float64)):
    floats(kind, numpy)
