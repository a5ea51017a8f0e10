"""What lanes do together, against NumPy: collectives.py FOLDER."""

import sys

import numpy as np
from programs import Folder, kernel, load, module, store

folder = Folder(sys.argv[1])
numbers = np.random.default_rng(5)
lanes = np.arange(32)
a = numbers.integers(-2**31, 2**31, 32, np.int64).astype(np.int32)
b = numbers.integers(-2**31, 2**31, 32, np.int64).astype(np.int32)
u = a.view(np.uint32)

head = ("  %all = llvm.mlir.constant(-1 : i32) : i32\n" +
        "".join(f"  %c{n} = llvm.mlir.constant({n} : i32) : i32\n"
                for n in (0, 3, 5, 8, 31, 6175)))
few = a % 3  # values that several lanes have
bit = (a & 1).astype(bool)


def shuffled(kind, by, clamp):
    """The lane that each lane reads, as the pseudo-code of the PTX ISA has it."""
    source = []
    for lane in range(32):
        segment = clamp >> 8 & 31
        last = (lane & segment) | (clamp & 31 & ~segment)
        first = lane & segment
        j = {"up": lane - by, "down": lane + by, "bfly": lane ^ by,
             "idx": first | (by & ~segment)}[kind]
        valid = j >= last if kind == "up" else j <= last
        source.append(j if valid else lane)
    return np.array(source)


cases = []
for kind, by, clamp in (("bfly", 5, 31), ("idx", 3, 31), ("down", 8, 31), ("up", 5, 0),
                        # segments of 8 lanes: (32 - 8) << 8 | 31
                        ("bfly", 3, 6175), ("down", 5, 6175), ("idx", 3, 6175)):
    cases.append((f"nvvm.shfl.sync {kind} %all, %a, %c{by}, %c{clamp} : i32 -> i32",
                  a[shuffled(kind, by, clamp)]))
ballot = sum(1 << lane for lane in range(32) if bit[lane])
cases += [
    ("nvvm.vote.sync ballot %all, %p -> i32", np.full(32, ballot, np.uint32).view(np.int32)),
    ("nvvm.redux.sync add %a, %all : i32 -> i32", np.full(32, u.sum(dtype=np.uint32)).view(np.int32)),
    ("nvvm.redux.sync max %a, %all : i32 -> i32", np.full(32, a.max())),
    ("nvvm.redux.sync min %a, %all : i32 -> i32", np.full(32, a.min())),
    ("nvvm.redux.sync umax %a, %all : i32 -> i32", np.full(32, u.max()).view(np.int32)),
    ("nvvm.redux.sync umin %a, %all : i32 -> i32", np.full(32, u.min()).view(np.int32)),
    ("nvvm.redux.sync xor %a, %all : i32 -> i32", np.full(32, np.bitwise_xor.reduce(a))),
    ("nvvm.redux.sync or %a, %all : i32 -> i32", np.full(32, np.bitwise_or.reduce(a))),
    ("nvvm.redux.sync and %a, %all : i32 -> i32", np.full(32, np.bitwise_and.reduce(a))),
    ("nvvm.match.sync any %all, %few : i32 -> i32",
     np.array([sum(1 << k for k in range(32) if few[k] == few[lane]) for lane in range(32)],
              np.uint32).view(np.int32)),
    ("nvvm.read.ptx.sreg.laneid : i32", lanes),
    ("nvvm.read.ptx.sreg.ntid.x : i32", np.full(32, 32)),
    ("nvvm.read.ptx.sreg.nctaid.x : i32", np.full(32, 1)),
    ("nvvm.read.ptx.sreg.ctaid.x : i32", np.full(32, 0)),
    ("nvvm.read.ptx.sreg.tid.y : i32", np.full(32, 0)),
    ("nvvm.read.ptx.sreg.ntid.y : i32", np.full(32, 1)),
]


def permuted(low, high, selector):
    pool = list(int(low).to_bytes(4, "little") + int(high).to_bytes(4, "little"))
    result = 0
    for k in range(4):
        pick = int(selector) >> (4 * k) & 15
        byte = pool[pick & 7]
        if pick & 8:
            byte = 0xff if byte & 0x80 else 0
        result |= byte << (8 * k)
    return result


v = b.view(np.uint32)
cases.append(("nvvm.prmt <default> %few2, %a, %b : i32",
              np.array([permuted(x, y, s) for x, y, s in zip(u, v, np.roll(u, 1))],
                       np.uint32).view(np.int32)))
for first in ("signed", "unsigned"):
    for second in ("signed", "unsigned"):
        x = a.view(np.int8 if first == "signed" else np.uint8).reshape(32, 4).astype(np.int64)
        y = b.view(np.int8 if second == "signed" else np.uint8).reshape(32, 4).astype(np.int64)
        cases.append((f"nvvm.dot.accumulate.4way %a4 <{first}>, %b4 <{second}>, %few : vector<4xi8>, vector<4xi8>",
                      ((x * y).sum(1) + few).astype(np.int32)))

body = head + load("a", "x", "t", "i32") + load("b", "w", "t", "i32") + load("few", "z", "t", "i32")
body += load("few2", "s", "t", "i32")
body += ("  %p = llvm.trunc %a : i32 to i1\n"
         "  %a4 = llvm.bitcast %a : i32 to vector<4xi8>\n"
         "  %b4 = llvm.bitcast %b : i32 to vector<4xi8>\n")
for i, (op, _) in enumerate(cases):
    body += f"  %r{i} = {op}\n" + store(f"r{i}", "y", "t", "i32", 32 * i)
votes = {"any": bit.any(), "all": bit.all(), "uni": bit.all() or not bit.any()}
for i, kind in enumerate(votes):
    body += (f"  %v{i} = nvvm.vote.sync {kind} %all, %p -> i1\n" + store(f"v{i}", "q", "t", "i1", 32 * i))
got = folder.run(module(kernel("together", ["x", "w", "z", "s", "y", "q"], body)), "together",
                 {"x": a, "w": b, "z": few.astype(np.int32), "s": np.roll(a, 1)},
                 {"y": f"i32[{len(cases)},32]", "q": "i1[3,32]"})
for (op, want), row in zip(cases, got["y"]):
    assert np.array_equal(want, row), f"{op}: {want} is {row}"
for (kind, want), row in zip(votes.items(), got["q"]):
    assert (row == want).all(), f"vote {kind}"

# Threads of several warps add to one place, in no order.
body = load("a", "x", "t", "i32") + "  %o = llvm.atomicrmw add %y, %a monotonic : !llvm.ptr, i32\n"
a = numbers.integers(-100, 100, 96, np.int32)
start = np.array([5], np.int32)
got = folder.run(module(kernel("added", ["x", "y"], body, 96)), "added", {"x": a}, {},
                 changed={"sum": start})
assert got["sum"][0] == 5 + a.sum()
